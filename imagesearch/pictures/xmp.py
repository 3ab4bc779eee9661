"""What XMP says of a picture, in the file or beside it."""

import re
from collections.abc import Mapping
from datetime import datetime
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from imagesearch.moments import iso_moment
from imagesearch.pictures import cleaning
from imagesearch.records import Metadata

# Photoshop's history of a picture may take megabytes.
_MOST_BYTES = 8 * 2**20

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_DC = "{http://purl.org/dc/elements/1.1/}"
_XMP = "{http://ns.adobe.com/xap/1.0/}"
_EXIF = "{http://ns.adobe.com/exif/1.0/}"
_EXIF_EX = "{http://cipa.jp/exif/1.0/}"
_AUX = "{http://ns.adobe.com/exif/1.0/aux/}"
_TIFF = "{http://ns.adobe.com/tiff/1.0/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"

_TIMES = (f"{_EXIF}DateTimeOriginal", f"{_PHOTOSHOP}DateCreated", f"{_XMP}CreateDate")
_DEGREES = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d+)?)(?:,(\d{1,2}(?:\.\d+)?))?([NSEW])", re.ASCII)

Properties = Mapping[str, list[str]]


class NoXmp(ValueError):
    """Bytes that are no XMP; the message says why."""


def xmp_metadata(packet: bytes) -> Metadata:
    """What a packet says; nothing if it is empty. Raises NoXmp."""
    if not packet:
        return Metadata()
    found = _properties(_parsed(packet))
    moment = next((m for key in _TIMES if (m := iso_moment(_first(found, key)))), None)
    return Metadata(
        name=cleaning.line(_first(found, f"{_DC}title")),
        caption=cleaning.caption(_first(found, f"{_DC}description")),
        tags=cleaning.tags(found.get(f"{_DC}subject", ())),
        author=cleaning.line(", ".join(found.get(f"{_DC}creator", ()))),
        date=moment.date() if isinstance(moment, datetime) else moment,
        taken_at=moment if isinstance(moment, datetime) else None,
        camera=cleaning.camera(_first(found, f"{_TIFF}Make"), _first(found, f"{_TIFF}Model")),
        lens=cleaning.line(_first(found, f"{_EXIF_EX}LensModel") or _first(found, f"{_AUX}Lens")),
        place=cleaning.place(
            _degrees(_first(found, f"{_EXIF}GPSLatitude")), _degrees(_first(found, f"{_EXIF}GPSLongitude"))
        ),
        rating=cleaning.rating(_first(found, f"{_XMP}Rating")),
    )


def _parsed(packet: bytes) -> Element:
    if len(packet) > _MOST_BYTES:
        raise NoXmp(f"has more than {_MOST_BYTES >> 20} MiB")
    try:
        root: Element = fromstring(packet.strip(b"\0 \t\r\n"))
    except (ParseError, DefusedXmlException, LookupError, ValueError) as error:
        raise NoXmp(str(error)) from error
    return root


def _properties(root: Element) -> Properties:
    """Every property of the picture itself, by its full name: as attribute, as text, or as a list."""
    found: dict[str, list[str]] = {}
    for rdf in root.iter(f"{_RDF}RDF"):
        for description in rdf.findall(f"{_RDF}Description"):
            for name, text in description.attrib.items():
                found.setdefault(name, []).append(text)
            for element in description:
                found.setdefault(element.tag, []).extend(_values(element))
    return found


def _values(element: Element) -> list[str]:
    items = element.findall(f"{_RDF}*/{_RDF}li") if len(element) else [element]
    # Of a text in several languages the one for all others comes first.
    items.sort(key=lambda item: item.get(_LANGUAGE, "x-default") != "x-default")
    return [item.text for item in items if item.text]


def _first(found: Properties, name: str) -> str | None:
    return next(iter(found.get(name, ())), None)


def _degrees(text: str | None) -> float | None:
    """`51,30.5N` or `51,30,30N`."""
    match = _DEGREES.fullmatch((text or "").strip())
    if not match:
        return None
    degrees = int(match[1]) + float(match[2]) / 60 + float(match[3] or 0) / 3600
    return -degrees if match[4] in "SW" else degrees
