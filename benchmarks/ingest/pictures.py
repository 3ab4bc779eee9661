"""Made-up photographs: real ones' pixels at other sizes, with grain, written as a camera would."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data
from sklearn.datasets import load_sample_images

SIZES = {"640×480": (640, 480), "12 megapixels": (4000, 3000)}

_QUALITY = 90
_GRAIN = 5.0  # standard deviation, in steps of 255

Bytes = NDArray[np.uint8]


def photographs() -> list[Image.Image]:
    """The colour photographs that scikit-learn and scikit-image carry."""
    some = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket(), data.hubble_deep_field()]
    return [Image.fromarray(pixels) for pixels in (*load_sample_images().images, *some)]


def crops(count: int, size: tuple[int, int], seed: int = 0) -> Iterator[Image.Image]:
    """`count` pictures of `size`: parts of the photographs, some mirrored, lit otherwise, each with grain."""
    rng, sources = np.random.default_rng(seed), photographs()
    grain = rng.normal(0, _GRAIN, (size[1], size[0], 3)).astype(np.float32)
    for i in range(count):
        scaled = _part(sources[i % len(sources)], size, rng)
        lit = np.asarray(scaled, np.float32) * rng.uniform(0.75, 1.2) + rng.uniform(-15, 15)
        moved = np.roll(grain, tuple(rng.integers(0, size[1], 2)), (0, 1))
        yield Image.fromarray((lit + moved).clip(0, 255).astype(np.uint8))


def _part(source: Image.Image, size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """A part of the shape of `size`, with a tiled copy of the whole over it for detail in large ones."""
    wide = min(source.width, source.height * size[0] / size[1]) * rng.uniform(0.5, 1)
    high = wide * size[1] / size[0]
    left, top = rng.uniform(0, source.width - wide), rng.uniform(0, source.height - high)
    part = source.resize(size, Image.Resampling.BICUBIC, (left, top, left + wide, top + high))
    if rng.random() < 0.5:
        part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if size[0] <= source.width:
        return part
    across, down = -(-size[0] // source.width), -(-size[1] // source.height)
    tiles = Image.fromarray(np.tile(np.asarray(source), (down, across, 1))[: size[1], : size[0]])
    return Image.blend(part, tiles, 0.2)


def folder_of(data: Path, name: str, count: int) -> Path:
    """A folder with `count` JPEGs of one of SIZES, made where they are not there yet."""
    size = SIZES[name]
    folder = data / f"{size[0]}x{size[1]}-{count}"
    if not folder.is_dir():
        part = folder.with_suffix(".part")
        part.mkdir(parents=True, exist_ok=True)
        for i, picture in enumerate(crops(count, size)):
            picture.save(part / f"{i:05}.jpg", quality=_QUALITY)
        part.rename(folder)
    return folder
