"""Recall with its spread."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from benchmarks.knn.pictures import id_of
from benchmarks.knn.questions import IntArray


@dataclass(frozen=True)
class Recall:
    """The mean share of the true neighbours that were found, and the standard error of that mean."""

    mean: float
    error: float


def recall(found: Sequence[Sequence[str]], truth: IntArray, depth: int) -> Recall:
    """Of ids found, best first, against the numbers `truth`, shape (queries, at least depth).

    Where fewer than `depth` pass the filter, the share is of those that pass; where none
    does, nothing was missed.
    """
    shares = [_share(ids[:depth], row[:depth]) for ids, row in zip(found, truth, strict=True)]
    return Recall(fmean(shares), stdev(shares) / len(shares) ** 0.5)


def _share(ids: Sequence[str], row: IntArray) -> float:
    wanted = {id_of(number) for number in row.tolist() if number >= 0}
    return len(wanted.intersection(ids)) / len(wanted) if wanted else 1.0
