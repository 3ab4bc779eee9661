"""A stand-in for the encoder, so that what is measured is everything around it."""

import time
from collections.abc import Sequence

import numpy as np
from PIL import Image

from imagesearch.encoders import Model, ModelSpec
from imagesearch.records import FloatArray, ModelIdentity
from imagesearch.views import ByteArray, View

DIMS = 512


class StandIn:
    """No model: unit vectors made of each picture's own pixels. Notes when it was first asked."""

    view = View(side=32, resample=Image.Resampling.BICUBIC, mean=(0.5,) * 3, deviation=(0.5,) * 3)
    runtime = "stand-in"

    def __init__(self) -> None:
        self.first: float | None = None

    def encode(self, pictures: Sequence[Image.Image]) -> FloatArray:
        return self.encode_views(np.stack([self.view.of(picture) for picture in pictures]))

    def encode_views(self, views: ByteArray) -> FloatArray:
        """float32, shape (n, DIMS), rows of unit length."""
        self.first = self.first or time.time()
        seen = views.reshape(len(views), -1)[:, :DIMS].astype(np.float32) - 127.5
        lengths = np.maximum(np.linalg.norm(seen, axis=1, keepdims=True), 1e-6)
        return np.asarray(seen / lengths, dtype=np.float32)


class NoTexts:
    """Nobody asks this model in words."""

    def encode(self, texts: Sequence[str]) -> FloatArray:
        return np.zeros((len(texts), DIMS), dtype=np.float32)


def stand_in() -> tuple[Model, StandIn]:
    """A model that encodes nothing."""
    pictures = StandIn()
    spec = ModelSpec(name="stand-in", picture="", text="")
    return Model(spec, pictures, NoTexts(), ModelIdentity("stand-in", DIMS, "stand-in")), pictures
