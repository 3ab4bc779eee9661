"""Made-up embeddings that lie as CLIP's lie, and queries for them. Everything follows from the seed.

What is copied from CLIP ViT-B/32, because recall depends on it:

- **A cone.** Two pictures taken at random have a cosine near 0.5: all share a mean direction.
- **Few directions matter.** Variances fall off as 1 / (rank + 4), which leaves about 90 effective
  dimensions of 512, turned by a random rotation so that no quantisation gains from the axes.
- **Clusters of unequal size.** 2000 subjects; the commonest holds 0.4 % of all pictures, the rarest 0.02 %.

Half of what a picture has beyond the mean is its subject's and half its own, so that two pictures of
a subject have a cosine near 0.75, and a query's nearest among 100,000 one near 0.8.

- **Picture-like queries** are held-out pictures of the same subjects with a little noise, as a new
  photograph would be.
- **Text-like queries** show the modality gap. They have a mean direction of their own, in which pictures
  hardly differ; some name their subject well and some badly; the rest of their spread is half within what
  pictures show and half anywhere. Among 100,000 pictures their cosine is 0.17 on the average and 0.29 to
  0.31 with the ten nearest, as with CLIP's texts. A graph made from pictures has not seen the like: the
  nearest hardly stand out, and the walk is led less. How little was set so that a graph in memory needs
  ten times the candidates that pictures need for a recall of 0.95: with real embeddings of CLIP, hnswlib
  is reported to answer 3.7 times fewer such queries a second than queries by picture (VIBE:
  laion-clip-512 and imagenet-clip-512), and its time does not grow as fast as its candidates do.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from imagesearch.records import FloatArray

DIMS = 512
BATCH = 10_000
BUCKETS = 1000
_SUBJECTS = 2000
_SEED = 512
_PICTURES, _QUERIES = 1, 2


@dataclass(frozen=True)
class Batch:
    """Pictures from number `start` on: float32 (n, 512) of unit length; the bucket of each, below 1000."""

    start: int
    vectors: FloatArray
    buckets: NDArray[np.int64]


class World:
    """The subjects and directions that pictures and queries share."""

    def __init__(self) -> None:
        rng = np.random.default_rng(_SEED)
        spread = 1 / np.sqrt(np.arange(DIMS) + 4)
        spread /= np.linalg.norm(spread)
        rotation = np.linalg.qr(rng.standard_normal((DIMS, DIMS)))[0]
        self._shape = (spread[:, None] * rotation.T).astype(np.float32)
        self._mean = np.linalg.qr(rng.standard_normal((DIMS, 2)))[0].T[0].astype(np.float32)
        self._subjects = self._noise(rng, _SUBJECTS)
        self._gap = self._gap_of_modality(rotation.T)
        weights = (np.arange(_SUBJECTS) + 40.0) ** -0.8
        self._weights = weights / weights.sum()

    def batches(self, size: int, first: int = 0) -> Iterator[Batch]:
        """The collection of `size` pictures from `first` (a multiple of 10,000) on, 10,000 at a time.

        A smaller collection is the beginning of a larger one.
        """
        for start in range(first, size, BATCH):
            rng = np.random.default_rng((_SEED, _PICTURES, start // BATCH))
            vectors = self._pictures(rng, BATCH)
            buckets = rng.integers(0, BUCKETS, BATCH)
            n = min(BATCH, size - start)
            yield Batch(start, vectors[:n], buckets[:n])

    def picture_queries(self, n: int) -> FloatArray:
        """Held-out pictures with noise: float32, shape (n, 512), unit length."""
        rng = np.random.default_rng((_SEED, _QUERIES, 0))
        return _unit(self._pictures(rng, n) + 0.2 * self._noise(rng, n))

    def text_queries(self, n: int) -> FloatArray:
        """Queries across the modality gap: float32, shape (n, 512), unit length."""
        rng = np.random.default_rng((_SEED, _QUERIES, 1))
        subject = self._subjects[rng.choice(_SUBJECTS, n, p=self._weights)]
        named = rng.uniform(0.12, 0.26, (n, 1)).astype(np.float32) * subject
        anywhere = _unit(rng.standard_normal((n, DIMS), dtype=np.float32))
        shared = 0.22 * self._mean + 0.8 * self._gap
        return _unit(shared + named + 0.2 * self._noise(rng, n) + 0.3 * anywhere)

    def _gap_of_modality(self, directions: FloatArray) -> FloatArray:
        """A direction among the half in which pictures vary least, at right angles to their mean."""
        rng = np.random.default_rng((_SEED, _QUERIES, 2))
        gap = rng.standard_normal(DIMS // 2) @ directions[DIMS // 2 :]
        (unit,) = _unit((gap - gap @ self._mean * self._mean)[None])
        return cast(FloatArray, unit)

    def _pictures(self, rng: np.random.Generator, n: int) -> FloatArray:
        subject = self._subjects[rng.choice(_SUBJECTS, n, p=self._weights)]
        return _unit(self._mean + np.sqrt(0.5) * (subject + self._noise(rng, n)))

    def _noise(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Vectors with the shared spectrum, of length 1 on the average."""
        noise: FloatArray = rng.standard_normal((n, DIMS), dtype=np.float32) @ self._shape
        return noise


def _unit(vectors: FloatArray) -> FloatArray:
    unit: FloatArray = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit
