"""Files that are not read: each is called what it is."""

import pytest

from imagesearch.errors import BadPicture
from imagesearch.pictures import decode

NOTHING = "is not a picture in a format that is read here"
OTHERS = {
    b"\xff\x0a\xfa\x1f\x01\x91\x08\x06\x01\0": "JPEG XL",
    b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0": "JPEG XL",
    b"II\xbc\x01\x20\0\0\0": "JPEG XR",
    b"8BPS\0\1" + bytes(20): "Photoshop's format (PSD)",
    b"gimp xcf v011\0": "GIMP's format (XCF)",
    b"v/1\x01\2\0\0\0": "OpenEXR",
    b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n": "Radiance HDR",
    b"qoif" + bytes(20): "QOI",
}


@pytest.mark.parametrize("content", OTHERS, ids=OTHERS.values())
def test_other_pictures_by_their_names(content: bytes) -> None:
    with pytest.raises(BadPicture) as refused:
        decode(content + bytes(100), 10_000)
    assert str(refused.value) == f"is a picture in {OTHERS[content]}, which is not read here"


@pytest.mark.parametrize(
    ("content", "format"),
    [
        (b"\xff\xd8\xff\xc3\0\x0b\x08" + bytes(100), "JPEG"),  # a lossless one
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG"),
        (b"GIF87a" + bytes(100), "GIF"),
        (b"BM" + bytes(12) + b"\x10\0\0\0" + bytes(100), "BMP"),  # of OS/2
    ],
)
def test_those_of_a_known_format_by_that(content: bytes, format: str) -> None:
    with pytest.raises(BadPicture, match=f"{format} of a kind that is not read here"):
        decode(content, 10_000)


@pytest.mark.parametrize("content", [b"", b"hello", bytes(1000), b"%PDF-1.7\n"])
def test_no_pictures_as_none(content: bytes) -> None:
    with pytest.raises(BadPicture, match=NOTHING):
        decode(content, 10_000)
