"""Shrinking first changes nothing that a model sees: real photographs, CLIP at full size."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from imagesearch.pictures import decode
from imagesearch.records import FloatArray
from tests.imagesearch.test_pictures_looks import PHOTOGRAPHS
from tests.random_pair import FULL, make_pair

MOST = 50_000_000


def mosaic(photograph: Image.Image, width: int, height: int) -> bytes:
    """A larger picture with the photograph's detail at every pixel: mirrored copies side by side."""
    upright = photograph.convert("RGB")
    tiles = [upright, ImageOps.mirror(upright)]
    tiles += [ImageOps.flip(tile) for tile in tiles]
    large = Image.new("RGB", (width, height))
    for row, y in enumerate(range(0, height, upright.height)):
        for column, x in enumerate(range(0, width, upright.width)):
            large.paste(tiles[2 * (row % 2) + column % 2], (x, y))
    out = io.BytesIO()
    large.save(out, "JPEG", quality=90)
    return out.getvalue()


@pytest.mark.long
def test_the_embedding_is_that_of_the_whole_picture(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    clip = SentenceTransformer(str(make_pair(tmp_path, FULL) / "picture"))

    def encode(pictures: list[Image.Image]) -> FloatArray:
        return np.asarray(clip.encode(pictures, normalize_embeddings=True, show_progress_bar=False))

    photographs = [Image.open(path) for path in PHOTOGRAPHS]
    for size in ((4000, 3000), (1600, 1200), (640, 480)):
        contents = [mosaic(photograph, *size) for photograph in photographs]
        plain = encode([Image.open(io.BytesIO(content)) for content in contents])
        ours = encode([decode(content, MOST).image for content in contents])
        assert (plain * ours).sum(axis=1).min() >= 0.999, size
