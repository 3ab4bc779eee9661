"""The fixed target vectors: one point per concept that both towers learn to hit.

Fixed targets replace in-batch contrast: each tower learns alone, by cross-entropy over all
concepts, and neither has to wait for the other. Concepts that share words lie close.
"""

from collections import Counter

import numpy as np
import numpy.typing as npt
from scipy import sparse  # type: ignore[import-untyped]
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfTransformer

from demo.train.concepts import Concept
from demo.train.wording import words_of

DIMS = 512
SEED = 20261121
IDENTITY = 0.25
"""Share of a target that is its concept's own random direction (of the squared length)."""


def targets(concepts: list[Concept]) -> npt.NDArray[np.float32]:
    """Return unit vectors [concepts, 512]: meaning, and a share that is the concept's own.

    Meaning alone puts near twins (two clock faces, two flags) at a cosine of almost 1, where no
    tower can be taught to tell them apart.
    """
    random = np.random.default_rng(SEED).standard_normal((len(concepts), DIMS))
    mixed = np.sqrt(1 - IDENTITY) * _meanings(concepts) + np.sqrt(IDENTITY) * _unit(random)
    return _unit(mixed).astype(np.float32)


def _unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    unit: npt.NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _meanings(concepts: list[Concept]) -> npt.NDArray[np.float64]:
    """TF-IDF over all languages' words, reduced by SVD: unit vectors [concepts, 512].

    Names count twice. Components are scaled by the square root of their singular value instead
    of the value itself, so that the large themes do not drown the small ones.
    """
    counts = [_document(concept) for concept in concepts]
    vocabulary = {word: index for index, word in enumerate(sorted({w for c in counts for w in c}))}
    matrix = sparse.lil_matrix((len(concepts), len(vocabulary)), dtype=np.float64)
    for row, document in enumerate(counts):
        for word, count in document.items():
            matrix[row, vocabulary[word]] = count
    weighted = TfidfTransformer(sublinear_tf=True).fit_transform(matrix.tocsr())
    svd = TruncatedSVD(DIMS - 1, random_state=SEED)
    points = svd.fit_transform(weighted) / np.sqrt(svd.singular_values_)
    points -= points.mean(0)
    return _unit(np.pad(points, ((0, 0), (0, 1))))


def _document(concept: Concept) -> Counter[str]:
    """Count a concept's words, each prefixed by its language; names count twice."""
    counts: Counter[str] = Counter()
    for language, words in concept.words.items():
        for text in (words.name, words.name, *words.keywords):
            counts.update(f"{language}:{word}" for word in words_of(text, language))
    return counts
