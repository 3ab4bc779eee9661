"""What a picture looks like, in a few words and digits."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagesearch.records import FloatArray

# What a colour is called is what the nearest of these is called; nearness is that of OKLab.
_NAMED = {
    "black": "000000 0a0a0a 1c1c1c 1a1410 101820",
    "grey": "3a3a3a 555555 808080 a9a9a9 c8c8c8 708090 7a7068 5a6068 b0a8a0",
    "white": "ffffff f2f2f2 e6e6e6 fffaf0 f0f8ff faf0e6 fff5ee f5f5dc",
    "red": "ff0000 dc143c b22222 8b0000 c83232 e34234 600000 cd5c5c e05050",
    "orange": "ffa500 ff8c00 ff7f32 ff6a00 f4a460 e8892a ffb347 ff7f50",
    "yellow": "ffff00 ffd700 f0e68c ffec8b fafa96 e6c832 fff8b0 ffe135 cccc00",
    "brown": "8b4513 a0522d 654321 5c4033 966f33 d2b48c c19a6b 3b2412 7b5b3a b8860b 4a3728 deb887 b0804f",
    "green": "008000 00ff00 228b22 32cd32 556b2f 90ee90 6b8e23 2e8b57 9acd32 013220 8fbc8f 3cb371 808000",
    "teal": "008080 20b2aa 40e0d0 00ffff 5f9ea0 00ced1 004d4d 7fdbda 006d6f afeeee 48d1cc",
    "blue": "0000ff 000080 4169e1 1e90ff 87ceeb add8e6 4682b4 6495ed 191970 b0c4de 2a52be 5a7fb0 0f3d6e",
    "purple": "800080 4b0082 8a2be2 9370db 663399 ba55d3 6a0dad b39ddb 483d8b ff00ff d8bfd8 301934 c71fff",
    "pink": "ffc0cb ff69b4 ff1493 ffb6c1 db7093 f4c2c2 fadadd e75480 f8a5c2 c71585",
}
_FAIR_SHARE = 0.1
# Points that are looked at along each side, and how finely each channel is told apart.
_POINTS = 64
_BITS = 5
# The picture that is hashed, and how many of its waves along each side.
_SIDE, _WAVES = 32, 8


@dataclass(frozen=True)
class Looks:
    """`colour` is the mean colour as `#rrggbb`, `colours` the names of the dominant ones, most of it first;
    `phash` the perceptual hash, 16 hex digits.
    """

    colour: str
    colours: tuple[str, ...]
    phash: str


def looks_of(image: Image.Image) -> Looks:
    """Of an RGB picture."""
    small = image.resize((_SIDE, _SIDE), Image.Resampling.BOX)
    red, green, blue = np.asarray(small).reshape(-1, 3).mean(axis=0).round().astype(int)
    return Looks(f"#{red:02x}{green:02x}{blue:02x}", dominant_colours(image), _perceptual_hash(small))


def dominant_colours(image: Image.Image) -> tuple[str, ...]:
    """The names of those that have a tenth of an RGB picture or more, most of it first; at least one."""
    points = np.asarray(image.resize((_POINTS, _POINTS), Image.Resampling.NEAREST)) >> (8 - _BITS)
    red, green, blue = points.reshape(-1, 3).astype(np.intp).T
    names = list(_NAMED)
    counts = np.bincount(_name_of_each()[red, green, blue], minlength=len(names))
    most_first = np.argsort(-counts, kind="stable")
    fair = [names[i] for i in most_first if counts[i] >= _FAIR_SHARE * _POINTS**2]
    return tuple(fair) or (names[most_first[0]],)


@cache
def _name_of_each() -> NDArray[np.intp]:
    """For each colour, told apart by _BITS a channel, which of _NAMED it is: shape (32, 32, 32)."""
    levels = (np.arange(2**_BITS) + 0.5) * 2 ** (8 - _BITS)
    every = oklab(np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).astype(np.float32))
    examples = [(name, bytes.fromhex(e)) for name, some in enumerate(_NAMED.values()) for e in some.split()]
    known = oklab(np.array([list(colour) for _, colour in examples], np.uint8))
    # The square of the distance, but for a part that is the same for all.
    distances = (known**2).sum(-1) - 2 * (every @ known.T)
    named: NDArray[np.intp] = np.array([name for name, _ in examples])[distances.argmin(-1)]
    return named


def oklab(srgb: NDArray[np.uint8] | FloatArray) -> FloatArray:
    """sRGB from 0 to 255, shape (…, 3), in OKLab: lightness 0 to 1, green to red, blue to yellow.

    Equal distances look equally different. B. Ottosson, "A perceptual color space for image processing",
    2020, https://bottosson.github.io/posts/oklab/; sRGB's curve from IEC 61966-2-1.
    """
    v = srgb.astype(np.float32) / 255
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    cones = np.cbrt(linear @ np.array(_TO_CONES, dtype=np.float32).T)
    lab: FloatArray = cones @ np.array(_TO_LAB, dtype=np.float32).T
    return lab


_TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def _perceptual_hash(small: Image.Image) -> str:
    """Of which few bits change when the picture is encoded again or resized.

    Each bit says whether one of the 8 × 8 slowest waves of the picture (32 × 32 in grey, discrete cosine
    transform) is stronger than the median of them: C. Zauner, "Implementation and Benchmarking of
    Perceptual Image Hash Functions", 2010, section 3.2.1.
    """
    grey = np.asarray(small.convert("L"), dtype=np.float64)
    waves = np.cos(np.pi / _SIDE * np.outer(np.arange(_WAVES), np.arange(_SIDE) + 0.5))
    # Rounded, so that in a picture of one colour no wave is stronger than another by some noise.
    strengths = (waves @ grey @ waves.T).round(3).ravel()
    return np.packbits(strengths > np.median(strengths)).tobytes().hex()
