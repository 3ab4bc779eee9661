"""The embedded store itself. Measured to 200,000 pictures; beyond, Elasticsearch is the engine."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Self

import numpy as np

from imagesearch.config import TextEncoding
from imagesearch.embedded import counting
from imagesearch.embedded.database import DATABASE, Database
from imagesearch.embedded.filters import match_expression, where
from imagesearch.embedded.matrix import Matrix
from imagesearch.embedded.ranking import allowed_slots, rank
from imagesearch.embedded.reading import having, in_order, pictures
from imagesearch.embedded.rows import COLUMNS, FAILURE_COLUMNS, STATE_COLUMNS, to_picture
from imagesearch.embedded.writing import delete, fail, forgive, upsert
from imagesearch.records import (
    FACETS,
    NO_FILTERS,
    Entry,
    Facets,
    Failure,
    FileState,
    Filters,
    FloatArray,
    Hit,
    Knn,
    ModelIdentity,
    Page,
    Picture,
    Window,
)
from imagesearch.store import Capabilities, StoreStatus, paths_under, refuse_other_model
from imagesearch.texts import LocalTexts, QueryTexts


class EmbeddedStore:
    """Pictures in the folder `folder`. Implements `imagesearch.store.Store`.

    `busy_seconds` is how long to wait for another process that is writing.
    """

    capabilities = Capabilities(name="embedded", exact=True, reach=None)

    def __init__(self, folder: Path, *, create: bool = False, busy_seconds: float = 30) -> None:
        self._folder = folder
        self._matrix = Matrix()
        self._db = Database(folder, create=create, busy_seconds=busy_seconds)

    # --- the model

    @property
    def place(self) -> str:
        return str(self._folder)

    def current(self) -> Self:
        return self

    def identity(self) -> ModelIdentity | None:
        with self._db.reading() as db:
            found = db.execute("SELECT value FROM meta WHERE key = 'model'").fetchone()
        return ModelIdentity(**json.loads(found[0])) if found else None

    def adopt(self, identity: ModelIdentity) -> None:
        if self.identity() is None:
            with self._db.writing() as db:
                made = json.dumps(asdict(identity))
                db.execute("INSERT OR IGNORE INTO meta VALUES ('model', ?)", (made,))
        if stored := self.identity():
            refuse_other_model(stored, identity, str(self._folder))

    # --- writing

    def write(self, entries: Sequence[Entry], replacing: Collection[str] = ()) -> None:
        with self._db.writing() as db:
            delete(db, replacing)
            for entry in entries:
                upsert(db, entry)

    def delete(self, ids: Collection[str]) -> int:
        with self._db.writing() as db:
            return delete(db, ids)

    def fail(self, failures: Sequence[Failure]) -> None:
        with self._db.writing() as db:
            fail(db, failures)

    def forgive(self, ids: Collection[str]) -> int:
        with self._db.writing() as db:
            return forgive(db, ids)

    def loading(self, *, alone: bool = False) -> AbstractContextManager[None]:  # noqa: ARG002
        return nullcontext()

    # --- reading by id or path

    def get(self, id: str) -> Picture | None:
        return self.pictures([id]).get(id)

    def pictures(self, ids: Collection[str]) -> dict[str, Picture]:
        with self._db.reading() as db:
            return dict(pictures(db, "id", list(ids)))

    def embedding(self, id: str) -> FloatArray | None:
        return self.embeddings([id]).get(id)

    def embeddings(self, ids: Collection[str]) -> dict[str, FloatArray]:
        return self._vectors("id", ids)

    def embeddings_by_content(self, content_hashes: Collection[str]) -> dict[str, FloatArray]:
        return self._vectors("content_hash", content_hashes)

    def _vectors(self, column: str, values: Collection[str]) -> dict[str, FloatArray]:
        """The embeddings of the pictures that have one of `values` in `column`, by that value."""
        query = f"SELECT {column}, vector FROM pictures JOIN embeddings USING (row) WHERE {column} IN"
        with self._db.reading() as db:
            return {
                value: np.frombuffer(vector, dtype="<f4") for value, vector in having(db, query, list(values))
            }

    def pictures_by_content(self, content_hashes: Collection[str]) -> dict[str, list[Picture]]:
        found: dict[str, list[Picture]] = defaultdict(list)
        with self._db.reading() as db:
            for content_hash, picture in pictures(db, "content_hash", list(content_hashes)):
                found[content_hash].append(picture)
        return dict(found)

    def files_of(self, source: str, within: str = "") -> Iterator[FileState]:
        rows = in_order(self._db.reading, "pictures", STATE_COLUMNS, source, within)
        return (FileState(*row) for row in rows)

    def failed_sources(self) -> Sequence[str]:
        with self._db.reading() as db:
            return [s for (s,) in db.execute("SELECT DISTINCT source FROM failures ORDER BY source")]

    def failures_of(self, source: str, within: str = "") -> Iterator[Failure]:
        rows = in_order(self._db.reading, "failures", FAILURE_COLUMNS, source, within)
        return (Failure(*row) for row in rows)

    def files(self, under: str) -> Iterator[Picture]:
        with self._db.reading() as db:
            rows = db.execute(f"SELECT {COLUMNS} FROM pictures").fetchall()
        return paths_under(map(to_picture, rows), under)

    def sources(self) -> Sequence[str]:
        with self._db.reading() as db:
            return [s for (s,) in db.execute("SELECT DISTINCT source FROM pictures ORDER BY source")]

    # --- asking

    def knn(self, query: Knn) -> Page:
        with self._db.reading() as db:
            snapshot = self._matrix.snapshot(db)
            slots = allowed_slots(db, snapshot, query.filters)
            ranked, scores, reachable = rank(snapshot, slots, query)
            shown = dict(pictures(db, "row", snapshot.rows[ranked].tolist()))
        found = zip(snapshot.rows[ranked], scores, strict=True)
        hits = tuple(Hit(shown[row], float(score)) for row, score in found)
        return Page(hits, total=len(slots), reachable=reachable)

    def containing(self, words: str, filters: Filters, size: int) -> Sequence[str]:
        condition, values = where(filters)
        ranked = (
            "SELECT id FROM words JOIN pictures ON row = words.rowid "
            f"WHERE words MATCH ? AND {condition} ORDER BY bm25(words), id LIMIT ?"
        )
        with self._db.reading() as db:
            found = db.execute(ranked, [match_expression(words, any_of=True), *values, size]).fetchall()
        return [id for (id,) in found]

    def texts(self, asked: TextEncoding) -> QueryTexts:  # noqa: ARG002
        return LocalTexts()

    def browse(self, filters: Filters, window: Window) -> Page:
        condition, values = where(filters)
        with self._db.reading() as db:
            total = counting.count(db, filters)
            rows = db.execute(
                f"SELECT {COLUMNS} FROM pictures WHERE {condition} "
                "ORDER BY date DESC, path, id LIMIT ? OFFSET ?",
                [*values, window.limit, window.offset],
            ).fetchall()
        return Page(tuple(Hit(to_picture(row)) for row in rows), total=total, reachable=total)

    def facets(self, filters: Filters, size: int = 50, kinds: Collection[str] = FACETS) -> Facets:
        with self._db.reading() as db:
            return counting.facets(db, filters, size, kinds)

    def count(self, filters: Filters = NO_FILTERS) -> int:
        with self._db.reading() as db:
            return counting.count(db, filters)

    def status(self, seconds: float) -> StoreStatus:  # noqa: ARG002
        blocked = "its disk can only be read" if self._db.read_only else None
        return StoreStatus(pictures=self.count(), index=DATABASE, blocked=blocked)

    def close(self) -> None:
        """Close the connections. No other thread may be using the store."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
