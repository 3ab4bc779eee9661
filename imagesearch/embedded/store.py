"""The embedded store itself. Measured to 200,000 pictures; beyond, Elasticsearch is the engine."""

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self, cast

import numpy as np

from imagesearch.config import TextEncoding
from imagesearch.embedded.matrix import IntArray, Matrix, Snapshot
from imagesearch.embedded.rows import (
    COLUMNS,
    indexed_words,
    match_expression,
    to_file_state,
    to_picture,
    to_row,
    where,
)
from imagesearch.embedded.schema import migrate
from imagesearch.errors import StoreFull, StoreUnavailable
from imagesearch.records import (
    NO_FILTERS,
    Entry,
    FacetCount,
    Facets,
    FileState,
    Filters,
    FloatArray,
    Hit,
    Knn,
    ModelIdentity,
    ModelText,
    Page,
    Picture,
    Window,
)
from imagesearch.store import Capabilities, StoreStatus, paths_under, refuse_other_model
from imagesearch.texts import LocalTexts, QueryTexts

DATABASE = "pictures.db"
_IDS_AT_A_TIME = 500


class EmbeddedStore:
    """Pictures in the folder `folder`. Implements `imagesearch.store.Store`.

    `busy_seconds` is how long to wait for another process that is writing.
    """

    capabilities = Capabilities(name="embedded", exact=True, reach=None)

    def __init__(self, folder: Path, *, create: bool = False, busy_seconds: float = 30) -> None:
        self._folder = folder
        self._busy_seconds = busy_seconds
        self._matrix = Matrix()
        self._idle: list[sqlite3.Connection] = []
        with self._translated():
            if not create and not (folder / DATABASE).exists():
                raise StoreUnavailable(
                    f"There is no store in {folder}. "
                    f"Make one: python -m ingest --store {folder} <your pictures>."
                )
            folder.mkdir(parents=True, exist_ok=True)
            with self._connection() as db:
                migrate(db, str(folder))

    # --- the model

    @property
    def place(self) -> str:
        return str(self._folder)

    def current(self) -> Self:
        return self

    def identity(self) -> ModelIdentity | None:
        with self._reading() as db:
            found = db.execute("SELECT value FROM meta WHERE key = 'model'").fetchone()
        return ModelIdentity(**json.loads(found[0])) if found else None

    def adopt(self, identity: ModelIdentity) -> None:
        with self._writing() as db:
            db.execute("INSERT OR IGNORE INTO meta VALUES ('model', ?)", (json.dumps(asdict(identity)),))
            stored = db.execute("SELECT value FROM meta WHERE key = 'model'").fetchone()[0]
        refuse_other_model(ModelIdentity(**json.loads(stored)), identity, str(self._folder))

    # --- writing

    def write(self, entries: Sequence[Entry], replacing: Collection[str] = ()) -> None:
        with self._writing() as db:
            _delete(db, replacing)
            for entry in entries:
                _upsert(db, entry)

    def delete(self, ids: Collection[str]) -> int:
        with self._writing() as db:
            return _delete(db, ids)

    def loading(self, *, alone: bool = False) -> AbstractContextManager[None]:  # noqa: ARG002
        return nullcontext()

    # --- reading by id or path

    def get(self, id: str) -> Picture | None:
        return self.pictures([id]).get(id)

    def pictures(self, ids: Collection[str]) -> dict[str, Picture]:
        with self._reading() as db:
            return _pictures(db, "id", list(ids))

    def embedding(self, id: str) -> FloatArray | None:
        return self.embeddings([id]).get(id)

    def embeddings(self, ids: Collection[str]) -> dict[str, FloatArray]:
        return self._vectors("id", ids)

    def embeddings_by_content(self, content_hashes: Collection[str]) -> dict[str, FloatArray]:
        return self._vectors("content_hash", content_hashes)

    def _vectors(self, column: str, values: Collection[str]) -> dict[str, FloatArray]:
        """The embeddings of the pictures that have one of `values` in `column`, by that value."""
        query = f"SELECT {column}, vector FROM pictures JOIN embeddings USING (row) WHERE {column} IN"
        with self._reading() as db:
            return {
                value: _to_vector(vector)
                for some in _chunks(list(values))
                for value, vector in db.execute(f"{query} ({', '.join('?' * len(some))})", some)
            }

    def files(self, under: str) -> Iterator[FileState]:
        with self._reading() as db:
            rows = db.execute(f"SELECT {COLUMNS} FROM pictures").fetchall()
        return paths_under(map(to_file_state, rows), under)

    def sources(self) -> Sequence[str]:
        with self._reading() as db:
            return [s for (s,) in db.execute("SELECT DISTINCT source FROM pictures ORDER BY source")]

    # --- asking

    def knn(self, query: Knn) -> Page:
        with self._reading() as db:
            snapshot = self._matrix.snapshot(db)
            slots = _allowed_slots(db, snapshot, query.filters)
            ranked, scores, reachable = _rank(snapshot, slots, query)
            pictures = _pictures(db, "row", snapshot.rows[ranked].tolist())
        found = zip(snapshot.rows[ranked], scores, strict=True)
        hits = tuple(Hit(pictures[row], float(score)) for row, score in found)
        return Page(hits, total=len(slots), reachable=reachable)

    def containing(self, words: str, filters: Filters, size: int) -> Sequence[str]:
        condition, values = where(filters)
        ranked = (
            "SELECT id FROM words JOIN pictures ON row = words.rowid "
            f"WHERE words MATCH ? AND {condition} ORDER BY bm25(words), id LIMIT ?"
        )
        with self._reading() as db:
            found = db.execute(ranked, [match_expression(words, any_of=True), *values, size]).fetchall()
        return [id for (id,) in found]

    def texts(self, asked: TextEncoding) -> QueryTexts:  # noqa: ARG002
        return LocalTexts()

    def browse(self, filters: Filters, window: Window) -> Page:
        condition, values = where(filters)
        with self._reading() as db:
            total = _count(db, filters)
            rows = db.execute(
                f"SELECT {COLUMNS} FROM pictures WHERE {condition} "
                "ORDER BY date DESC, path, id LIMIT ? OFFSET ?",
                [*values, window.limit, window.offset],
            ).fetchall()
        return Page(tuple(Hit(to_picture(row)) for row in rows), total=total, reachable=total)

    def facets(self, filters: Filters, size: int = 50) -> Facets:
        condition, values = where(filters)
        # Without a filter the index alone answers; looking every row up takes ten times as long.
        passing = f"WHERE row IN (SELECT row FROM pictures WHERE {condition})" if filters else ""
        by_tag = f"tag, count(*) AS n FROM tags {passing}"

        def counts(select: str, order: str = "n DESC, 1") -> tuple[FacetCount, ...]:
            sql = f"SELECT {select} GROUP BY 1 ORDER BY {order} LIMIT ?"
            return tuple(FacetCount(value, n) for value, n in db.execute(sql, [*values, size]))

        def column(expression: str) -> str:
            return f"{expression}, count(*) AS n FROM pictures WHERE {expression} IS NOT NULL AND {condition}"

        with self._reading() as db:
            return Facets(
                tags=counts(by_tag),
                groups=counts(column('"group"')),
                authors=counts(column("author")),
                years=counts(column("substr(date, 1, 4)"), order="1"),
            )

    def count(self, filters: Filters = NO_FILTERS) -> int:
        with self._reading() as db:
            return _count(db, filters)

    def status(self, seconds: float) -> StoreStatus:  # noqa: ARG002
        return StoreStatus(pictures=self.count(), index=DATABASE)

    # --- connections: as many as are in use at a time, since SQLite serialises what shares one

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """An idle connection or a new one. Not one a thread: threads come and go with the requests."""
        try:
            db = self._idle.pop()
        except IndexError:
            db = _connect(self._folder / DATABASE, self._busy_seconds)
        try:
            yield db
        finally:
            self._idle.append(db)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one state of the database throughout."""
        with self._translated(), self._connection() as db:
            db.execute("BEGIN")
            with db:
                yield db

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is on disk when the block ends, and undone if it fails."""
        with self._translated(), self._connection() as db:
            db.execute("BEGIN IMMEDIATE")
            with db:
                yield db

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
        """Close the connections. No other thread may be using the store."""
        while self._idle:
            self._idle.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _connect(database: Path, busy_seconds: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        database, timeout=busy_seconds, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _in_words(error: sqlite3.Error, folder: Path, busy_seconds: float) -> StoreUnavailable:
    # The low byte is the error; the rest says more about it than a person needs.
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
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


def _upsert(db: sqlite3.Connection, entry: Entry) -> None:
    picture = entry.picture
    values = to_row(picture)
    updates = ", ".join(f"{column} = excluded.{column}" for column in COLUMNS.split(", ")[1:])
    row = db.execute(
        f"INSERT INTO pictures ({COLUMNS}) VALUES ({', '.join('?' * len(values))}) "
        f"ON CONFLICT (id) DO UPDATE SET {updates} RETURNING row",
        values,
    ).fetchone()[0]
    db.execute("DELETE FROM tags WHERE row = ?", (row,))
    db.executemany("INSERT OR IGNORE INTO tags VALUES (?, ?)", [(tag, row) for tag in picture.metadata.tags])
    db.execute("DELETE FROM words WHERE rowid = ?", (row,))
    db.execute("INSERT INTO words (rowid, tokens) VALUES (?, ?)", (row, indexed_words(picture)))
    vector = entry.embedding.astype("<f4").tobytes()
    db.execute(
        # The same vector again is no change: readers need not load it anew.
        "INSERT INTO embeddings VALUES (?, ?) ON CONFLICT (row) DO UPDATE SET vector = excluded.vector "
        "WHERE vector IS NOT excluded.vector",
        (row, vector),
    )


def _delete(db: sqlite3.Connection, ids: Collection[str]) -> int:
    removed = 0
    for id in ids:
        found = db.execute("DELETE FROM pictures WHERE id = ? RETURNING row", (id,)).fetchone()
        if found:
            for statement in (
                "DELETE FROM embeddings WHERE row = ?",
                "DELETE FROM tags WHERE row = ?",
                "DELETE FROM words WHERE rowid = ?",
            ):
                db.execute(statement, (found["row"],))
            removed += 1
    return removed


def _allowed_slots(db: sqlite3.Connection, snapshot: Snapshot, filters: Filters) -> IntArray:
    """The slots a search may find, filtered before anything is scored."""
    if not filters:
        return snapshot.live_slots()
    condition, values = where(filters)
    rows = db.execute(f"SELECT row FROM pictures WHERE {condition} ORDER BY row", values).fetchall()
    return snapshot.slots(np.array([row for (row,) in rows], dtype=np.int64))


def _rank(snapshot: Snapshot, slots: IntArray, query: Knn) -> tuple[IntArray, FloatArray, int]:
    """The window's slots, best first, their scores, and how many results there are in all."""
    if isinstance(query.vector, ModelText):
        raise TypeError("this store runs no model; encode the words first")
    cosines = _cosines(snapshot.vectors, slots, query.vector)
    if query.similarity is not None:
        close = cosines >= query.similarity
        slots, cosines = slots[close], cosines[close]
    reachable = len(slots) if query.k is None else min(query.k, len(slots))
    start, end = query.window.offset, min(query.window.offset + query.window.limit, reachable)
    scores = cast(FloatArray, np.clip((1 + cosines) / 2, 0, 1))
    if start >= end:
        return slots[:0], scores[:0], reachable
    # Everything that scores at least as well as the window's last: all ties take part in the ordering.
    last = np.partition(scores, len(scores) - end)[len(scores) - end]
    top = np.flatnonzero(scores >= last)
    order = top[np.lexsort((snapshot.ids[slots[top]], -scores[top]))[start:end]]
    return slots[order], scores[order], reachable


def _cosines(vectors: FloatArray, slots: IntArray, query: FloatArray) -> FloatArray:
    """Row by row, so that equal vectors score equally wherever they stand, and pages never overlap.

    (A matrix product rounds the last bit differently from place to place.) Scoring all and picking is
    faster than gathering the rows first, unless few are asked for.
    """
    if not len(slots):
        return np.empty(0, dtype=np.float32)
    if len(slots) * 8 > len(vectors):
        return cast(FloatArray, np.vecdot(vectors, query)[slots])
    return cast(FloatArray, np.vecdot(vectors[slots], query))


def _pictures(db: sqlite3.Connection, column: str, values: list[Any]) -> dict[Any, Picture]:
    """The pictures that have one of `values` in `column`, which is unique, by that value."""
    query = f"SELECT row, {COLUMNS} FROM pictures WHERE {column} IN"
    return {
        row[column]: to_picture(row)
        for some in _chunks(values)
        for row in db.execute(f"{query} ({', '.join('?' * len(some))})", some)
    }


def _count(db: sqlite3.Connection, filters: Filters) -> int:
    condition, values = where(filters)
    n: int = db.execute(f"SELECT count(*) FROM pictures WHERE {condition}", values).fetchone()[0]
    return n


def _to_vector(blob: bytes) -> FloatArray:
    return np.frombuffer(blob, dtype="<f4")


def _chunks(values: list[Any]) -> Iterator[list[Any]]:
    """SQLite takes a limited number of parameters in one statement."""
    return (values[i : i + _IDS_AT_A_TIME] for i in range(0, len(values), _IDS_AT_A_TIME))
