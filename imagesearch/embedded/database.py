"""The connections to the SQLite file of a store, and what its errors mean."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from imagesearch.embedded.schema import is_current, migrate
from imagesearch.errors import StoreFull, StoreReadOnly, StoreUnavailable
from imagesearch.places import kilometres

DATABASE = "pictures.db"
_NOT_WRITTEN = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


class Database:
    """The database in the folder `folder`: as many connections as are in use at a time.

    SQLite serialises what shares a connection; and not one a thread, since threads come and go with
    the requests. `busy_seconds` is how long to wait for another process that is writing. `read_only` says
    that the disk takes no writes; then StoreReadOnly is raised by whoever tries.
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
            self.read_only = bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
            with self.connection() as db:
                if not is_current(db, str(folder)):
                    self._refuse_sealed()
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
        self._refuse_sealed()
        with self._translated(), self.connection() as db:
            db.execute("BEGIN IMMEDIATE")
            with db:
                yield db

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """An idle connection or a new one, in autocommit mode."""
        if self.read_only:
            # Always a new one: somebody may write where this disk is mounted otherwise.
            with closing(_connect_to_read(self._folder / DATABASE, self._busy_seconds)) as db:
                yield db
            return
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
            if self.read_only and _code(error) in _NOT_WRITTEN:
                raise self._sealed() from error
            raise _in_words(error, self._folder, self._busy_seconds) from error
        except OSError as error:
            raise StoreUnavailable(
                f"The store folder {self._folder} cannot be used: {error.strerror}. "
                "Check its permissions or name another with --store."
            ) from error

    def _refuse_sealed(self) -> None:
        if self.read_only:
            raise self._sealed()

    def _sealed(self) -> StoreReadOnly:
        return StoreReadOnly(
            f"The store {self._folder} is on a disk that can only be read, and this has to write to it. Copy "
            "the folder to another disk and name that one with --store."
        )

    def close(self) -> None:
        """Close the connections. No other thread may be using the database."""
        while self._idle:
            self._idle.pop().close()


def _connect_to_read(database: Path, busy_seconds: float) -> sqlite3.Connection:
    """A connection to a database that cannot be written, nor the files that SQLite wants beside it.

    It does without them only where nobody writes: then there is no log, or an empty one.
    """
    log = database.with_name(f"{database.name}-wal")
    alone = "" if log.exists() and log.stat().st_size else "&immutable=1"
    return _opened(f"{database.absolute().as_uri()}?mode=ro{alone}", busy_seconds)


def _connect(database: Path, busy_seconds: float) -> sqlite3.Connection:
    connection = _opened(database.absolute().as_uri(), busy_seconds)
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
    return connection


def _opened(uri: str, busy_seconds: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri, uri=True, timeout=busy_seconds, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
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
        case code if code in _NOT_WRITTEN:
            return StoreUnavailable(
                f"The store {folder} cannot be written ({error}). Check its permissions or name another "
                "with --store."
            )
        case _:
            return StoreUnavailable(f"The store {folder} failed: {error}.")
