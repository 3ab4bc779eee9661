"""CLIP pairs: opening them, and their two towers, each loaded when it is first asked.

torch and its like are imported when the first tower loads, since that takes seconds and many commands
need none.
"""

import logging
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from imagesearch.config import PROJECT, Runtime
from imagesearch.encoders import CLIP, Model, find_spec, fingerprint, fingerprint_of_all
from imagesearch.errors import ModelUnavailable
from imagesearch.hub import tower_folder
from imagesearch.records import FloatArray, ModelIdentity
from imagesearch.runtimes import (
    Computing,
    ComputingTexts,
    TextTower,
    Tower,
    describe,
    open_texts,
    open_tower,
    resolve,
)
from imagesearch.views import ByteArray, View, view_of

log = logging.getLogger(__name__)

# Larger ones were no faster on a CPU, and take more memory.
BATCH_SIZE = 32


def open_model(name: str, runtime: Runtime = "torch", data: Path = PROJECT / "data") -> Model:
    """The model pair called `name` (`demo`, `clip` or a folder), its files at hand, nothing loaded yet.

    `data` is the data folder, where exports are kept that the model's own folder cannot take.
    Raises ModelUnavailable if a tower is neither on this machine nor to be had from the hub.
    """
    spec = find_spec(name)
    pictures, texts = tower_folder(spec.picture), tower_folder(spec.text)
    identity = ModelIdentity(spec.name, spec.dims, fingerprint(pictures), _reference(name))
    return Model(
        spec=spec,
        pictures=_PictureTower(pictures, identity, runtime, data / "runtimes"),
        texts=_TextTower(texts, spec.dims, data / "runtimes"),
        identity=identity,
        text_folder=texts,
    )


def _reference(name: str) -> str:
    """What opens the same model from any folder."""
    return name if name in (CLIP.name, "demo") else str(Path(name).expanduser().resolve())


class _PictureTower:
    def __init__(self, folder: Path, identity: ModelIdentity, asked: Runtime, spare: Path) -> None:
        self._folder = folder
        self._identity = identity
        self._asked = asked
        self._spare = spare
        self._lock = threading.Lock()

    @cached_property
    def view(self) -> View:
        return view_of(self._folder)

    @cached_property
    def _resolved(self) -> Runtime:
        return resolve(self._asked)

    @property
    def runtime(self) -> str:
        return describe(self._resolved)

    @cached_property
    def _computing(self) -> Computing:
        computing = open_tower(
            self._resolved, Tower(self._folder, self.view, self._identity.fingerprint, self._spare)
        )
        log.info("Pictures are encoded by %s.", self.runtime)
        return computing

    def encode(self, pictures: Sequence[Image.Image]) -> FloatArray:
        side = self.view.side
        views = np.empty((len(pictures), side, side, 3), dtype=np.uint8)
        for view, picture in zip(views, pictures, strict=True):
            view[:] = self.view.of(picture)
        return self.encode_views(views)

    def encode_views(self, views: ByteArray) -> FloatArray:
        if not len(views):
            return np.empty((0, self._identity.dims), dtype=np.float32)
        with self._lock:
            computing = self._computing
        made = [computing(views[start : start + BATCH_SIZE]) for start in range(0, len(views), BATCH_SIZE)]
        return _unit_rows(np.concatenate(made), self._identity.dims, self._folder)


class _TextTower:
    """Loaded under a lock; fast tokenizers do not bear two threads."""

    def __init__(self, folder: Path, dims: int, spare: Path) -> None:
        self._folder = folder
        self._dims = dims
        self._spare = spare
        self._lock = threading.Lock()
        # What is said of a tower that cannot be loaded, by its fingerprint: trying takes seconds each time.
        self._broken: dict[str, str] = {}

    @cached_property
    def _computing(self) -> ComputingTexts:
        tower = TextTower(self._folder, fingerprint_of_all(self._folder), self._spare)
        if said := self._broken.get(tower.fingerprint):
            raise ModelUnavailable(said)
        try:
            return open_texts(tower)
        except ModelUnavailable as error:
            self._broken[tower.fingerprint] = str(error)
            raise

    def encode(self, texts: Sequence[str]) -> FloatArray:
        if not texts:
            return np.empty((0, self._dims), dtype=np.float32)
        with self._lock:
            vectors = self._computing(texts)
        return _unit_rows(vectors, self._dims, self._folder)


def _unit_rows(vectors: FloatArray, dims: int, folder: Path) -> FloatArray:
    """CLIP's own vectors are not of unit length; cosine wants them so."""
    if vectors.shape[1] != dims:
        raise ModelUnavailable(
            f"The model in {folder} gives {vectors.shape[1]} dimensions, its spec says {dims}. "
            "Correct 'dims' in its spec.json."
        )
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        raise ModelUnavailable(
            f"The model in {folder} gave a vector without a direction (zero or not finite): its weights "
            "are damaged. Fetch or copy it again."
        )
    unit: FloatArray = vectors / lengths
    return unit
