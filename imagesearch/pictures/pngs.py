"""PNG files in which something is broken that is not the picture."""

import io
import re
import zlib
from collections.abc import Iterator

from PIL import PngImagePlugin

from imagesearch.pictures.loaded import DAMAGE

_MAGIC = b"\x89PNG\r\n\x1a\n"
_KIND = re.compile(rb"[A-Za-z]{4}")
# What is looked for after a chunk of which nobody knows how long it is.
_CRITICAL = re.compile(rb"PLTE|IDAT|IEND")


def mended(content: bytes) -> bytes | None:
    """A PNG file without those chunks beside the picture that cannot be read; None if that is no PNG file.

    An error in an ancillary chunk does not cost the picture: PNG, third edition, 13.2.
    """
    if not content.startswith(_MAGIC):
        return None
    reader = PngImagePlugin.PngStream(io.BytesIO(content))
    kept = (content[at:end] for at, end in _chunks(content) if _stays(content, at, end, reader))
    return _MAGIC + b"".join(kept)


def _chunks(content: bytes) -> Iterator[tuple[int, int]]:
    """Where each begins and ends."""
    at = len(_MAGIC)
    while at + 8 <= len(content):
        end = at + 12 + int.from_bytes(content[at : at + 4])
        yield at, end
        if end != len(content) and not _KIND.match(content, end + 4):
            following = _CRITICAL.search(content, at + 8)
            end = following.start() - 4 if following else len(content)
        at = end


def _stays(content: bytes, at: int, end: int, reader: PngImagePlugin.PngStream) -> bool:
    kind = content[at + 4 : at + 8]
    is_read = _is_read(kind, at + 8, end - at - 12, reader)  # the header, too, which others are read by
    if not kind[0] & 32:
        return True
    is_sound = zlib.crc32(content[at + 4 : end - 4]) == int.from_bytes(content[end - 4 : end])
    return is_sound and is_read


def _is_read(kind: bytes, at: int, length: int, reader: PngImagePlugin.PngStream) -> bool:
    """Whether Pillow can make something of a chunk, or passes it over."""
    if not hasattr(reader, f"chunk_{kind.decode('latin-1')}"):
        return True
    if reader.fp:
        reader.fp.seek(at)
    try:
        reader.call(kind, at, length)
    except DAMAGE:
        return False
    return True
