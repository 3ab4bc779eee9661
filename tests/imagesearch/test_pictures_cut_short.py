"""Files that end too early: what is there of most of a picture comes in, and somebody is told."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagesearch.errors import BadPicture
from imagesearch.pictures import decode
from tests.conftest import noise
from tests.imagesearch.encoders import quarters, run
from tests.imagesearch.test_pictures_formats import raw_file

MOST = 10_000_000
SIZE = (320, 240)


def scene(mode: str = "RGB") -> Image.Image:
    """Soft colours with some noise, as photographs have."""
    soft = noise(1, 8, 6).resize(SIZE, Image.Resampling.BICUBIC)
    image = Image.blend(soft, noise(2, *SIZE), 0.1)
    return image.quantize(64) if mode == "P" else image.convert(mode)


def encoded(format: str, mode: str = "RGB", **how: object) -> bytes:
    out = io.BytesIO()
    scene(mode).save(out, format, **how)
    return out.getvalue()


def rows_like(one: Image.Image, other: Image.Image) -> float:
    """The share of the rows that look the same."""
    differs = np.abs(np.asarray(one).astype(int) - np.asarray(other)).max(axis=(1, 2))
    return float((differs <= 2).mean())


FILES = {
    "jpeg": encoded("JPEG"),
    "grey jpeg": encoded("JPEG", "L"),
    "cmyk jpeg": encoded("JPEG", "CMYK"),
    "jpeg with restarts": encoded("JPEG", restart_marker_rows=1),
    "png": encoded("PNG"),
    "png with transparency": encoded("PNG", "RGBA"),
    "palette": encoded("PNG", "P"),
    "one bit": encoded("PNG", "1"),
    "gif": encoded("GIF"),
    "bmp": encoded("BMP"),
    "tga": encoded("TGA", compression="tga_rle"),
    "pcx": encoded("PCX"),
    "ppm": encoded("PPM"),
    "tiff": encoded("TIFF"),
    "webp": encoded("WEBP"),
    "lossless webp": encoded("WEBP", lossless=True),
    "webp with exif": encoded("WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"),
}


@pytest.mark.parametrize("what", FILES)
def test_most_of_it_comes_in_with_a_remark(what: str) -> None:
    content = FILES[what]
    whole, cut = decode(content, MOST), decode(content[: len(content) * 4 // 5], MOST)
    assert (cut.facts.width, cut.facts.height) == SIZE
    share = rows_like(cut.image, whole.image)
    assert 0.6 < share < 0.85
    said = cut.remark.removeprefix("is damaged or cut short: ").removesuffix("% of it can be read")
    assert abs(int(said) / 100 - share) < 0.1
    assert whole.remark == ""


@pytest.mark.parametrize("what", ["webp", "lossless webp", "jpeg"])
def test_the_rest_is_grey(what: str) -> None:
    content = FILES[what]
    rest = np.asarray(decode(content[: len(content) * 4 // 5], MOST).image)[-20:]
    assert np.abs(rest.astype(int) - 128).max() <= 1


def test_a_png_may_end_in_the_head_of_a_chunk() -> None:
    out = io.BytesIO()
    noise(3, 400, 300).save(out, "PNG")
    last = out.getvalue().rindex(b"IDAT")
    assert "% of it can be read" in decode(out.getvalue()[: last + 2], MOST).remark


@pytest.mark.parametrize("what", FILES)
def test_less_than_most_is_refused(what: str) -> None:
    content = FILES[what]
    with pytest.raises(
        BadPicture, match=r"is damaged or cut short: (only [34]\d% of it can be read|.*frame)"
    ):
        decode(content[: len(content) * 45 // 100], MOST)


@pytest.mark.parametrize("how", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("missing", [1, 2])
def test_a_jpeg_without_its_end_is_whole(how: dict[str, object], mode: str, missing: int) -> None:
    content = encoded("JPEG", mode, **how)
    decoded = decode(content[:-missing], MOST)
    assert decoded.image.tobytes() == decode(content, MOST).image.tobytes()
    assert decoded.remark == ""


def test_also_a_tiny_or_a_grey_one_is() -> None:
    for image in (Image.new("RGB", (5, 5), "red"), Image.new("RGB", (64, 48), (128, 128, 128))):
        out = io.BytesIO()
        image.save(out, "JPEG")
        assert decode(out.getvalue()[:-2], MOST).remark == ""


@pytest.mark.parametrize(
    ("format", "missing"), [("PNG", 12), ("PNG", 16), ("GIF", 2), ("TGA", 26), ("JPEG2000", 2)]
)
def test_of_other_formats_too(format: str, missing: int) -> None:
    content = encoded(format)
    decoded = decode(content[:-missing], MOST)
    assert decoded.image.tobytes() == decode(content, MOST).image.tobytes()
    assert decoded.remark == ""


class TestProgressive:
    @pytest.mark.parametrize("mode", ["RGB", "L"])
    @pytest.mark.parametrize("per_cent", range(60, 100, 3))
    def test_comes_in_without_its_last_details(self, mode: str, per_cent: int) -> None:
        content = encoded("JPEG", mode, progressive=True)
        cut = decode(content[: len(content) * per_cent // 100], MOST)
        assert cut.remark == "is cut short: its finest details are missing"
        difference = np.abs(np.asarray(cut.image).astype(int) - np.asarray(decode(content, MOST).image))
        assert difference.mean() < 10

    @pytest.mark.parametrize("per_cent", [8, 15, 25])
    def test_not_as_an_outline(self, per_cent: int) -> None:
        content = encoded("JPEG", progressive=True)
        with pytest.raises(BadPicture, match="cut short: most of its details are missing"):
            decode(content[: len(content) * per_cent // 100], MOST)

    def test_by_another_program(self, tmp_path: Path) -> None:
        """Also where it ends in the middle of the tables before a scan."""
        run("cjpeg", "-progressive", "-outfile", tmp_path / "a.jpg", quarters(tmp_path))
        content = (tmp_path / "a.jpg").read_bytes()
        last = content.rindex(b"\xff\xc4")
        assert "finest details" in decode(content[: last + 6], MOST).remark


def test_a_broken_stream_counts_up_to_where_it_breaks() -> None:
    content = bytearray(encoded("PNG"))
    at = len(content) * 9 // 10
    content[at : at + 50] = b"\xff" * 50
    assert "% of it can be read" in decode(bytes(content), MOST).remark


def test_a_raw_file_is_developed_rather_than_shown_by_half_a_preview(tmp_path: Path) -> None:
    content = bytearray(raw_file(tmp_path / "a.dng", preview=640).read_bytes())
    assert decode(bytes(content), MOST).facts.colours == ("green",)
    end = content.index(b"\xff\xd9", content.index(b"\xff\xd8\xff"))
    content[end - 40 : end + 2] = bytes(42)
    assert "green" not in decode(bytes(content), MOST).facts.colours
