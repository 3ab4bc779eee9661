"""Pictures made by other programs than Pillow, as people's are; the programs come with the system."""

import shutil
import subprocess
from pathlib import Path

from tests.conftest import lacking

# Where each program comes from, on Debian.
PACKAGES = {
    "avifenc": "libavif-bin",
    "cjpeg": "libjpeg-turbo-progs",
    "cwebp": "webp",
    "exiftool": "libimage-exiftool-perl",
    "gm": "graphicsmagick",
    "heif-enc": "libheif-examples",
    "opj_compress": "libopenjp2-tools",
    "pamtotiff": "netpbm",
    "pnmquant": "netpbm",
    "pnmtopng": "netpbm",
    "ppmtobmp": "netpbm",
    "ppmtogif": "netpbm",
    "ppmtopcx": "netpbm",
    "ppmtotga": "netpbm",
    "ppmtowinicon": "netpbm",
}
PROFILES = Path("/usr/share/color/icc/colord")

WIDTH, HEIGHT = 96, 64
QUARTERS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))


def run(*command: object, input: bytes | None = None) -> bytes:
    """What the program writes to its standard output."""
    program, *arguments = map(str, command)
    if not shutil.which(program):
        lacking(f"This test makes a picture with {program}: apt install {PACKAGES[program]}")
    done = subprocess.run([program, *arguments], input=input, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def quarters(folder: Path, most: int = 255) -> Path:
    """A PPM file: red, green, blue and white quarters, in more colours than fit a palette.

    `most` is the value of full brightness: 255 or 65535.
    """
    size = 1 if most == 255 else 2
    pixels = bytearray()
    for y in range(HEIGHT):
        for x in range(WIDTH):
            colour = QUARTERS[2 * (y * 2 // HEIGHT) + x * 2 // WIDTH]
            shade = (x * HEIGHT + y) % 7 + (x % 5 if y % 3 else 0)
            values = [abs(value - shade) * most // 255 for value in colour]
            pixels += b"".join(value.to_bytes(size, "big") for value in values)
    file = folder / f"quarters-{most}.ppm"
    file.write_bytes(b"P6\n%d %d\n%d\n" % (WIDTH, HEIGHT, most) + pixels)
    return file


def profile(name: str) -> Path:
    """A colour profile, by the name of its file."""
    file = PROFILES / name
    if not file.exists():
        lacking("This test uses a colour profile of other programs: apt install colord-data")
    return file
