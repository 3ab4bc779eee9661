"""Bytes to pixels: every kind of picture people have, and everything that only looks like one."""

import datetime
import hashlib
import io
import random
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from imagesearch.errors import BadPicture, PictureTooLarge
from imagesearch.pictures import WORKING_SIDE, decode, read_picture, sniff
from imagesearch.records import Facts, Metadata
from tests.conftest import environment, noise

MOST = 10_000_000
WHITE, RED = (255, 255, 255), (255, 0, 0)


def encoded(image: Image.Image, format: str = "PNG", **how: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **how)
    return out.getvalue()


def pixel(content: bytes, x: int = 0, y: int = 0) -> tuple[int, ...]:
    got = decode(content, MOST).image.getpixel((x, y))
    assert isinstance(got, tuple)
    return got


def near(one: tuple[int, ...], other: tuple[int, ...], by: int = 8) -> bool:
    return all(abs(a - b) <= by for a, b in zip(one, other, strict=True))


class TestWhatIsTold:
    def test_of_a_plain_picture(self) -> None:
        content = encoded(Image.new("RGB", (30, 20), (16, 32, 48)))
        decoded = decode(content, MOST)
        assert (decoded.image.mode, decoded.image.size) == ("RGB", (30, 20))
        assert decoded.facts == Facts(
            content_hash=hashlib.sha256(content).hexdigest(),
            size=len(content),
            format="PNG",
            width=30,
            height=20,
            colour="#102030",
            colours=("black",),
            phash="8000000000000000",
            metadata=Metadata(),
        )

    def test_a_hash_that_is_known_is_not_made_again(self) -> None:
        assert decode(encoded(noise(0)), MOST, content_hash="known").facts.content_hash == "known"

    def test_the_mean_colour(self) -> None:
        half = Image.new("RGB", (40, 40), "black")
        half.paste((200, 100, 50), (0, 0, 20, 40))
        assert decode(encoded(half), MOST).facts.colour == "#643219"

    @pytest.mark.parametrize(
        "format",
        "AVIF BMP DIB GIF ICO JPEG JPEG2000 PCX PNG PPM TGA TIFF WEBP".split(),
    )
    def test_every_format_is_read(self, format: str) -> None:
        decoded = decode(encoded(Image.new("RGB", (32, 32), RED), format), MOST)
        assert decoded.facts.format == format
        assert near(pixel(encoded(Image.new("RGB", (32, 32), RED), format)), RED, by=12)

    @pytest.mark.parametrize("format", ["JPEG", "PNG"])
    def test_a_large_picture_is_shrunk_its_size_told_whole(self, format: str) -> None:
        decoded = decode(encoded(noise(0, 3000, 2100), format), MOST)
        assert (decoded.facts.width, decoded.facts.height) == (3000, 2100)
        assert WORKING_SIDE <= min(decoded.image.size) < 2 * WORKING_SIDE
        assert decoded.image.width / decoded.image.height == pytest.approx(3000 / 2100, abs=0.01)

    def test_the_shorter_side_may_be_asked_for(self) -> None:
        assert decode(encoded(noise(0, 400, 300)), MOST, side=100).image.size == (134, 100)

    def test_reading_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").write_bytes(encoded(noise(1)))
        assert read_picture(tmp_path / "a.jpg", MOST).facts.format == "PNG", (
            "the content counts, not the name"
        )
        for path in (tmp_path / "none.png", tmp_path):
            with pytest.raises(BadPicture, match=r"cannot be read: (No such file|Is a directory)"):
                read_picture(path, MOST)


class TestRotation:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
    def test_the_picture_stands_upright(self, orientation: int, format: str) -> None:
        """The upright picture has its red corner at the top left, and is wider than high."""
        upright = Image.new("RGB", (64, 48), "blue")
        upright.paste(RED, (0, 0, 32, 24))
        stored = upright if orientation == 1 else upright.transpose(_AS_STORED[orientation])
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        decoded = decode(encoded(stored, format, exif=exif), MOST)
        assert (decoded.facts.width, decoded.facts.height) == decoded.image.size == (64, 48)
        assert near(pixel(encoded(stored, format, exif=exif), 10, 8), RED, by=12)
        assert near(pixel(encoded(stored, format, exif=exif), 50, 40), (0, 0, 255), by=12)


# How an upright picture lies in the file, for each value of EXIF's Orientation: the inverse of what it says.
_AS_STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def with_dates(**dates: str) -> bytes:
    exif = Image.Exif()
    if "original" in dates:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = dates["original"]
    if "changed" in dates:
        exif[ExifTags.Base.DateTime] = dates["changed"]
    return encoded(noise(0), "JPEG", exif=exif)


class TestDateTaken:
    @pytest.mark.parametrize(
        ("dates", "taken"),
        [
            ({"original": "2018:05:06 07:08:09"}, "2018-05-06"),
            ({"original": "2018:05:06 07:08:09", "changed": "2020:01:01 00:00:00"}, "2018-05-06"),
            ({"changed": "2020:01:01 00:00:00"}, "2020-01-01"),
            ({"original": "0000:00:00 00:00:00", "changed": "2020:01:01 00:00:00"}, "2020-01-01"),
            ({"original": "    :  :     :  :  "}, None),
            ({"original": "yesterday"}, None),
            ({"original": "2018:02:30 00:00:00"}, None),
            ({}, None),
        ],
    )
    def test_of_exif(self, dates: dict[str, str], taken: str | None) -> None:
        found = decode(with_dates(**dates), MOST).facts.metadata.date
        assert found == (datetime.date.fromisoformat(taken) if taken else None)

    @pytest.mark.parametrize("junk", [b"", b"II", b"MM\0*\0\0\0\x08", b"junk" * 9, b"II*\0\xff\xff\xff\x7f"])
    @pytest.mark.filterwarnings("ignore::UserWarning")
    def test_damaged_exif_does_not_cost_the_picture(self, junk: bytes) -> None:
        plain = encoded(Image.new("RGB", (20, 20), RED), "JPEG")
        block = b"Exif\0\0" + junk
        content = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + plain[2:]
        decoded = decode(content, MOST)
        assert (decoded.facts.width, decoded.facts.metadata) == (20, Metadata())


class TestModes:
    def test_one_pixel(self) -> None:
        assert pixel(encoded(Image.new("RGB", (1, 1), RED))) == RED

    def test_16_bit_grey_is_scaled_not_clipped(self) -> None:
        grey = np.array([[0, 32768, 65535]], dtype=np.uint16)
        for format in ("PNG", "TIFF"):
            image = decode(encoded(Image.fromarray(grey), format), MOST).image
            shades = [image.getpixel((x, 0)) for x in range(3)]
            assert shades == [(0, 0, 0), (128, 128, 128), (255, 255, 255)]

    def test_16_bit_grey_with_the_high_byte_first(self) -> None:
        pixels = np.array([[0, 32768, 65535]], dtype=">u2").tobytes()
        head = b"MM\0*" + struct.pack(">IH", 8, 8)
        tags = [(256, 3), (257, 1), (258, 16), (259, 1), (262, 1), (273, 110), (278, 1), (279, 6)]
        ifd = b"".join(struct.pack(">HHII", tag, 4, 1, value) for tag, value in tags)
        assert len(head + ifd) + 4 == 110
        assert pixel(head + ifd + bytes(4) + pixels, 1) == (128, 128, 128)

    def test_a_black_16_bit_picture_with_transparency(self) -> None:
        content = encoded(Image.fromarray(np.full((2, 2), 40000, dtype=np.uint16)))
        transparent = _png_chunk(b"tRNS", struct.pack(">H", 40000))
        at = content.index(b"IDAT") - 4
        assert decode(content[:at] + transparent + content[at:], MOST).facts.width == 2

    def test_32_bit_and_floating_point(self) -> None:
        deep = np.array([[0, 30000, 60000]], dtype=np.int32)
        assert pixel(encoded(Image.fromarray(deep), "TIFF"), 1) == (116, 116, 116)
        real = np.array([[0.0, 0.5, 1.0]], dtype=np.float32)
        assert pixel(encoded(Image.fromarray(real), "TIFF"), 1) == (127, 127, 127)
        wide = np.array([[0.0, 500.0, 1000.0]], dtype=np.float32)
        assert pixel(encoded(Image.fromarray(wide), "TIFF"), 1) == (127, 127, 127)
        broken = np.array([[np.nan, np.inf, -np.inf]], dtype=np.float32)
        assert decode(encoded(Image.fromarray(broken), "TIFF"), MOST).image.mode == "RGB"

    def test_cmyk(self) -> None:
        content = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG")
        assert near(pixel(content), RED)

    def test_one_bit(self) -> None:
        assert pixel(encoded(Image.new("1", (2, 2), 1))) == WHITE

    @pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
    def test_of_an_animation_the_first_frame(self, format: str) -> None:
        frames = [Image.new("RGB", (10, 10), c) for c in ("red", "blue")]
        content = encoded(frames[0], format, save_all=True, append_images=frames[1:], lossless=True)
        assert near(pixel(content), RED)

    @pytest.mark.parametrize(("mode", "clear"), [("RGBA", (255, 0, 0, 0)), ("LA", (0, 0))])
    def test_what_is_transparent_is_white(self, mode: str, clear: tuple[int, ...]) -> None:
        assert pixel(encoded(Image.new(mode, (4, 4), clear))) == WHITE

    def test_what_is_half_transparent_is_mixed_with_white(self) -> None:
        assert near(pixel(encoded(Image.new("RGBA", (4, 4), (255, 0, 0, 128)))), (255, 127, 127), by=1)
        assert near(pixel(encoded(Image.new("LA", (4, 4), (0, 128)))), (127, 127, 127), by=1)

    def test_a_palette_with_transparency(self) -> None:
        image = Image.new("P", (2, 1))
        image.putpalette([255, 0, 0, 0, 0, 255])
        image.putpixel((1, 0), 1)
        one_clear, by_alpha = encoded(image, transparency=1), encoded(image, transparency=bytes([255, 0]))
        for content in (one_clear, by_alpha, encoded(image, "GIF", transparency=1)):
            assert (pixel(content, 0), pixel(content, 1)) == (RED, WHITE)

    @pytest.mark.parametrize(("mode", "key", "colour"), [("RGB", RED, RED), ("L", 7, 7)])
    def test_one_colour_that_means_transparent(self, mode: str, key: object, colour: object) -> None:
        assert pixel(encoded(Image.new(mode, (2, 2), colour), transparency=key)) == WHITE  # type: ignore[arg-type]

    @pytest.mark.parametrize("size", [(20_000, 1), (1, 20_000), (9000, 3)])
    def test_a_line_is_a_picture(self, size: tuple[int, int]) -> None:
        decoded = decode(encoded(Image.new("RGB", size, RED)), MOST)
        assert (decoded.facts.width, decoded.facts.height) == size
        assert decoded.facts.colour == "#ff0000"


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png_of(width: int, height: int, *chunks: bytes) -> bytes:
    """A PNG whose header claims this size; its pixels end at once."""
    header = _png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = _png_chunk(b"IDAT", zlib.compress(bytes(100)))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + pixels + _png_chunk(b"IEND", b"")


class TestTooLarge:
    def test_over_the_cap_says_how_much_and_which_setting(self) -> None:
        content = encoded(Image.new("RGB", (200, 100)))
        assert decode(content, 20_000).facts.width == 200
        with pytest.raises(PictureTooLarge, match=r"200×100.*0\.019999 million.*MAX_MEGAPIXELS"):
            decode(content, 19_999)

    @pytest.mark.parametrize("side", [12_000, 50_000, 2**31 - 1])
    @pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
    def test_a_bomb_is_not_decoded(self, side: int) -> None:
        tracemalloc.start()
        with pytest.raises(PictureTooLarge, match="million"):
            decode(_png_of(side, side), MOST)
        assert tracemalloc.get_traced_memory()[1] < 2**24
        tracemalloc.stop()


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.png", encoded(noise(0)))
    return out.getvalue()


MEMORY = """
import resource, sys
from pathlib import Path
from imagesearch.pictures import read_picture
def most(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
read_picture(Path(sys.argv[2]), 10**9)
before = most()
facts = read_picture(Path(sys.argv[1]), 10**9).facts
print((most() - before) / (facts.width * facts.height))
"""


@pytest.mark.parametrize(("mode", "bytes_a_pixel"), [("RGBA", 8), ("RGB", 4), ("I;16", 5)])
def test_memory_is_in_proportion_to_the_pixels(mode: str, bytes_a_pixel: float, tmp_path: Path) -> None:
    """What is decoded once, and of transparent pictures a second time; nothing after that counts."""
    noise(0).save(tmp_path / "small.png")
    Image.new(mode, (5000, 5000)).save(tmp_path / "large.png")
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, tmp_path / "large.png", tmp_path / "small.png"],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) < bytes_a_pixel + 1


def test_it_starts_without_what_only_encoding_needs() -> None:
    code = (
        "import sys, imagesearch.pictures; print([m for m in ('torch', 'transformers', 'scipy', "
        "'rawpy', 'flask', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


class TestNoPicture:
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\0",
            b"hello, world\n" * 50,
            b"\xff\xd8\xff",
            b"\x89PNG\r\n\x1a\n",
            b"GIF89a",
            b"BM",
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n",
            b"%PDF-1.7\n",
            bytes(10_000),
            _zip(),
        ],
        ids=lambda content: ascii(content[:8]),
    )
    def test_is_refused(self, content: bytes, tmp_path: Path) -> None:
        (tmp_path / "x.jpg").write_bytes(content)
        with pytest.raises(BadPicture, match=r"is not a picture in a format|damaged or cut"):
            read_picture(tmp_path / "x.jpg", MOST)
        assert sniff(tmp_path / "x.jpg") is None

    @pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "JPEG2000"])
    def test_a_picture_cut_short_is_refused(self, format: str) -> None:
        """Not taken as it is with a grey rest: nobody would find it as what it was."""
        content = encoded(noise(0, 200, 200), format)
        with pytest.raises(BadPicture, match=r"cut short|not a picture"):
            decode(content[: len(content) // 2], MOST)

    def test_sniffing_goes_by_content(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(encoded(noise(0), "JPEG"))
        assert sniff(tmp_path / "a.png") == "JPEG"


def _tiff_of_floats() -> bytes:
    out = io.BytesIO()
    pixels = np.asarray(noise(5, 33, 21)).astype("f4")
    tifffile.imwrite(out, pixels, photometric="rgb", compression="zlib", tile=(16, 16))
    return out.getvalue()


def _bmp_of_bit_fields() -> bytes:
    info = struct.pack("<IiiHHIIiiII", 56, 32, 20, 1, 16, 3, 0, 0, 0, 0, 0)
    head = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 70) + info
    return head + struct.pack("<4I", 0xF00, 0xF0, 0xF, 0xF000) + noise(5, 32, 20).tobytes()[:1280]


def _valid() -> dict[str, bytes]:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2018:05:06 07:08:09"
    small = noise(5, 33, 21)
    frames = {"save_all": True, "append_images": [noise(6, 33, 21)]}
    grey16 = Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30) * 100)
    return {
        "jpeg": encoded(small, "JPEG", exif=exif),
        "cmyk": encoded(small.convert("CMYK"), "JPEG"),
        "png": encoded(small, "PNG", exif=exif),
        "progressive": encoded(small, "JPEG", progressive=True),
        "palette": encoded(small.quantize(16), "PNG", transparency=3),
        "grey16": encoded(grey16),
        "gif": encoded(small, "GIF", **frames),
        "webp": encoded(small, "WEBP", exif=exif),
        "lossless": encoded(small, "WEBP", lossless=True, **frames),
        "avif": encoded(small, "AVIF"),
        "tiff": encoded(small, "TIFF"),
        "floats": _tiff_of_floats(),
        "bit fields": _bmp_of_bit_fields(),
        **{f: encoded(small, f) for f in ("BMP", "ICO", "TGA", "PCX", "PPM", "JPEG2000")},
    }


VALID = _valid()


def damaged(name: str, seed: int) -> bytes:
    """A valid picture with some bytes changed, most in its head, or cut short."""
    chance, content = random.Random(seed), bytearray(VALID[name])  # noqa: S311
    if chance.random() < 0.2:
        return bytes(content[: chance.randrange(len(content))])
    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        at = chance.randrange(min(len(content), chance.choice([64, 256, 10**6])))
        content[at] = chance.choice([0, 255, content[at] ^ (1 << chance.randrange(8)), chance.randrange(256)])
    return bytes(content)


def holds_or_is_refused(content: bytes) -> None:
    try:
        decoded = decode(content, MOST)
    except BadPicture:
        return
    assert decoded.image.mode == "RGB"
    assert decoded.facts.width * decoded.facts.height > 0


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")
class TestDamage:
    """Whatever is in a file, nothing but BadPicture comes out of it."""

    @pytest.mark.parametrize("name", VALID)
    def test_flipped_bits(self, name: str) -> None:
        for seed in range(150):
            holds_or_is_refused(damaged(name, seed))

    @pytest.mark.long
    @pytest.mark.parametrize("name", VALID)
    def test_flipped_bits_at_length(self, name: str) -> None:
        for seed in range(1000, 15_000):
            holds_or_is_refused(damaged(name, seed))

    @given(st.binary(max_size=200), st.sampled_from([b"", *(content[:20] for content in VALID.values())]))
    @example(b"", b"")
    def test_bytes_at_random(self, rest: bytes, head: bytes) -> None:
        holds_or_is_refused(head + rest)
