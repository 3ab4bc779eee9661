"""SVG drawings, by resvg: drawn at the size that is wanted, without anything from outside the file."""

import io
import math
import re
import zlib
from functools import cache
from xml.etree.ElementTree import Element, ParseError, tostring

import resvg_py
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from PIL import Image

from imagesearch.errors import BadPicture, PictureTooLarge
from imagesearch.pictures.loaded import Loaded
from imagesearch.pictures.pixels import to_srgb
from imagesearch.records import Metadata

# Of a drawing's source, unpacked; a map of a country in every detail has less.
_MOST_BYTES = 32 * 2**20
# What may be drawn after every <use> has been followed, so that ten of ten of ten end.
_MOST_ELEMENTS = 200_000
# resvg and the writing of XML call themselves for each level.
_DEEPEST = 200
# The longer side of what is drawn, in pixels.
_LONGEST = 4096
# The longest side that a drawing may say it has.
_LARGEST = 1e6
# What a drawing is that says nothing of its size, by CSS.
_DEFAULT = (300.0, 150.0)

_HREFS = ("href", "{http://www.w3.org/1999/xlink}href")
_LENGTH = re.compile(r"\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*(px|pt|pc|mm|cm|in|q)?\s*", re.ASCII)
_PIXELS = {
    None: 1,
    "px": 1,
    "pt": 96 / 72,
    "pc": 16,
    "mm": 96 / 25.4,
    "cm": 96 / 2.54,
    "in": 96,
    "q": 96 / 101.6,
}


def load(content: bytes, _: int, side: int) -> Loaded:
    """Draw it with a shorter side of `side` pixels. Raises BadPicture, or PictureTooLarge for its detail."""
    root = _parsed(_unpacked(content))
    _refuse_too_many(root)
    _keep_inside(root)
    box, (width, height) = _box(root), _size(root)
    scale = min(side / min(width, height), _LONGEST / max(width, height))
    pixels = [str(max(1, round(length * scale))) for length in (width, height)]
    root.set("viewBox", " ".join(map(str, box or (0, 0, width, height))))
    root.set("width", pixels[0])
    root.set("height", pixels[1])
    whole = max(1, round(width)), max(1, round(height))
    return Loaded(to_srgb(_drawn(root), side), *whole, "SVG", Metadata())


def _unpacked(content: bytes) -> bytes:
    if content.startswith(b"\x1f\x8b"):
        unpacking = zlib.decompressobj(31)
        content = unpacking.decompress(content, _MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise PictureTooLarge(f"is a drawing of more than {_MOST_BYTES >> 20} MiB")
    return content


def _parsed(content: bytes) -> Element:
    try:
        # Illustrator's drawings define entities; expat stops those that grow without bounds.
        root: Element = fromstring(content, forbid_entities=False, forbid_external=True)
    except (ParseError, DefusedXmlException, LookupError, ValueError) as error:
        raise BadPicture(f"is damaged or cut short: {error}") from error
    if _local(root.tag) != "svg":
        raise BadPicture("is not a picture in a format that is read here")
    return root


def _refuse_too_many(root: Element) -> None:
    by_id = {element.get("id"): element for element in root.iter()}
    counted: dict[Element, int] = {}

    def count(element: Element, depth: int) -> int:
        if depth > _DEEPEST:
            raise BadPicture(f"is a drawing nested more than {_DEEPEST} deep")
        if element not in counted:
            counted[element] = 1  # what a drawing that uses itself adds at its second turn
            below = sum(count(child, depth + 1) for child in element)
            used = by_id.get(_href(element).removeprefix("#")) if _local(element.tag) == "use" else None
            counted[element] = 1 + below + (count(used, depth + 1) if used is not None else 0)
        return counted[element]

    if count(root, 0) > _MOST_ELEMENTS:
        raise PictureTooLarge(f"is a drawing of more than {_MOST_ELEMENTS:,} elements")


def _keep_inside(root: Element) -> None:
    """Take away what points out of the file: a picture must not show other files of this machine."""
    for element in root.iter():
        for name in _HREFS:
            if not element.get(name, "#").lstrip().startswith(("#", "data:")):
                del element.attrib[name]


def _size(root: Element) -> tuple[float, float]:
    """Width and height in CSS pixels: as they are given, else in the proportions of the view box."""
    _, _, across, down = _box(root) or (0, 0, *_DEFAULT)
    width, height = _pixels(root.get("width")), _pixels(root.get("height"))
    if width and not height:
        height = width * down / across
    elif height and not width:
        width = height * across / down
    elif not width:
        width, height = across, down
    too_large = max(1, width / _LARGEST, height / _LARGEST)
    return width / too_large, height / too_large


def _box(root: Element) -> tuple[float, float, float, float] | None:
    """What part of the drawing's plane it shows: left, top, width and height."""
    try:
        left, top, across, down = map(float, re.split(r"[\s,]+", root.get("viewBox", "").strip()))
    except ValueError:
        return None
    sound = all(map(math.isfinite, (left, top))) and 0 < across < math.inf and 0 < down < math.inf
    return (left, top, across, down) if sound else None


def _pixels(length: str | None) -> float:
    """0 if it is not given, or a share of something that is not known here."""
    match = _LENGTH.fullmatch((length or "").lower())
    return float(match[1]) * _PIXELS[match[2]] if match else 0


def _drawn(root: Element) -> Image.Image:
    has_text = any(_local(element.tag) == "text" for element in root.iter())
    try:
        png = resvg_py.svg_to_bytes(
            svg_string=tostring(root, encoding="unicode"),
            skip_system_fonts=not has_text,  # looking for them takes longer than drawing
            serif_family=_family(*_SERIFS, *_SANS_SERIFS) if has_text else None,
            sans_serif_family=_family(*_SANS_SERIFS) if has_text else None,
        )
    except ValueError as error:
        raise BadPicture(f"is a drawing that cannot be drawn: {error}") from error
    with Image.open(io.BytesIO(png), formats=["PNG"]) as drawn:
        drawn.load()
        return drawn


# Where a system says which fonts are its serif and sans-serif ones, resvg takes the first that is named,
# whether it is there or not, and what is in a font that is not there it replaces by the serif one.
_SERIFS = ("Times New Roman", "Times", "Liberation Serif", "Noto Serif", "DejaVu Serif")
_SANS_SERIFS = ("Arial", "Helvetica", "Liberation Sans", "Noto Sans", "DejaVu Sans")
_LETTER = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text y="9">M</text></svg>'


@cache
def _family(*names: str) -> str | None:
    """The first of these fonts that is installed here."""
    return next(filter(_draws, names), None)


def _draws(name: str) -> bool:
    png = resvg_py.svg_to_bytes(svg_string=_LETTER, font_family=name, serif_family="none")
    with Image.open(io.BytesIO(png), formats=["PNG"]) as drawn:
        return drawn.getbbox() is not None


def _href(element: Element) -> str:
    return next((element.get(name, "") for name in _HREFS if element.get(name)), "")


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[-1]
