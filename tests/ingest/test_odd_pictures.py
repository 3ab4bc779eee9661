"""Pictures in forms that are seldom, and those that are not read, through the command line."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from tests.conftest import noise
from tests.imagesearch.test_pictures_bmps import RGB444, bmp
from tests.imagesearch.test_pictures_pngs import BROKEN, with_chunk
from tests.ingest.conftest import Bench
from tests.stores import embedded_only


def pair(file: Path) -> None:
    noise(60).save(file, "MPO", save_all=True, append_images=[noise(61)])


def png_with_broken_text(file: Path) -> None:
    out = io.BytesIO()
    noise(62).save(out, "PNG")
    file.write_bytes(with_chunk(BROKEN["text"], content=out.getvalue()))


def thumbnail_first(file: Path) -> None:
    with tifffile.TiffWriter(file) as writer:
        writer.write(np.asarray(noise(63, 12, 10)), photometric="rgb", subfiletype=1)
        writer.write(np.asarray(noise(63)), photometric="rgb")


def floats(file: Path) -> None:
    tifffile.imwrite(file, np.asarray(noise(64)).astype("f4") / 255, photometric="rgb")


def bit_fields(file: Path) -> None:
    shades = np.random.default_rng(65).integers(0, 4096, (40, 48)).tolist()
    file.write_bytes(bmp(16, RGB444, shades))


@embedded_only
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a.mpo", pair),
        ("a.JPS", pair),
        ("a.png", png_with_broken_text),
        ("a.tif", thumbnail_first),
        ("a.ptif", thumbnail_first),
        ("a.tiff", floats),
        ("a.bmp", bit_fields),
        ("a.dib", lambda file: noise(66).save(file, "DIB")),
    ],
)
def test_comes_in(bench: Bench, name: str, make: Callable[[Path], object]) -> None:
    make(bench.pictures / name)
    result = bench.ingest()
    assert result.output == "6 new, 0 unchanged, 0 updated, 0 removed, 0 failed; 6 encoded.\n"
    held = bench.held()[str(bench.pictures / name)]
    assert (held.width, held.height) == (48, 40)


@embedded_only
def test_what_is_not_read_is_called_by_its_name(bench: Bench) -> None:
    (bench.pictures / "a.jxl").write_bytes(b"\xff\x0a" + bytes(100))
    tifffile.imwrite(bench.pictures / "b.tif", np.zeros((9, 9), "u8"), photometric="minisblack")
    lines = bench.ingest().output.splitlines()
    assert lines[0].startswith("5 new, 0 unchanged, 0 updated, 0 removed, 2 failed")
    assert lines[1] == f"failed: {bench.pictures}/a.jxl: is a picture in JPEG XL, which is not read here"
    assert "b.tif: is a TIFF of 64-bit integers (" in lines[2]
