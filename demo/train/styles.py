"""Rasterise every art style to one array of small pictures, joined to the gallery's concepts.

Icon sets name their drawings by the slug of the CLDR short name; Twemoji and OpenMoji by code
points; Noto comes from its font.
"""

import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import resvg_py
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

from demo.gallery import drawings
from demo.train import sources
from demo.train.concepts import VARIATION, Concept

SIZE = 96
"""Pixels a side of the stored pictures: a third more than the towers see, for the zoom."""

NOTO_POINTS = 109
"""The only size at which the bitmap font holds its pictures."""

Drawing = tuple[int, str]
"""The index of a concept and the SVG that shows it."""

Arrays = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]
"""Pictures and the concept each shows, as in a Style."""


@dataclass(frozen=True)
class Style:
    """Pictures [n, SIZE, SIZE, 4] (RGBA, uint8) and the concept each shows [n]."""

    name: str
    pictures: npt.NDArray[np.uint8]
    concepts: npt.NDArray[np.int64]


def training_styles(concepts: list[Concept], cache: Path) -> list[Style]:
    """Return the styles that are trained on, rasterised once and then read from the cache."""
    drawn: dict[str, Callable[[], Iterator[Drawing]]] = {
        "openmoji": partial(_openmoji, concepts),
        "twemoji": partial(_twemoji, concepts, cache),
    }
    for package in sources.ICON_SETS:
        drawn[package.name.split("/")[1]] = partial(_icons, package, concepts, cache)
    styles = [_stored(name, cache, partial(_rasterised, make)) for name, make in drawn.items()]
    return [*styles, _stored("noto", cache, partial(_noto, concepts))]


def held_out_style(concepts: list[Concept], cache: Path) -> list[tuple[int, str]]:
    """Return the drawings of the style that no training may see: (concept, SVG)."""
    return list(_icons(sources.FLUENT, concepts, cache))


def _stored(
    name: str,
    cache: Path,
    make: Callable[[], Arrays],
) -> Style:
    path = cache / f"style-{name}-{SIZE}.npz"
    if not path.exists():
        pictures, concepts = make()
        unfinished = path.with_suffix(".part.npz")
        np.savez(unfinished, pictures=pictures, concepts=concepts)
        unfinished.rename(path)
    with np.load(path) as arrays:
        return Style(name, arrays["pictures"], arrays["concepts"])


def _rasterised(make: Callable[[], Iterator[Drawing]]) -> Arrays:
    pairs = list(make())
    with ProcessPoolExecutor(2) as pool:
        done = pool.map(raster, [svg for _, svg in pairs], chunksize=32)
        pictures = list(tqdm(done, total=len(pairs), unit="picture"))
    return np.stack(pictures), np.array([concept for concept, _ in pairs])


def raster(svg: str, size: int = SIZE) -> npt.NDArray[np.uint8]:
    """Draw an SVG centred on a transparent square: RGBA [size, size, 4]."""
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size))
    drawing = Image.open(io.BytesIO(png)).convert("RGBA")
    drawing.thumbnail((size, size))
    square = Image.new("RGBA", (size, size))
    square.paste(drawing, ((size - drawing.width) // 2, (size - drawing.height) // 2))
    return np.asarray(square)


def _openmoji(concepts: list[Concept]) -> Iterator[Drawing]:
    files = drawings()
    for index, concept in enumerate(concepts):
        yield index, files[concept.hexcode].read_text(encoding="utf-8")


def _twemoji(concepts: list[Concept], cache: Path) -> Iterator[Drawing]:
    folder = sources.fetch(sources.TWEMOJI, cache)
    files = {_bare(path.stem): path for path in folder.glob("*.svg")}
    for index, concept in enumerate(concepts):
        if path := files.get(_bare(concept.hexcode)):
            yield index, path.read_text(encoding="utf-8")


def _bare(hexcode: str) -> str:
    """A file name's code points without variation selectors, which every set places otherwise."""
    return hexcode.lower().replace("-fe0f", "")


def _icons(package: sources.Package, concepts: list[Concept], cache: Path) -> Iterator[Drawing]:
    """Join an icon set by slugs; `dog-1` and `dog-2` are both drawings of `dog`."""
    icons = json.loads((sources.fetch(package, cache) / "icons.json").read_text(encoding="utf-8"))
    found: dict[str, list[str]] = {}
    for name, parent in _icon_names(icons):
        svg = _icon_svg(icons, parent)
        for key in {name, re.sub(r"-\d+$", "", name), name.replace("-", "")}:
            found.setdefault(key, [])
            if svg not in found[key]:
                found[key].append(svg)
    for index, concept in enumerate(concepts):
        key = slug(concept.words["en"].name)
        for svg in found.get(key) or found.get(key.replace("-", "")) or []:
            yield index, svg


def _icon_names(icons: dict[str, dict[str, dict[str, str]]]) -> Iterator[tuple[str, str]]:
    for name in icons["icons"]:
        yield name, name
    for alias, entry in icons.get("aliases", {}).items():
        if entry["parent"] in icons["icons"]:
            yield alias, entry["parent"]


def _icon_svg(icons: dict[str, dict[str, dict[str, str]]], name: str) -> str:
    entry = icons["icons"][name]
    default = {"left": 0, "top": 0, "width": icons.get("width", 16), "height": icons.get("height", 16)}
    box = " ".join(str(entry.get(side, default[side])) for side in default)
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {spaces} viewBox="{box}">{entry["body"]}</svg>'


def slug(name: str) -> str:
    """Return a name as the icon sets write it: `woman’s hat` is `womans-hat`."""
    plain = unicodedata.normalize("NFKD", name).replace("’", "").replace("'", "")
    ascii_only = plain.encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")


def _noto(concepts: list[Concept]) -> Arrays:
    font = ImageFont.truetype(sources.noto_font(), NOTO_POINTS)
    pairs = [(index, _glyph(concept.char, font)) for index, concept in enumerate(concepts)]
    kept = [(index, picture) for index, picture in pairs if picture is not None]
    return np.stack([picture for _, picture in kept]), np.array([index for index, _ in kept])


def _glyph(char: str, font: ImageFont.FreeTypeFont) -> npt.NDArray[np.uint8] | None:
    """Draw an emoji [SIZE, SIZE, 4]; None when the font has no one picture for it."""
    text = char if len(char) > 1 else char + VARIATION
    if font.getlength(text) > 1.5 * NOTO_POINTS:
        return None
    canvas = Image.new("RGBA", (136, 136))
    ImageDraw.Draw(canvas).text((0, 4), text, font=font, embedded_color=True)
    if canvas.getbbox() is None:
        return None
    return np.asarray(canvas.resize((SIZE, SIZE), Image.Resampling.LANCZOS))
