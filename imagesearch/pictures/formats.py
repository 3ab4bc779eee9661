"""Which formats are read: told by their content, and by the ending of the name for who looks for files."""

import re
import zlib
from collections.abc import Iterator
from functools import cache
from typing import IO

from PIL import ExifTags, Image, PngImagePlugin, TiffImagePlugin

from imagesearch.pictures.loaded import DAMAGE
from imagesearch.pictures.profiles import MOST_BYTES

# Raster formats that people keep pictures in (JPEG covers the MPO of some cameras). Pillow knows more,
# some of which start other programs (EPS), hold no pixels (WMF) or are video (MPEG).
RASTER = tuple("AVIF BMP DIB GIF HEIF ICO JPEG JPEG2000 PCX PNG PPM TGA TIFF WEBP".split())
FORMATS = (*RASTER, "RAW", "SVG")

# Endings of these formats that Pillow has not heard of: older ones of JPEG, stereo pairs, large TIFF
# files and pyramids, and others.
_RASTER_ENDINGS = frozenset(
    ".btf .jfi .jif .jps .mpo .pcc .pjp .pjpeg .pns .ptif .ptiff .targa .tf2 .tf8 .tpic".split()
)
# Read by nothing here, but a picture: its name is in the report with the reason, rather than passed over.
_UNREAD_ENDINGS = frozenset({".jxl"})
_DRAWING_ENDINGS = frozenset({".svg", ".svgz"})
# Those that LibRaw reads, of cameras and of Adobe's converter.
_RAW_ENDINGS = frozenset(
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf .rw2 "
    ".rwl .sr2 .srf .srw .x3f".split()
)

_HEAD = 4096
_GZIP = b"\x1f\x8b\x08"
_DRAWING = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?svg[\s>]")
_TIFF = (b"II*\0", b"MM\0*")
_RAW_HEADS = (
    b"FUJIFILMCCD-RAW",
    b"FOVb",  # Sigma
    b"IIRO",  # Olympus, as the next two
    b"IIRS",
    b"MMOR",
    b"IIU\0",  # Panasonic and Leica
    b"\0MRM",  # Minolta
    b"II\x1a\0\0\0HEAPCCDR",  # Canon's CRW
)
_SUBFILES, _DNG_VERSION = 330, 50706
# Photometric interpretations of what comes from a sensor: a colour filter array, and linear raw.
_SENSOR = (32803, 34892)
_MOST_SUBFILES = 16


@cache
def prepare() -> None:
    """Let Pillow know all of RASTER: of itself it knows only the commonest."""
    from pi_heif import register_heif_opener

    Image.init()
    # Of one compressed text or profile; scanners have larger profiles than Pillow takes. All texts together
    # stay within MAX_TEXT_MEMORY.
    PngImagePlugin.MAX_TEXT_CHUNK = MOST_BYTES
    register_heif_opener(thumbnails=False)


@cache
def picture_endings() -> frozenset[str]:
    """The endings of the files that are looked at, in lower case with the dot."""
    prepare()
    raster = {ending for ending, name in Image.registered_extensions().items() if name in RASTER}
    return frozenset(raster) | _RASTER_ENDINGS | _DRAWING_ENDINGS | _RAW_ENDINGS | _UNREAD_ENDINGS


def special_format(file: IO[bytes]) -> str | None:
    """`SVG` or `RAW` if it is that, by content, else None. Leaves `file` at its start."""
    head = file.read(_HEAD)
    try:
        if _is_drawing(head):
            return "SVG"
        return "RAW" if _is_raw(head, file) else None
    finally:
        file.seek(0)


def _is_drawing(head: bytes) -> bool:
    if head.startswith(_GZIP):
        try:
            head = zlib.decompressobj(31).decompress(head, _HEAD)
        except zlib.error:
            return False
    # In UTF-16, which Windows' programs like, every other byte is zero.
    text = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return text.startswith(b"<") and _DRAWING.search(text) is not None


def _is_raw(head: bytes, file: IO[bytes]) -> bool:
    if head.startswith(_RAW_HEADS) or head[4:12] == b"ftypcrx ":
        return True
    if not head.startswith(_TIFF):
        return False
    if head[8:10] == b"CR":  # Canon's CR2
        return True
    try:
        return any(_comes_from_a_sensor(directory) for directory in _directories(head, file))
    except DAMAGE:
        return False


def _directories(head: bytes, file: IO[bytes]) -> Iterator[TiffImagePlugin.ImageFileDirectory_v2]:
    """The first directory of a TIFF file, and those below it."""
    first = TiffImagePlugin.ImageFileDirectory_v2(head[:8])
    file.seek(first.next)
    first.load(file)
    yield first
    below = first.get(_SUBFILES, ())
    for offset in list(below if isinstance(below, tuple) else [below])[:_MOST_SUBFILES]:
        directory = TiffImagePlugin.ImageFileDirectory_v2(head[:8])
        file.seek(offset)
        directory.load(file)
        yield directory


def _comes_from_a_sensor(directory: TiffImagePlugin.ImageFileDirectory_v2) -> bool:
    return _DNG_VERSION in directory or directory.get(ExifTags.Base.PhotometricInterpretation) in _SENSOR
