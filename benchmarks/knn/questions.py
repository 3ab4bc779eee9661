"""What is asked, and the exact answers to it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.knn.pictures import in_a_hundredth, in_a_tenth, in_a_thousandth
from benchmarks.knn.vectors import BUCKETS, Batch, World
from imagesearch.records import NO_FILTERS, Filters, FloatArray

DEPTH = 100
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Questions:
    """Queries of one sort, `picture` or `text`: float32 (n, 512); each has a bucket to filter by."""

    sort: str
    vectors: FloatArray
    buckets: IntArray


@dataclass(frozen=True)
class Scope:
    """Among which pictures is searched: `filters` gives the filter for a bucket, `width` buckets pass it."""

    name: str
    filters: Callable[[int], Filters]
    width: int


SCOPES = (
    Scope("all", lambda _: NO_FILTERS, BUCKETS),
    Scope("10 %", in_a_tenth, 100),
    Scope("1 %", in_a_hundredth, 10),
    Scope("0.1 %", in_a_thousandth, 1),
)


def questions(world: World, n: int) -> tuple[Questions, Questions]:
    """`n` picture-like and `n` text-like queries."""
    buckets = 7 * np.arange(n) % BUCKETS
    return (
        Questions("picture", world.picture_queries(n), buckets),
        Questions("text", world.text_queries(n), buckets),
    )


def nearest(world: World, size: int, asked: Questions) -> dict[str, IntArray]:
    """By the scope's name, the numbers of the nearest pictures, best first: shape (n, 100).

    By comparing all. Where fewer pass the filter the row ends in -1.
    """
    best = {scope.name: _Best(len(asked.vectors)) for scope in SCOPES}
    for batch in world.batches(size):
        cosines = asked.vectors @ batch.vectors.T
        for scope in SCOPES:
            best[scope.name].add(np.where(_passing(scope, asked, batch), cosines, -np.inf), batch.start)
    return {name: found.numbers for name, found in best.items()}


def _passing(scope: Scope, asked: Questions, batch: Batch) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = asked.buckets[:, None] // scope.width == batch.buckets // scope.width
    return same


class _Best:
    """The best seen so far, for each question."""

    def __init__(self, n: int) -> None:
        self.numbers = np.full((n, DEPTH), -1)
        self._cosines = np.full((n, DEPTH), -np.inf, dtype=np.float32)

    def add(self, cosines: FloatArray, start: int) -> None:
        """Take those of `cosines`, shape (n, batch), that are among the best; -inf does not count."""
        within = np.argpartition(-cosines, min(DEPTH, cosines.shape[1]) - 1, axis=1)[:, :DEPTH]
        new = np.take_along_axis(cosines, within, axis=1)
        numbers = np.where(np.isneginf(new), -1, within + start)
        all_cosines = np.concatenate([self._cosines, new], axis=1)
        order = np.argsort(-all_cosines, axis=1, kind="stable")[:, :DEPTH]
        self._cosines = np.take_along_axis(all_cosines, order, axis=1)
        self.numbers = np.take_along_axis(np.concatenate([self.numbers, numbers], axis=1), order, axis=1)
