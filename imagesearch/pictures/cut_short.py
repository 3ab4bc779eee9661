"""What is there of a picture whose file ends too early, and whether that is most of it."""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from imagesearch.errors import BadPicture

# The share of a picture over which it stands for the whole.
_MOST = 0.5

_END = b"\xff\xd9"
_SCAN, _TABLES = b"\xff\xda", b"\xff\xc4"
# What no picture goes on with, to see where its own pixels end: any bytes but 255, which begins a marker.
_NOISE = bytes((167 * i + 89) % 255 for i in range(4096))
_LAST_WAVE = 63
# Formats whose pixels Pillow hands over as it reads them.
_ROW_BY_ROW = ("BMP", "DIB", "GIF", "PCX", "PNG", "PPM", "TGA", "TIFF")


def pixels(
    opened: ImageFile.ImageFile, content: bytes, formats: Sequence[str], side: int
) -> tuple[ImageFile.ImageFile, str]:
    """The picture with its pixels, as far as its file goes; and what is to be said of it if that is not far.

    `opened` is `readable(content)`. Raises BadPicture if less than most of it is there, and what Pillow
    raises.
    """
    if _is_short_webp(content):
        return _of_a_webp(content, formats, side)
    try:
        opened.load()
    except (OSError, SyntaxError):
        if opened.format in ("JPEG", "MPO"):
            return _of_a_jpeg(content, formats, side)
        if opened.format == "JPEG2000":  # without its last bytes; of less, OpenJPEG reads nothing
            return _loaded(content.rstrip(b"\xff") + _END, formats, side), ""
        if opened.format in _ROW_BY_ROW:
            return _of_rows(content, formats, side)
        raise
    return opened, ""


def readable(content: bytes) -> bytes:
    """`content`, but a WebP that is shorter than it says goes on with zeros: libwebp asks for its length."""
    return _going_on(content, bytes(len(content))) if _is_short_webp(content) else content


def _is_short_webp(content: bytes) -> bool:
    says = int.from_bytes(content[4:8], "little") + 8
    return content[:4] == b"RIFF" and content[8:12] == b"WEBP" and says > len(content)


def _going_on(content: bytes, more: bytes) -> bytes:
    """A WebP that is cut short, the chunk that was cut going on with `more`."""
    at = 12
    while at + 8 <= len(content):
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        if at + 8 + size > len(content):
            break
        at += 8 + size + size % 2
    if at + 8 > len(content):  # nothing of another one, and maybe not the byte that makes an odd one even
        body = content[8:at].ljust(at - 8, b"\0")
    else:
        size = len(content) - at - 8 + len(more)
        body = content[8 : at + 4] + size.to_bytes(4, "little") + content[at + 8 :] + more
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _of_rows(content: bytes, formats: Sequence[str], side: int) -> tuple[ImageFile.ImageFile, str]:
    # What is the same on two grounds comes from the file.
    one, other = (_on_a_ground(_opened(content, formats, side), ink) for ink in (0, 1))
    return one, _said(float(1 - _differs(one, other).mean()))


def _said(share: float) -> str:
    if share == 1:
        return ""
    if share > _MOST:
        return f"is damaged or cut short: {int(100 * share)}% of it can be read"
    raise BadPicture(f"is damaged or cut short: only {int(100 * share)}% of it can be read")


def _opened(content: bytes, formats: Sequence[str], side: int) -> ImageFile.ImageFile:
    opened = Image.open(io.BytesIO(content), formats=tuple(formats))
    opened.draft(None, (side, side))
    return opened


def _loaded(content: bytes, formats: Sequence[str], side: int) -> ImageFile.ImageFile:
    opened = _opened(content, formats, side)
    opened.load()
    return opened


def _differs(one: Image.Image, other: Image.Image) -> NDArray[np.bool_]:
    """Where two pictures of a size do: shape (height, width)."""
    differs: NDArray[np.bool_] = np.atleast_3d(np.asarray(one) != np.asarray(other)).max(axis=2)
    return differs


def _on_a_ground(opened: ImageFile.ImageFile, ink: int) -> ImageFile.ImageFile:
    """The picture over `ink`, loaded up to where it fails."""
    prepare = opened.load_prepare

    def prepared() -> None:
        prepare()
        opened.im.paste(ink, (0, 0, *opened.im.size))

    opened.load_prepare = prepared  # type: ignore[method-assign]
    try:
        opened.load()
    except (OSError, SyntaxError):
        # Of a file that libtiff reads Pillow has done this already.
        if opened.tile:
            opened.tile = []
            opened.load_end()
    return opened


def _share_from_the_top(one: Image.Image, other: Image.Image) -> float:
    """Up to the first row in which two decodings differ."""
    rows = _differs(one, other).any(axis=1)
    return float(rows.argmax() / rows.size) if rows.any() else 1.0


def _of_a_jpeg(content: bytes, formats: Sequence[str], side: int) -> tuple[ImageFile.ImageFile, str]:
    opened = _opened(content, formats, side)
    begins = opened.fp.tell() if opened.fp else 0
    content = _whole_markers(content, begins)
    one, other = (_loaded(content + more, formats, side) for more in (_END, _NOISE + _END))
    share = _share_from_the_top(one, other)
    if "progressive" in opened.info:
        return one, _said_of_scans(content, begins, share)
    return one, _said(share)


def _of_a_webp(content: bytes, formats: Sequence[str], side: int) -> tuple[ImageFile.ImageFile, str]:
    noise = (_NOISE * (len(content) // len(_NOISE) + 1))[: len(content)]
    one, other = (_loaded(_going_on(content, more), formats, side) for more in (bytes(len(content)), noise))
    share = _share_from_the_top(one, other)
    # What WebP makes of other bytes is no picture.
    one.paste("grey", (0, round(share * one.height), *one.size))
    return one, _said(share)


def _whole_markers(content: bytes, begins: int) -> bytes:
    """`content` without a marker that is cut in two, which libjpeg would go on reading."""
    content = content.rstrip(b"\xff")
    last = max(content.rfind(marker, begins) for marker in (_SCAN, _TABLES))
    if last >= 0 and last + 2 + int.from_bytes(content[last + 2 : last + 4]) > len(content):
        return content[:last]
    return content


def _said_of_scans(content: bytes, begins: int, share_of_last: float) -> str:
    """As `_said`, of a progressive JPEG, which brings all of the picture, ever finer, scan by scan.

    Most is there when its brightness has come down to the finest waves; that is about half of the bytes.
    `begins` is where the data of the first scan do.
    """
    first = content.rfind(_SCAN, 0, begins)
    scans = [first]
    while (following := content.find(_SCAN, scans[-1] + 2)) >= 0:
        scans.append(following)
    there = scans if share_of_last > _MOST else scans[:-1]
    finest = [at for at in there if content[at + 8] == _LAST_WAVE]
    exact = {content[at + 5] for at in finest if content[at + 9] & 15 == 0}
    components = content[first + 5 : first + 5 + 2 * content[first + 4] : 2]
    if share_of_last == 1 and exact.issuperset(components):
        return ""
    if any(content[at + 5] == components[0] for at in finest):
        return "is cut short: its finest details are missing"
    raise BadPicture("is cut short: most of its details are missing")
