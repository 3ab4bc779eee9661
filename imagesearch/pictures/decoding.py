"""Bytes to pixels and facts, whatever the format."""

import hashlib
import io
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from imagesearch.errors import BadPicture, PictureTooLarge
from imagesearch.pictures import drawings, raster, raw, unread
from imagesearch.pictures.formats import FORMATS, RASTER, prepare, special_format
from imagesearch.pictures.loaded import DAMAGE, Loaded
from imagesearch.pictures.looks import looks_of
from imagesearch.records import Facts

# One and a half times what CLIP looks at (224): measured, that changes nothing it sees
# (tests/imagesearch/test_pictures_fidelity.py), while a 12-megapixel JPEG decodes at an eighth of its size.
WORKING_SIDE = 336

_READERS = {"RAW": raw.load, "SVG": drawings.load}
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


@dataclass(frozen=True)
class Decoded:
    """A picture in memory: 8-bit sRGB, upright, on white where it was transparent.

    `image` is shrunk so that its shorter side is from what was asked for to just under twice that (or as it
    is, if it is smaller); `facts` are of the whole picture. `remark` says so if only a part of it
    could be read.
    """

    image: Image.Image
    facts: Facts
    remark: str = ""


def read_picture(path: Path, max_pixels: int, content_hash: str | None = None) -> Decoded:
    """Read and decode a file. Raises BadPicture, or PictureTooLarge over `max_pixels`.

    `content_hash` is the SHA-256 of its content in hex, if that is known already.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadPicture(f"cannot be read: {error.strerror}") from error
    return decode(content, max_pixels, content_hash=content_hash)


def decode(
    content: bytes,
    max_pixels: int,
    side: int = WORKING_SIDE,
    content_hash: str | None = None,
    formats: Collection[str] = FORMATS,
) -> Decoded:
    """Bytes to pixels, whatever name they came under; of an animation the first frame.

    `side` is the least that the shorter side is shrunk to, `formats` those of FORMATS that may come, and
    `content_hash` the SHA-256 of `content` in hex, if that is known already.
    Raises BadPicture, or PictureTooLarge over `max_pixels`, before any pixel is decoded.
    """
    # No smaller at first, so that the facts are the same whatever is asked for.
    loaded = _loaded(content, max_pixels, max(side, WORKING_SIDE), formats)
    look = looks_of(loaded.image)
    smaller = max(1, min(loaded.image.size) // side)
    image = loaded.image.reduce(smaller) if side < WORKING_SIDE and smaller > 1 else loaded.image
    facts = Facts(
        content_hash=content_hash or hashlib.sha256(content).hexdigest(),
        size=len(content),
        format=loaded.format,
        width=loaded.width,
        height=loaded.height,
        colour=look.colour,
        colours=look.colours,
        phash=look.phash,
        metadata=loaded.metadata,
    )
    return Decoded(image, facts, loaded.remark)


def _loaded(content: bytes, max_pixels: int, side: int, formats: Collection[str]) -> Loaded:
    prepare()
    try:
        special = special_format(io.BytesIO(content))
        if special is None:
            return raster.load(content, max_pixels, side, [name for name in RASTER if name in formats])
        if special in formats:
            return _READERS[special](content, max_pixels, side)
    except _BOMBS as error:
        raise PictureTooLarge(
            f"has far more pixels than the {max_pixels / 1e6:g} million that are allowed"
        ) from error
    except MemoryError as error:
        raise PictureTooLarge("takes more memory to decode than there is") from error
    except UnidentifiedImageError as error:
        raise BadPicture(unread.said(content)) from error
    except DAMAGE as error:
        if str(error).startswith("Unsupported"):
            raise BadPicture(unread.said(content)) from error
        raise BadPicture(f"is damaged or cut short: {str(error) or 'it cannot be decoded'}") from error
    raise BadPicture(unread.NO_PICTURE)


def sniff(path: Path) -> str | None:
    """The format of the file by its first bytes, one of FORMATS, or None if it is no picture.

    Raises OSError if it cannot be read.
    """
    prepare()
    with path.open("rb") as file:
        try:
            return special_format(file) or raster.format_of(file)
        except (*_BOMBS, *DAMAGE, MemoryError):
            return None
