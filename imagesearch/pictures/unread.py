"""What a file is that is not read: a picture of another kind, or none."""

import struct

from PIL import ExifTags

from imagesearch.pictures import tiffs
from imagesearch.pictures.loaded import DAMAGE

NO_PICTURE = "is not a picture in a format that is read here"
# Formats of pictures by how their files begin.
_OTHERS = {
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"II\xbc\x01": "JPEG XR",
    b"MM\0+": "BigTIFF with the high bytes first",
    b"8BPS": "Photoshop's format (PSD)",
    b"gimp xcf": "GIMP's format (XCF)",
    b"v/1\x01": "OpenEXR",
    b"#?RADIANCE": "Radiance HDR",
    b"#?RGBE": "Radiance HDR",
    b"DDS ": "DDS",
    b"qoif": "QOI",
    b"FLIF": "FLIF",
    b"BPG\xfb": "BPG",
    b"AT&TFORM": "DjVu",
    b"icns": "Apple's format of icons (ICNS)",
}
_READ = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"GIF8": "GIF"}
_BITS, _COMPRESSION, _FORMAT = 258, 259, 339
_NUMBERS = {1: "integers", 2: "integers", 3: "floats", 5: "complex numbers", 6: "complex numbers"}


def said(content: bytes) -> str:
    """What is to be said of a file that no reader takes."""
    for head, name in _OTHERS.items():
        if content.startswith(head):
            return f"is a picture in {name}, which is not read here"
    for head, name in _READ.items():
        if content.startswith(head):
            return _of_a_kind(name)
    try:
        return _said_of_tiff(content) or _said_of_bmp(content) or NO_PICTURE
    except DAMAGE:
        return _of_a_kind("TIFF" if content.startswith(tiffs.HEADS) else "BMP")


def _of_a_kind(name: str) -> str:
    return f"is damaged or cut short, or {name} of a kind that is not read here"


def _said_of_tiff(content: bytes) -> str | None:
    if not content.startswith(tiffs.HEADS):
        return None
    directory = tiffs.first_directory(content)
    bits, numbers = tiffs.several(directory[_BITS])[0], tiffs.several(directory.get(_FORMAT, 1))[0]
    meant = directory[ExifTags.Base.PhotometricInterpretation]
    return (
        f"is a TIFF of {bits}-bit {_NUMBERS.get(numbers, 'numbers')} (PhotometricInterpretation {meant}, "
        f"Compression {directory.get(_COMPRESSION, 1)}), which is not read here"
    )


def _said_of_bmp(content: bytes) -> str | None:
    if not content.startswith(b"BM") or content[15:18] != bytes(3):
        return None
    size, bits, compression = struct.unpack_from("<I10xHI", content, 14)
    if size < 40:
        return _of_a_kind("BMP")
    return f"is a BMP of {bits} bits a pixel (compression {compression}), which is not read here"
