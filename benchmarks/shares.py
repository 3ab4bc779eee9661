"""Shares of successes, with intervals and beside chance."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Z = 1.959963984540054
"""The normal distribution's 97.5 % point."""


@dataclass(frozen=True)
class Share:
    """How many of how many succeeded, and what share chance alone would have given."""

    hits: int
    total: int
    chance: float

    @property
    def value(self) -> float:
        """The share itself, 0 to 1."""
        return self.hits / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval (Wilson 1927, "Probable inference")."""
        n, p = self.total, self.value
        centre = p + Z**2 / (2 * n)
        spread = Z * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
        return (centre - spread) / (1 + Z**2 / n), (centre + spread) / (1 + Z**2 / n)


def ranks(
    queries: npt.NDArray[np.float32],
    gallery: npt.NDArray[np.float32],
    right: Iterable[Iterable[int]],
) -> npt.NDArray[np.int64]:
    """Rank, from 1, of the best right answer of each query [q, d] in the gallery [n, d].

    Rows are unit vectors. A wrong picture that ties with the right one counts as before it.
    """
    found = []
    for scores, answers in zip(queries @ gallery.T, right, strict=True):
        accepted = scores[list(answers)]
        best = accepted.max()
        found.append(1 + int((scores >= best).sum()) - int((accepted >= best).sum()))
    return np.array(found)


def recall(found: npt.NDArray[np.int64], k: int, size: int, accepted: Iterable[int]) -> Share:
    """Share of queries with a right answer among the first k of `size` pictures.

    `accepted` is the number of right answers of each query.
    """
    chance = float(np.mean([_chance(k, size, count) for count in accepted]))
    return Share(int((found <= k).sum()), len(found), chance)


def _chance(k: int, size: int, accepted: int) -> float:
    """Probability that k drawn of `size` hold at least one of the `accepted`."""
    return 1 - math.comb(size - accepted, k) / math.comb(size, k)
