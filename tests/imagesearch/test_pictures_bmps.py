"""BMP files of bit fields, and formats in which a fourth byte need not be transparency."""

import io
import struct
from pathlib import Path

import pytest
from PIL import Image

from imagesearch.errors import BadPicture, PictureTooLarge
from imagesearch.pictures import decode, sniff

MOST = 10_000_000
RGB444, RGB555, RGB565 = (0xF00, 0xF0, 0xF), (0x7C00, 0x3E0, 0x1F), (0xF800, 0x7E0, 0x1F)
RGB888 = (0xFF0000, 0xFF00, 0xFF)


def bmp(
    bits: int,
    masks: tuple[int, ...],
    rows: list[list[int]],
    header: int = 40,
    compression: int = 3,
    *,
    upwards: bool = True,
    file_head: bool = True,
) -> bytes:
    """`rows` from the top."""
    height = len(rows) if upwards else -len(rows)
    info = struct.pack("<IiiHHIIiiII", header, len(rows[0]), height, 1, bits, compression, 0, 0, 0, 0, 0)
    info = (info + struct.pack(f"<{len(masks)}I", *masks)).ljust(header, b"\0")
    one = "H" if bits == 16 else "I"
    lines = [struct.pack(f"<{len(row)}{one}", *row) for row in rows]
    pixels = b"".join(line + bytes(-len(line) % 4) for line in (lines[::-1] if upwards else lines))
    head = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 14 + len(info)) if file_head else b""
    return head + info + pixels


def shown(content: bytes) -> list[list[object]]:
    image = decode(content, MOST).image
    return [[image.getpixel((x, y)) for x in range(image.width)] for y in range(image.height)]


RED_GREEN_BLUE = [[(255, 0, 0), (0, 255, 0), (0, 0, 255)], [(255, 255, 255), (0, 0, 0), (255, 0, 0)]]


@pytest.mark.parametrize("upwards", [True, False])
@pytest.mark.parametrize("file_head", [True, False])
@pytest.mark.parametrize(
    ("bits", "masks"),
    [
        (16, RGB444),
        (16, RGB555),
        (16, RGB565),
        (16, (0xC000, 0x3800, 0x0001)),
        (32, RGB888),
        (32, RGB888[::-1]),
        (32, (0x3FF00000, 0xFFC00, 0x3FF)),
        (32, RGB565),
    ],
)
def test_any_fields(bits: int, masks: tuple[int, int, int], upwards: bool, file_head: bool) -> None:
    red, green, blue = masks
    rows = [[red, green, blue], [red | green | blue, 0, red]]
    content = bmp(bits, masks, rows, upwards=upwards, file_head=file_head)
    assert shown(content) == RED_GREEN_BLUE


def test_shades_are_scaled() -> None:
    assert shown(bmp(16, RGB444, [[0xF80, 0x123]])) == [[(255, 136, 0), (17, 34, 51)]]
    assert shown(bmp(32, (0x3FF00000, 0xFFC00, 0x3FF), [[0x200 << 20]])) == [[(128, 0, 0)]]


@pytest.mark.parametrize(("header", "compression"), [(56, 3), (108, 3), (124, 3), (40, 6)])
def test_the_fourth_field_is_transparency(header: int, compression: int) -> None:
    content = bmp(16, (*RGB444, 0xF000), [[0xFF00, 0x0F00, 0x8F00]], header, compression)
    assert shown(content) == [[(255, 0, 0), (255, 255, 255), (255, 119, 119)]]


def test_is_told_from_other_files_by_what_is_inside(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bmp(16, RGB444, [[0xF00]]))
    assert sniff(tmp_path / "a") == "BMP"
    assert decode((tmp_path / "a").read_bytes(), MOST).facts.format == "BMP"


def test_too_large_and_cut_short() -> None:
    with pytest.raises(PictureTooLarge, match="10×10"):
        decode(bmp(16, RGB444, [[0] * 10] * 10), 99)
    content = bmp(16, RGB444, [[0xF00] * 10] * 10)
    assert "cut short: 80%" in decode(content[:-40], MOST).remark
    with pytest.raises(BadPicture, match="only 19%"):
        decode(content[:-160], MOST)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (bmp(2, (), [[0]], compression=0), "a BMP of 2 bits a pixel (compression 0)"),
        (bmp(0, (), [[0]], compression=5), "a BMP of 0 bits a pixel (compression 5)"),
    ],
)
def test_what_is_not_read_is_called_by_its_name(content: bytes, what: str) -> None:
    with pytest.raises(BadPicture) as refused:
        decode(content, MOST)
    assert str(refused.value) == f"is {what}, which is not read here"


def tga(pixel: bytes, *more: bytes, kind: int = 2, attributes: int = 8) -> bytes:
    """A picture two pixels high and as wide as there are pixels."""
    bits, pixels = 8 * len(pixel), (pixel, *more)
    head = struct.pack("<BBBHHBHHHHBB", 0, 0, kind, 0, 0, 0, 0, 0, len(pixels), 2, bits, attributes)
    return head + b"".join(pixels) * 2


def ico(alpha: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGBA", (16, 16), (255, 0, 0, alpha)).save(out, "ICO", bitmap_format="bmp")
    return out.getvalue()


def tga_palette(alpha: int) -> bytes:
    head = struct.pack("<BBBHHBHHHHBB", 0, 1, 1, 0, 2, 32, 0, 0, 2, 2, 8, 8)
    return head + bytes((0, 0, 255, alpha, 0, 255, 0, 0)) + bytes(4)


CLEAR = 0x00FF0000
WITHOUT = {
    "bmp": bmp(32, (*RGB888, 0xFF000000), [[CLEAR] * 2] * 2, 108),
    "bmp of other fields": bmp(16, (*RGB444, 0xF000), [[0x0F00] * 2] * 2, 108),
    "dib": bmp(32, (*RGB888, 0xFF000000), [[CLEAR] * 2] * 2, 108, file_head=False),
    "tga": tga(bytes((0, 0, 255, 0))),
    "tga without attributes": tga(bytes((0, 0, 255, 0)), attributes=0),
    "tga of 16 bits": tga(struct.pack("<H", 0x7C00), attributes=1),
    "tga of a palette": tga_palette(0),
    "ico": ico(0),
}


@pytest.mark.parametrize("what", WITHOUT)
def test_transparent_all_over_means_none(what: str) -> None:
    assert decode(WITHOUT[what], MOST).image.getpixel((0, 0)) == (255, 0, 0)


def test_of_grey_too() -> None:
    assert decode(tga(bytes((9, 0)), kind=3), MOST).image.getpixel((0, 0)) == (9, 9, 9)


def test_transparent_in_places_means_it() -> None:
    content = bmp(32, (*RGB888, 0xFF000000), [[CLEAR, 0x80FF0000]], 108)
    assert shown(content) == [[(255, 255, 255), (255, 127, 127)]]
    content = tga(bytes((0, 0, 255, 0)), bytes((0, 0, 255, 255)))
    assert shown(content)[0] == [(255, 255, 255), (255, 0, 0)]


def test_where_transparency_is_never_by_chance_it_stays() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(out, "PNG")
    assert decode(out.getvalue(), MOST).image.getpixel((0, 0)) == (255, 255, 255)
