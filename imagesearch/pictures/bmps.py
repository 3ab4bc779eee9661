"""BMP files whose pixels are divided into colours in other ways than Pillow knows."""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagesearch.pictures.loaded import refuse_more_than

_WITH_ALPHA = 6  # as it is called on phones
_BITFIELDS = (3, _WITH_ALPHA)
# A header and four masks.
_LEAST = 56
# Of the header that is written here: 32 bits a pixel, blue first.
_HEADER = 56
_MASKS = (0xFF0000, 0xFF00, 0xFF)
_ALPHA = 0xFF000000


@dataclass(frozen=True)
class _Header:
    """`height` is below zero where the first row is the upper one; `begins` is where the pixels do."""

    width: int
    height: int
    bits: int
    masks: tuple[int, ...]
    begins: int


def are_read(content: bytes) -> bool:
    """Whether it is a BMP file of bit fields."""
    return _header(content) is not None


def mended(content: bytes, max_pixels: int) -> bytes | None:
    """A BMP file of bit fields as one of 8 bits a colour; None if it is another file.

    Raises PictureTooLarge, and ValueError if it has no pixels.
    """
    header = _header(content)
    if header is None:
        return None
    refuse_more_than(max_pixels, header.width, abs(header.height))
    return _written(header, _pixels(content, header))


def _header(content: bytes) -> _Header | None:
    at = 14 if content.startswith(b"BM") else 0
    if len(content) < at + _LEAST:
        return None
    size, width, height, _, bits, compression = struct.unpack_from("<IiiHHI", content, at)
    if not 40 <= size <= 124 or compression not in _BITFIELDS or bits not in (16, 32):
        return None
    count = 4 if size >= 56 or compression == _WITH_ALPHA else 3
    masks = struct.unpack_from(f"<{count}I", content, at + 40)
    begins = struct.unpack_from("<I", content, 10)[0] if at else max(size, 40 + 4 * count)
    return _Header(width, height, bits, masks, begins)


def _pixels(content: bytes, header: _Header) -> NDArray[np.uint32]:
    """Those of all rows that are there: shape (rows, width)."""
    stride = (header.width * header.bits + 31) // 32 * 4
    rows = min(abs(header.height), (len(content) - header.begins) // stride)
    size = header.bits // 8
    flat = np.frombuffer(content, f"<u{size}", rows * stride // size, header.begins)
    return flat.reshape(rows, -1)[:, : header.width].astype(np.uint32)


def _written(header: _Header, pixels: NDArray[np.uint32]) -> bytes:
    has_alpha = len(header.masks) == 4 and header.masks[3] > 0
    colours = np.zeros((*pixels.shape, 4), np.uint8)
    for channel, mask in zip((2, 1, 0, 3), header.masks, strict=False):
        colours[..., channel] = _scaled(pixels, mask)
    head = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 14 + _HEADER)
    info = struct.pack("<IiiHHIIiiII", _HEADER, header.width, header.height, 1, 32, 3, 0, 0, 0, 0, 0)
    return head + info + struct.pack("<4I", *_MASKS, _ALPHA if has_alpha else 0) + colours.tobytes()


def _scaled(pixels: NDArray[np.uint32], mask: int) -> NDArray[np.uint8]:
    """What is under `mask`, from 0 to 255."""
    if not mask:
        return np.zeros(pixels.shape, np.uint8)
    lowest = mask & -mask
    shades = ((pixels & np.uint32(mask)) // np.uint32(lowest)).astype(np.float32)
    return (shades * (255 / (mask // lowest))).round().astype(np.uint8)
