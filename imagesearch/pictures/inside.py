"""What a picture file says of itself beside its pixels: EXIF, IPTC and XMP made one (docs/metadata.md)."""

import io
from collections.abc import Callable
from dataclasses import replace

from PIL import Image, ImageFile

from imagesearch.entries import merged
from imagesearch.pictures.exif import exif_metadata
from imagesearch.pictures.iptc import iptc_metadata
from imagesearch.pictures.loaded import DAMAGE
from imagesearch.pictures.xmp import xmp_metadata
from imagesearch.records import Metadata

_XMP = 700


def embedded(opened: ImageFile.ImageFile) -> Metadata:
    """What the three say together; what is broken says nothing."""
    return _together(
        _unbroken(lambda: exif_metadata(opened.getexif())),
        _unbroken(lambda: iptc_metadata(opened)),
        _unbroken(lambda: xmp_metadata(_packet(opened.info.get("xmp")))),
    )


def embedded_in_tiff(content: bytes) -> Metadata:
    """The same of a camera's raw file, if it is built like TIFF, as most are."""
    exif = Image.Exif()
    try:
        exif.load_from_fp(io.BytesIO(content))
    except DAMAGE:
        return Metadata()
    return _together(
        _unbroken(lambda: exif_metadata(exif)),
        Metadata(),
        _unbroken(lambda: xmp_metadata(_packet(exif.get(_XMP)))),
    )


def _together(exif: Metadata, iptc: Metadata, xmp: Metadata) -> Metadata:
    """Texts of XMP before IPTC before EXIF, as the Metadata Working Group has it; times the other way.

    (EXIF has them from the camera; in XMP and IPTC they are copies, if sometimes ones that know the zone.)
    """
    times = merged(*(Metadata(date=m.date, taken_at=m.taken_at) for m in (iptc, xmp, exif)))
    return replace(merged(exif, iptc, xmp), date=times.date, taken_at=times.taken_at)


def _unbroken(read: Callable[[], Metadata]) -> Metadata:
    try:
        return read()
    except DAMAGE:
        return Metadata()


def _packet(value: object) -> bytes:
    if isinstance(value, str):
        return value.encode()
    return bytes(value) if isinstance(value, bytes | bytearray) else b""
