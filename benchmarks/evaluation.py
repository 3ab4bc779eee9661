"""Every figure of a model on the demo gallery, as rows of a table."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from tqdm import tqdm

from benchmarks import questions
from benchmarks.distortions import DISTORTIONS
from benchmarks.shares import Share, ranks, recall
from demo.train.concepts import Concept
from imagesearch.encoders import Model

Vectors = npt.NDArray[np.float32]

BATCH = 32
SEED = 20261121
KS = (1, 5, 10)


@dataclass(frozen=True)
class Row:
    """One line of a table: a share for each k."""

    label: str
    shares: dict[int, Share]


@dataclass(frozen=True)
class Table:
    """A question put to the model, and its answers."""

    title: str
    rows: list[Row]


class Evaluation:
    """Asks one model everything. Encodes the gallery and the unseen style once each."""

    def __init__(self, model: Model, concepts: list[Concept], gallery: Path, cache: Path) -> None:
        self._model, self.concepts, self._cache = model, concepts, cache
        self._folder = gallery

    @cached_property
    def pictures(self) -> list[Image.Image]:
        """The gallery, in the order of the concepts."""
        return questions.gallery(self.concepts, self._folder)

    @cached_property
    def gallery(self) -> Vectors:
        """The gallery's vectors [2465, dims]."""
        return self._encoded(self.pictures, "gallery")

    @cached_property
    def unseen(self) -> questions.Unseen:
        """The drawings of the held-out style."""
        return questions.unseen(self.concepts, self._cache)

    @cached_property
    def unseen_vectors(self) -> Vectors:
        """The held-out style's vectors [concepts, dims]."""
        return self._encoded(self.unseen.pictures, "held-out style")

    def tables(self, sample: int) -> Iterator[Table]:
        """Yield all tables; `sample` pictures are damaged in each way."""
        yield self.names_to_gallery()
        yield self.names_to_unseen()
        yield self.unseen_to_gallery()
        yield self.damaged_to_gallery(sample)
        yield self.phrasings_to_gallery()

    def names_to_gallery(self) -> Table:
        """CLDR short names, language by language, against the whole gallery."""
        rows = []
        for language in questions.languages():
            names = self._names[language]
            found = ranks(np.stack(list(names.values())), self.gallery, [[i] for i in names])
            rows.append(_row(language, found, len(self.gallery), [1] * len(names)))
        title = "Training-set recall: CLDR short name → gallery picture"
        return Table(title, _with_others(rows))

    def names_to_unseen(self) -> Table:
        """The same names against a gallery in the style that was never trained on."""
        place = {concept: number for number, concept in enumerate(self.unseen.concepts)}
        rows = []
        for language in questions.languages():
            names = {i: vector for i, vector in self._names[language].items() if i in place}
            right = [[place[i]] for i in names]
            found = ranks(np.stack(list(names.values())), self.unseen_vectors, right)
            rows.append(_row(language, found, len(place), [1] * len(names)))
        title = "Held-out style: CLDR short name → picture in a style never trained on"
        return Table(title, _with_others(rows))

    def unseen_to_gallery(self) -> Table:
        """A drawing of the held-out style finds the gallery's drawing of the same concept."""
        right = [[i] for i in self.unseen.concepts]
        found = ranks(self.unseen_vectors, self.gallery, right)
        row = _row("all", found, len(self.gallery), [1] * len(right))
        return Table("Held-out picture → gallery picture of its concept", [row])

    def damaged_to_gallery(self, sample: int) -> Table:
        """A damaged gallery picture finds itself; pictures equal to the last pixel count as one."""
        chosen = sorted(np.random.default_rng(SEED).permutation(len(self.pictures))[:sample].tolist())
        right = [self._twins[self.pictures[i].tobytes()] for i in chosen]
        rows = []
        for name, distortion in DISTORTIONS.items():
            queries = questions.damaged([self.pictures[i] for i in chosen], distortion, SEED)
            found = ranks(self._encoded(queries, name), self.gallery, right)
            rows.append(_row(name, found, len(self.gallery), [len(twins) for twins in right]))
        return Table("Damaged gallery picture → itself", [*rows, _pooled("all", rows)])

    def phrasings_to_gallery(self) -> Table:
        """Natural phrasings that are no CLDR name or keyword."""
        asked = questions.phrasings()
        number = {concept.hexcode: i for i, concept in enumerate(self.concepts)}
        right = [[number[hexcode] for hexcode in phrasing.accept] for phrasing in asked]
        found = ranks(self._model.texts.encode([p.text for p in asked]), self.gallery, right)
        rows = [_row("all", found, len(self.gallery), [len(answers) for answers in right])]
        for language in questions.languages():
            mine = [i for i, phrasing in enumerate(asked) if phrasing.language == language]
            accepted = [len(right[i]) for i in mine]
            rows.append(_row(language, found[mine], len(self.gallery), accepted))
        return Table("Natural phrasings: an acceptable picture among the first k", rows)

    @cached_property
    def _twins(self) -> dict[bytes, list[int]]:
        same: dict[bytes, list[int]] = {}
        for number, picture in enumerate(self.pictures):
            same.setdefault(picture.tobytes(), []).append(number)
        return same

    @cached_property
    def _names(self) -> dict[str, dict[int, npt.NDArray[np.float32]]]:
        """The vector of every concept's name, by language and the concept's number."""
        vectors = {}
        for language in tqdm(questions.languages(), desc="Encoding: names", unit="language", leave=False):
            asked = questions.named(self.concepts, language)
            names = [self.concepts[i].words[language].name for i in asked]
            vectors[language] = dict(zip(asked, self._model.texts.encode(names), strict=True))
        return vectors

    def _encoded(self, pictures: list[Image.Image], label: str) -> Vectors:
        starts = tqdm(range(0, len(pictures), BATCH), desc=f"Encoding: {label}", unit="batch", leave=False)
        return np.concatenate([self._model.pictures.encode(pictures[at : at + BATCH]) for at in starts])


def _row(label: str, found: npt.NDArray[np.int64], size: int, accepted: list[int]) -> Row:
    return Row(label, {k: recall(found, k, size, accepted) for k in KS})


def _with_others(rows: list[Row]) -> list[Row]:
    """The languages' rows, English first, and the others pooled."""
    return [*rows, _pooled(f"the other {len(rows) - 1}", rows[1:])] if len(rows) > 1 else rows


def _pooled(label: str, rows: list[Row]) -> Row:
    """All queries of several rows as one."""
    pooled = {}
    for k in rows[0].shares:
        parts = [row.shares[k] for row in rows]
        chance = float(np.mean([part.chance for part in parts]))
        pooled[k] = Share(sum(p.hits for p in parts), sum(p.total for p in parts), chance)
    return Row(label, pooled)
