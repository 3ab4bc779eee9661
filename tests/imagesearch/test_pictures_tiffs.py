"""TIFF files: of which directory the picture is, and numbers of every kind."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from imagesearch.errors import BadPicture, PictureTooLarge
from imagesearch.pictures import decode, sniff
from tests.conftest import noise
from tests.imagesearch.encoders import profile

MOST = 10_000_000
WHITE, BLUE = (255, 255, 255), (32, 64, 208)
Levels = NDArray[np.float64]


def plain(width: int, height: int, colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.full((height, width, 3), colour, np.uint8)


def file_of(*pages: tuple[int, tuple[int, int, int], int], **how: object) -> bytes:
    """Each page as its width, its colour, and its NewSubfileType."""
    out = io.BytesIO()
    with tifffile.TiffWriter(out, **how) as writer:  # type: ignore[arg-type]
        for width, colour, kind in pages:
            pixels = plain(width, width * 3 // 4, colour)
            writer.write(pixels, photometric="rgb", subfiletype=kind & 3, metadata=None)
    out.seek(0)
    with tifffile.TiffFile(out, mode="r+") as written:
        for page, (_, _, kind) in zip(written.pages, pages, strict=True):
            page.tags["NewSubfileType"].overwrite(kind)  # type: ignore[union-attr]
    return out.getvalue()


class TestDirectories:
    @pytest.mark.parametrize(("byteorder", "bigtiff"), [("<", False), (">", False), ("<", True)])
    @pytest.mark.parametrize(
        "pages",
        [
            [(160, WHITE, 1), (640, BLUE, 0)],
            [(160, WHITE, 1), (320, WHITE, 1), (640, BLUE, 0)],
            [(640, WHITE, 4), (640, BLUE, 0)],
            [(640, WHITE, 5), (160, WHITE, 1), (640, BLUE, 0)],
            [(160, WHITE, 1), (640, BLUE, 1), (320, WHITE, 1)],
            [(160, WHITE, 1), (640, BLUE, 0), (800, WHITE, 0)],
            [(640, BLUE, 0), (160, WHITE, 1)],
            [(640, BLUE, 2), (800, WHITE, 2)],
        ],
    )
    def test_the_full_picture_is_taken(
        self, pages: list[tuple[int, tuple[int, int, int], int]], byteorder: str, bigtiff: bool
    ) -> None:
        decoded = decode(file_of(*pages, byteorder=byteorder, bigtiff=bigtiff), MOST)
        assert (decoded.facts.width, decoded.facts.height) == (640, 480)
        assert decoded.image.getpixel((9, 9)) == BLUE

    @pytest.mark.parametrize("kinds", [(1, 0), (1, 1)])
    def test_also_from_below_another(self, kinds: tuple[int, int]) -> None:
        out = io.BytesIO()
        with tifffile.TiffWriter(out) as writer:
            writer.write(plain(160, 120, WHITE), photometric="rgb", subfiletype=kinds[0], subifds=1)
            writer.write(plain(640, 480, BLUE), photometric="rgb", subfiletype=kinds[1])
            writer.write(plain(640, 480, WHITE), photometric="rgb")
        expected = BLUE if kinds[1] == 0 else WHITE  # the first that is none of less
        assert decode(out.getvalue(), MOST).image.getpixel((9, 9)) == expected

    def test_by_the_older_tag_too(self) -> None:
        out = io.BytesIO()
        with tifffile.TiffWriter(out) as writer:
            old = [(255, "H", 1, 2, True)]
            writer.write(plain(160, 120, WHITE), photometric="rgb", extratags=old, metadata=None)
            writer.write(plain(640, 480, BLUE), photometric="rgb", metadata=None)
        assert decode(out.getvalue(), MOST).image.getpixel((9, 9)) == BLUE

    def test_what_the_first_says_still_counts(self) -> None:
        out = io.BytesIO()
        with tifffile.TiffWriter(out) as writer:
            camera = [(272, "s", 0, "EOS 5D", True)]
            writer.write(plain(160, 120, WHITE), photometric="rgb", subfiletype=1, extratags=camera)
            writer.write(plain(640, 480, BLUE), photometric="rgb")
        assert decode(out.getvalue(), MOST).facts.metadata.camera == "EOS 5D"

    def test_the_limit_is_of_the_full_picture(self) -> None:
        with pytest.raises(PictureTooLarge, match="640×480"):
            decode(file_of((160, WHITE, 1), (640, BLUE, 0)), 100_000)

    def test_directories_in_a_circle_end(self) -> None:
        content = bytearray(file_of((160, WHITE, 1), (640, WHITE, 1)))
        first = struct.unpack_from("<I", content, 4)[0]
        count = struct.unpack_from("<H", content, first)[0]
        (second,) = struct.unpack_from("<I", content, first + 2 + 12 * count)
        count = struct.unpack_from("<H", content, second)[0]
        struct.pack_into("<I", content, second + 2 + 12 * count, first)
        assert decode(bytes(content), MOST).facts.width == 640


def levels() -> Levels:
    """Red grows to the right, green downwards, blue is a half: shape (48, 80, 3), from 0 to 1."""
    right, down = np.meshgrid(np.linspace(0, 1, 80), np.linspace(0, 1, 48))
    return np.stack([right, down, np.full_like(right, 0.5)], axis=-1)


def tiff(pixels: NDArray[np.generic], **how: object) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, pixels, metadata=None, **how)  # type: ignore[arg-type]
    return out.getvalue()


def shows(content: bytes, expected: Levels, by: int = 1) -> bool:
    """Whether it shows `expected`, from 0 to 1."""
    image = np.asarray(decode(content, MOST).image).astype(int)
    expected = expected if expected.ndim == 3 else np.repeat(expected[..., None], 3, axis=2)
    return bool(np.abs(image - expected * 255).max() <= by)


FULL = {"u1": 255, "u2": 65535, "u4": 2**32 - 1, "i2": 255, "i4": 65535, "f2": 1, "f4": 1, "f8": 1}


class TestNumbers:
    @pytest.mark.parametrize("byteorder", ["<", ">"])
    @pytest.mark.parametrize("tile", [None, (32, 32)])
    @pytest.mark.parametrize(
        ("dtype", "how"),
        [(d, how) for d in FULL for how in ({}, {"compression": "zlib"})]
        # Floating point has a predictor of its own.
        + [(d, {"compression": "zlib", "predictor": 2}) for d in ("u1", "u2", "u4", "i2", "i4")],
    )
    def test_colours_of_any(
        self, dtype: str, how: dict[str, object], tile: tuple[int, int] | None, byteorder: str
    ) -> None:
        pixels = (levels() * FULL[dtype]).astype(dtype)
        content = tiff(pixels, photometric="rgb", tile=tile, byteorder=byteorder, rowsperstrip=10, **how)
        assert shows(content, levels())

    @pytest.mark.parametrize(
        ("dtype", "byteorder"), [("u4", ">"), *((d, o) for d in ("u1", "f2", "f4", "f8") for o in "<>")]
    )
    def test_grey_of_any(self, dtype: str, byteorder: str) -> None:
        grey = levels()[..., 0]
        content = tiff((grey * FULL[dtype]).astype(dtype), photometric="minisblack", byteorder=byteorder)
        assert shows(content, grey)

    @pytest.mark.parametrize("dtype", ["f2", "f4", "u4"])
    @pytest.mark.parametrize("tile", [None, (32, 32)])
    def test_each_colour_apart(self, dtype: str, tile: tuple[int, int] | None) -> None:
        planes = np.ascontiguousarray((levels() * FULL[dtype]).astype(dtype).transpose(2, 0, 1))
        content = tiff(planes, photometric="rgb", planarconfig="separate", tile=tile, rowsperstrip=10)
        assert shows(content, levels())

    @pytest.mark.parametrize("dtype", [">f2", ">f4", ">f8", "<f4"])
    def test_the_predictor_of_floating_point(self, dtype: str) -> None:
        content = by_bytes(levels().astype(dtype))
        assert shows(content, levels())

    def test_wide_ranges_and_what_is_no_number(self) -> None:
        wide = (levels() * 4000).astype("f4")
        assert shows(tiff(wide, photometric="rgb"), np.round(levels(), 4), by=1)
        odd = levels().astype("f4")
        odd[0, :, 0], odd[1, :, 1], odd[2, :, 2] = np.nan, np.inf, -np.inf
        image = decode(tiff(odd, photometric="rgb"), MOST).image
        assert image.getpixel((79, 0)) == (0, 0, 128)
        assert image.getpixel((79, 40)) == (255, 217, 128)

    def test_also_of_one_colour(self) -> None:
        odd = levels()[..., 0].astype("f4")
        odd[0, 0], odd[0, 1] = -np.inf, np.nan
        image = decode(tiff(odd, photometric="minisblack"), MOST).image
        assert image.getpixel((79, 40)) == WHITE
        assert image.getpixel((0, 0)) == image.getpixel((1, 0)) == (0, 0, 0)

    def test_white_may_be_zero(self) -> None:
        grey = levels()[..., 0]
        assert shows(tiff(grey, photometric="miniswhite"), 1 - grey)

    @pytest.mark.parametrize("dtype", ["u4", "f4"])
    @pytest.mark.parametrize("kind", ["unassalpha", "assocalpha"])
    def test_transparency_is_on_white(self, dtype: str, kind: str) -> None:
        colours = levels()
        alpha = levels()[..., 1:2]
        stored = colours * alpha if kind == "assocalpha" else colours
        pixels = (np.concatenate([stored, alpha], axis=-1) * FULL[dtype]).astype(dtype)
        content = tiff(pixels, photometric="rgb", extrasamples=[kind])
        assert (
            np.abs(
                np.asarray(decode(content, MOST).image)[24:] / 255 - (colours * alpha + 1 - alpha)[24:]
            ).max()
            < 0.02
        )

    def test_of_printing_inks(self) -> None:
        inks = np.zeros((16, 16, 4), "f4")
        inks[..., 1:3] = 1
        red, green, blue = decode(tiff(inks, photometric="separated"), MOST).image.getpixel((0, 0))  # type: ignore[misc]
        assert red > 200
        assert max(green, blue) < 60

    def test_stands_upright(self) -> None:
        content = tiff(levels().astype("f4"), photometric="rgb", extratags=[(274, "H", 1, 6, True)])
        decoded = decode(content, MOST)
        assert (decoded.facts.width, decoded.facts.height) == (48, 80)
        assert decoded.image.getpixel((47, 0)) == (0, 0, 128)

    def test_its_profile_counts(self) -> None:
        swapped = profile("SwappedRedAndGreen.icc").read_bytes()
        red = np.broadcast_to(np.array([1, 0, 0], "f4"), (8, 8, 3)).copy()
        shown = decode(tiff(red, photometric="rgb", iccprofile=swapped), MOST).image.getpixel((0, 0))
        assert shown[1] > 200 > shown[0]  # type: ignore[index]

    def test_is_told_by_its_content(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(tiff(levels().astype("f4"), photometric="rgb"))
        assert sniff(tmp_path / "a") == "TIFF"
        assert decode((tmp_path / "a").read_bytes(), MOST).facts.format == "TIFF"

    def test_too_large_and_cut_short(self) -> None:
        content = tiff(levels().astype("f4"), photometric="rgb")
        with pytest.raises(PictureTooLarge, match="80×48"):
            decode(content, 1000)
        with pytest.raises(PictureTooLarge, match=r"MiB.*MAX_MEGAPIXELS"):
            decode(content, 80 * 48)
        with pytest.raises(BadPicture, match="damaged or cut short"):
            decode(content[:-9000], MOST)


# L*, a* and b* of sRGB's red, by D50.
RED_IN_LAB = (54.29, 80.80, 69.89)


def lab(kind: str) -> bytes:
    lightness, a, b = RED_IN_LAB
    numbers = {
        "8 bits": ("u1", "cielab", (lightness * 2.55, a, b)),
        "8 bits with a sign": ("i1", "cielab", (lightness * 2.55 - 256, a, b)),
        "16 bits": ("u2", "cielab", (lightness * 655.35, a * 256, b * 256)),
        "floating point": ("f4", "cielab", (lightness, a, b)),
        "ICC's, 8 bits": ("u1", "icclab", (lightness * 2.55, a + 128, b + 128)),
        "ICC's, 16 bits": ("u2", "icclab", (lightness * 655.35, (a + 128) * 256, (b + 128) * 256)),
    }
    dtype, photometric, pixel = numbers[kind]
    return tiff(np.broadcast_to(np.array(pixel).astype(dtype), (8, 8, 3)).copy(), photometric=photometric)


@pytest.mark.parametrize(
    "kind",
    ["8 bits", "8 bits with a sign", "16 bits", "floating point", "ICC's, 8 bits", "ICC's, 16 bits"],
)
def test_cielab(kind: str) -> None:
    red, green, blue = decode(lab(kind), MOST).image.getpixel((0, 0))  # type: ignore[misc]
    assert red > 245
    assert max(green, blue) < 25


@pytest.mark.parametrize(("dtype", "what"), [("u8", "64-bit integers"), ("c8", "64-bit complex numbers")])
def test_what_is_not_read_is_called_by_its_name(dtype: str, what: str) -> None:
    with pytest.raises(BadPicture, match=f"is a TIFF of {what} .*, which is not read here"):
        decode(tiff(np.zeros((8, 8), dtype), photometric="minisblack"), MOST)


def by_bytes(pixels: NDArray[np.generic]) -> bytes:
    """With the predictor of floating point (Adobe's Technical Note 3), which tifffile does not write."""
    height, width, samples = pixels.shape
    size, order = pixels.dtype.itemsize, pixels.dtype.str[0]
    big = pixels.astype(pixels.dtype.newbyteorder(">"))
    planes = big.view(np.uint8).reshape(height, -1, size).transpose(0, 2, 1).reshape(height, -1, samples)
    differences = np.concatenate([planes[:, :1], np.diff(planes, axis=1)], axis=1).tobytes()
    said = {256: width, 257: height, 258: 8 * size, 259: 1, 262: 2, 273: 146, 277: samples, 278: height}
    said |= {279: len(differences), 317: 3, 339: 3}
    tags = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in said.items())
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    directory = struct.pack(f"{order}H", len(said)) + tags + bytes(4)
    return head + directory + differences


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_noise_is_not_taken_for_one() -> None:
    for seed in range(20):
        with pytest.raises(BadPicture):
            decode(b"II*\0\x08\0\0\0" + noise(seed).tobytes(), MOST)
