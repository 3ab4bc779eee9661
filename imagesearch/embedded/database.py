"""The connections to the SQLite file of a store, and what its errors mean."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from imagesearch.embedded.schema import migrate
from imagesearch.errors import StoreFull, StoreUnavailable
from imagesearch.places import kilometres

DATABASE = "pictures.db"


class Database:
    """The database in the folder `folder`: as many connections as are in use at a time.

    SQLite serialises what shares a connection; and not one a thread, since threads come and go with
    the requests. `busy_seconds` is how long to wait for another process that is writing.
    """

    def __init__(self, folder: Path, *, create: bool, busy_seconds: float) -> None:
        self._folder = folder
        self._busy_seconds = busy_seconds
        self._idle: list[sqlite3.Connection] = []
        with self._translated():
            if not create and not (folder / DATABASE).exists():
                raise StoreUnavailable(
                    f"There is no store in {folder}. "
                    f"Make one: python -m ingest --store {folder} <your pictures>."
                )
            folder.mkdir(parents=True, exist_ok=True)
            with self.connection() as db:
                migrate(db, str(folder))

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one state of the database throughout."""
        with self._translated(), self.connection() as db:
            db.execute("BEGIN")
            with db:
                yield db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is on disk when the block ends, and undone if it fails."""
        with self._translated(), self.connection() as db:
            db.execute("BEGIN IMMEDIATE")
            with db:
                yield db

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """An idle connection or a new one, in autocommit mode."""
        try:
            db = self._idle.pop()
        except IndexError:
            db = _connect(self._folder / DATABASE, self._busy_seconds)
        try:
            yield db
        finally:
            self._idle.append(db)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _in_words(error, self._folder, self._busy_seconds) from error
        except OSError as error:
            raise StoreUnavailable(
                f"The store folder {self._folder} cannot be used: {error.strerror}. "
                "Check its permissions or name another with --store."
            ) from error

    def close(self) -> None:
        """Close the connections. No other thread may be using the database."""
        while self._idle:
            self._idle.pop().close()


def _connect(database: Path, busy_seconds: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        database, timeout=busy_seconds, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    # SQLite does not wait here by itself: two that make a fresh database so at once are both refused.
    for attempt in Retrying(
        retry=retry_if_exception(_is_busy),
        stop=stop_after_delay(busy_seconds),
        wait=wait_random(0, 0.05),
        reraise=True,
    ):
        with attempt:
            connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.create_function("kilometres", 4, kilometres, deterministic=True)
    return connection


def _is_busy(error: BaseException) -> bool:
    return _code(error) == sqlite3.SQLITE_BUSY


def _code(error: BaseException) -> int:
    # The low byte is the error; the rest says more about it than a person needs.
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _in_words(error: sqlite3.Error, folder: Path, busy_seconds: float) -> StoreUnavailable:
    match _code(error):
        case sqlite3.SQLITE_FULL:
            return StoreFull(
                f"The disk that holds the store {folder} is full. What was written before is kept. "
                "Make room and run the same again."
            )
        case sqlite3.SQLITE_BUSY:
            return StoreUnavailable(
                f"The store {folder} was kept locked by another process for {busy_seconds:g} s. "
                "Wait for that process or stop it, then try again."
            )
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return StoreUnavailable(
                f"The store {folder} is damaged ({error}). Restore it from a backup, or move the folder "
                "away and ingest again."
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN:
            return StoreUnavailable(
                f"The store {folder} cannot be written ({error}). Check its permissions or name another "
                "with --store."
            )
        case _:
            return StoreUnavailable(f"The store {folder} failed: {error}.")
