"""TIFF files: which of their directories holds the picture."""

import io
from collections.abc import Iterator
from typing import Literal, cast

from PIL.TiffImagePlugin import ImageFileDirectory_v2

from imagesearch.pictures.loaded import DAMAGE

# Not MM\0+, which Pillow takes for something else.
HEADS = (b"II*\0", b"MM\0*", b"II+\0")
_NEW_SUBFILE_TYPE, _SUBFILE_TYPE, _SUBFILES = 254, 255, 330
_WIDTH, _HEIGHT = 256, 257
# Bits of NewSubfileType: a copy of fewer pixels, a transparency mask. Of SubfileType: such a copy.
_REDUCED, _MASK, _OLD_REDUCED = 1, 4, 2
_MOST_DIRECTORIES = 64


def full_picture_first(content: bytes) -> bytes:
    """`content`; of a TIFF file that begins with a smaller copy or a mask, with the full picture first."""
    if not content.startswith(HEADS):
        return content
    try:
        if not _is_lesser(first_directory(content)):
            return content
        directories = list(_directories(content))
    except DAMAGE:
        return content
    whole = next((offset for offset, directory in directories if not _is_lesser(directory)), None)
    return beginning_with(content, whole or max(directories, key=_pixels)[0])


def first_directory(content: bytes) -> ImageFileDirectory_v2:
    """Raises EOFError if there is none, and what Pillow raises."""
    for _, directory in _directories(content):
        return directory
    raise EOFError("it ends before its first directory")


def beginning_with(content: bytes, offset: int) -> bytes:
    """A TIFF file whose first directory is the one that lies at `offset`."""
    if is_big(content):
        return content[:8] + offset.to_bytes(8, "little") + content[16:]
    order: Literal["little", "big"] = "little" if content.startswith(b"I") else "big"
    return content[:4] + offset.to_bytes(4, order) + content[8:]


def several(value: object) -> tuple[int, ...]:
    """The numbers of a tag, of which Pillow gives a single one as it is."""
    return value if isinstance(value, tuple) else (cast(int, value),)


def is_big(content: bytes) -> bool:
    """Whether it is a BigTIFF, whose offsets have 64 bits."""
    return content.startswith(b"II+")


def header(content: bytes) -> bytes:
    """What comes before the first directory."""
    return content[: 16 if is_big(content) else 8]


def _directories(content: bytes) -> Iterator[tuple[int, ImageFileDirectory_v2]]:
    """Each with where it is: one after the other, and below each those that are part of it."""
    head = header(content)
    waiting, seen = [ImageFileDirectory_v2(head).next], set[int]()
    while waiting and len(seen) < _MOST_DIRECTORIES:
        offset = waiting.pop(0)
        if not offset or offset in seen:
            continue
        seen.add(offset)
        file = io.BytesIO(content)
        file.seek(offset)
        directory = ImageFileDirectory_v2(head)
        directory.load(file)
        yield offset, directory
        waiting = [*several(directory.get(_SUBFILES, ())), directory.next, *waiting]


def _is_lesser(directory: ImageFileDirectory_v2) -> bool:
    lesser = directory.get(_NEW_SUBFILE_TYPE, 0) & (_REDUCED | _MASK)
    return bool(lesser) or directory.get(_SUBFILE_TYPE) == _OLD_REDUCED


def _pixels(found: tuple[int, ImageFileDirectory_v2]) -> int:
    return int(found[1].get(_WIDTH, 0) * found[1].get(_HEIGHT, 0))
