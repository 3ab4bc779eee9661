"""CLIP by sentence-transformers: the only importer of torch and sentence-transformers.

Both are imported when the first tower loads, since that takes seconds and many commands need neither.
"""

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from safetensors import SafetensorError

from imagesearch.encoders import CLIP, Model, find_spec, fingerprint
from imagesearch.errors import ModelUnavailable
from imagesearch.hub import tower_folder
from imagesearch.records import FloatArray, ModelIdentity

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BATCH_SIZE = 32

# What comes out of loading files that are damaged, cut short or of another layout.
_UNLOADABLE = (
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    SafetensorError,
    TypeError,
    UnpicklingError,
    ValueError,
)

# CLIP looks at the centre square only. Of a picture longer than this many times its width the rest is
# cut off first: scaled up whole, one of 20,000×1 pixels would take 3 GB.
_LONGEST = 4

# Of a picture one or three pixels high transformers takes the height for the number of channels.
_LEAST = 4


def open_model(name: str) -> Model:
    """The model pair called `name` (`demo`, `clip` or a folder), its files at hand, nothing loaded yet.

    Raises ModelUnavailable if a tower is neither on this machine nor to be had from the hub.
    """
    spec = find_spec(name)
    pictures, texts = tower_folder(spec.picture), tower_folder(spec.text)
    return Model(
        spec=spec,
        pictures=_PictureTower(pictures, spec.dims),
        texts=_TextTower(texts, spec.dims),
        identity=ModelIdentity(spec.name, spec.dims, fingerprint(pictures), _reference(name)),
        text_folder=texts,
    )


def _reference(name: str) -> str:
    """What opens the same model from any folder."""
    return name if name in (CLIP.name, "demo") else str(Path(name).expanduser().resolve())


class _Tower:
    """One tower, loaded under a lock at its first use; fast tokenizers do not bear two threads."""

    def __init__(self, folder: Path, dims: int) -> None:
        self._folder = folder
        self._dims = dims
        self._lock = threading.Lock()

    @cached_property
    def _model(self) -> "SentenceTransformer":
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.set_verbosity_error()  # its advice is for developers, not for who searches pictures
        try:
            model: SentenceTransformer = SentenceTransformer(str(self._folder), local_files_only=True)
        except _UNLOADABLE as error:
            raise ModelUnavailable(
                f"The model in {self._folder} cannot be loaded: {error}. Its files are incomplete or of "
                "another layout; fetch or copy it again."
            ) from error
        return model

    def _encode(self, inputs: list[Any]) -> FloatArray:
        if not inputs:
            return np.empty((0, self._dims), dtype=np.float32)
        with self._lock:
            raw = self._model.encode(inputs, batch_size=BATCH_SIZE, show_progress_bar=False)
        vectors = np.asarray(raw, dtype=np.float32).reshape(len(inputs), -1)
        return _unit_rows(vectors, self._dims, self._folder)


class _PictureTower(_Tower):
    def encode(self, pictures: Sequence[Image.Image]) -> FloatArray:
        return self._encode([_enlarged(_middle(picture)) for picture in pictures])


class _TextTower(_Tower):
    def encode(self, texts: Sequence[str]) -> FloatArray:
        return self._encode(list(texts))


def _middle(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    most = _LONGEST * min(width, height)
    left, top = max(0, width - most) // 2, max(0, height - most) // 2
    return picture.crop((left, top, width - left, height - top)) if left or top else picture


def _enlarged(picture: Image.Image) -> Image.Image:
    if min(picture.size) >= _LEAST:
        return picture
    return picture.resize((picture.width * _LEAST, picture.height * _LEAST), Image.Resampling.NEAREST)


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
