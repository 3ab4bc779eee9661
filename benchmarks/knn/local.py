"""The same questions to stores without a server: the application's own and usearch, a graph in memory."""

import importlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from benchmarks.knn.asking import NUM_CANDIDATES, Measured
from benchmarks.knn.pictures import entries, id_of
from benchmarks.knn.questions import SCOPES, IntArray, Questions, Scope
from benchmarks.knn.recall import recall
from benchmarks.knn.vectors import DIMS, World
from imagesearch.embedded import EmbeddedStore
from imagesearch.records import FloatArray, Knn, ModelIdentity, Window

_TEN = Window(0, 10)


class Embedded:
    """The application's store in a folder: SQLite and numpy, exact."""

    kind = "embedded"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.store = EmbeddedStore(folder, create=True)

    def load(self, world: World, size: int) -> None:
        """Write the collection, 10,000 pictures in a transaction."""
        self.store.adopt(ModelIdentity("made-up", DIMS, "made-up"))
        for batch in world.batches(size):
            self.store.write(list(entries(batch)))

    def disk(self) -> int:
        """Bytes of its files."""
        return sum(file.stat().st_size for file in self._folder.iterdir())

    def nearest(self, vector: FloatArray, num_candidates: int, scope: Scope, bucket: int) -> list[str]:
        """The ids of the ten nearest."""
        asked = Knn(vector, 10, num_candidates, filters=scope.filters(bucket), window=_TEN)
        return [hit.picture.id for hit in self.store.knn(asked).hits]

    def ask(self, asked: Questions, truth: Mapping[str, IntArray]) -> Iterator[dict[str, Any]]:
        """One record for each scope: num_candidates changes nothing."""
        for scope in SCOPES:
            pairs = zip(asked.vectors, asked.buckets.tolist(), strict=True)
            found = [self.nearest(vector, 10, scope, bucket) for vector, bucket in pairs]
            yield _measured(found, truth, asked.sort, scope.name, 10)


class Usearch:
    """usearch with floats and the graph's parameters that Elasticsearch has; it cannot filter."""

    kind = "usearch"

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._file = folder / "usearch.index"
        self._index: Any = _usearch().Index(
            ndim=DIMS, metric="cos", dtype="f32", connectivity=16, expansion_add=100
        )

    def load(self, world: World, size: int) -> None:
        """Add the collection, 10,000 pictures at a time, with two threads."""
        for batch in world.batches(size):
            keys = range(batch.start, batch.start + len(batch.vectors))
            self._index.add(list(keys), batch.vectors, threads=2)
        self._index.save(str(self._file))

    def disk(self) -> int:
        """Bytes of its file."""
        return self._file.stat().st_size

    def nearest(self, vector: FloatArray, num_candidates: int) -> list[str]:
        """The ids of the ten nearest."""
        self._index.expansion_search = num_candidates
        return [id_of(number) for number in self._index.search(vector, 10).keys.tolist()]

    def ask(self, asked: Questions, truth: Mapping[str, IntArray]) -> Iterator[dict[str, Any]]:
        """One record for each num_candidates, which usearch calls expansion_search."""
        for num_candidates in NUM_CANDIDATES:
            found = [self.nearest(vector, num_candidates) for vector in asked.vectors]
            yield _measured(found, truth, asked.sort, SCOPES[0].name, num_candidates)


def load(store: Embedded | Usearch, world: World, size: int) -> dict[str, Any]:
    """Fill it; says what that took."""
    started, cpu = time.monotonic(), time.process_time()
    store.load(world, size)
    return {
        "count": size,
        "seconds": round(time.monotonic() - started, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "disk": {"total": store.disk()},
    }


def _measured(
    found: list[list[str]], truth: Mapping[str, IntArray], sort: str, scope: str, num_candidates: int
) -> dict[str, Any]:
    ten = recall(found, truth[scope], 10)
    at_10, error = round(ten.mean, 4), round(ten.error, 4)
    return asdict(Measured(sort, scope, 10, num_candidates, None, at_10, error, None, None))


def _usearch() -> Any:  # noqa: ANN401
    """The module, which only this benchmark needs."""
    try:
        return importlib.import_module("usearch.index")
    except ImportError as error:
        raise click.ClickException(
            "usearch is not installed: uv pip install -r benchmarks/requirements.txt, or leave it out "
            "with --kinds."
        ) from error
