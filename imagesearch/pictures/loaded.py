"""What every reader of a format gives, and how it refuses."""

import struct
import zlib
from dataclasses import dataclass

from PIL import Image

from imagesearch.errors import PictureTooLarge
from imagesearch.records import Metadata

# What Pillow's decoders raise on damaged files, as its own malformed test pictures and flipped bits show.
DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True)
class Loaded:
    """A picture as its format's reader gives it: 8-bit sRGB, upright, on white where it was transparent.

    `image` may be smaller than the whole picture, whose size is `width` × `height`; `turned` is whether the
    file said that it had to be turned; `remark` says so if only a part of it could be read.
    """

    image: Image.Image
    width: int
    height: int
    format: str
    metadata: Metadata
    turned: bool = False
    remark: str = ""


def refuse_more_than(max_pixels: int, width: int, height: int) -> None:
    """Raises PictureTooLarge if there are more."""
    if width * height > max_pixels:
        raise PictureTooLarge(
            f"has {width}×{height} = {width * height / 1e6:.0f} million pixels, more than the "
            f"{max_pixels / 1e6:g} million that are allowed (MAX_MEGAPIXELS)"
        )
