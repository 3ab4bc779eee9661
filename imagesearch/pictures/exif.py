"""What EXIF data says of a picture."""

from collections.abc import Mapping
from datetime import datetime

from PIL import ExifTags, Image

from imagesearch.moments import exif_moment, with_offset, with_offset_from
from imagesearch.pictures import cleaning
from imagesearch.pictures.loaded import DAMAGE
from imagesearch.records import Metadata, Place

Directory = Mapping[int, object]

# What cameras write as the description of every picture.
_OF_NO_ONE = frozenset({"default", "exif_jpeg_picture", "sony dsc", "samsung", "dav", "digital camera"})
_TIMES = (
    (ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal),
    (ExifTags.Base.DateTimeDigitized, ExifTags.Base.OffsetTimeDigitized),
    (ExifTags.Base.DateTime, ExifTags.Base.OffsetTime),
)


def exif_metadata(exif: Image.Exif) -> Metadata:
    """Raises what Pillow raises where the whole is broken; a broken value says nothing."""
    inner, gps = _directory(exif, ExifTags.IFD.Exif), _directory(exif, ExifTags.IFD.GPSInfo)
    taken_at = _taken_at(exif, inner, gps)
    return Metadata(
        name=cleaning.line(_windows_text(exif, ExifTags.Base.XPTitle)),
        caption=_caption(exif),
        tags=cleaning.tags(_windows_text(exif, ExifTags.Base.XPKeywords).split(";")),
        author=cleaning.line(_text(exif, ExifTags.Base.Artist))
        or cleaning.line(_windows_text(exif, ExifTags.Base.XPAuthor)),
        date=taken_at.date() if taken_at else None,
        taken_at=taken_at,
        camera=cleaning.camera(_text(exif, ExifTags.Base.Make), _text(exif, ExifTags.Base.Model)),
        lens=cleaning.line(_text(inner, ExifTags.Base.LensModel)),
        place=_place(gps),
        rating=cleaning.rating(_value(exif, ExifTags.Base.Rating)),
    )


def _directory(exif: Image.Exif, which: int) -> Directory:
    try:
        return exif.get_ifd(which)
    except DAMAGE:
        return {}


def _value(directory: Directory, tag: int) -> object:
    try:
        return directory.get(tag)
    except DAMAGE:
        return None


def _text(directory: Directory, tag: int) -> str:
    """Pillow reads it as Latin 1; programs write UTF-8, too."""
    value = _value(directory, tag)
    if isinstance(value, bytes):
        return cleaning.from_bytes(value)
    if not isinstance(value, str):
        return ""
    try:
        return cleaning.from_bytes(value.encode("latin-1"))
    except UnicodeEncodeError:
        return value


def _windows_text(exif: Directory, tag: int) -> str:
    value = _value(exif, tag)
    if isinstance(value, tuple) and all(isinstance(v, int) and 0 <= v < 256 for v in value):
        value = bytes(value)
    return value.decode("utf-16-le", errors="ignore") if isinstance(value, bytes) else ""


def _caption(exif: Directory) -> str | None:
    text = cleaning.caption(_text(exif, ExifTags.Base.ImageDescription))
    if text and (text.lower() in _OF_NO_ONE or text.upper().endswith(" DIGITAL CAMERA")):
        text = None
    return text or cleaning.caption(_windows_text(exif, ExifTags.Base.XPComment))


def _taken_at(exif: Directory, inner: Directory, gps: Directory) -> datetime | None:
    for time_tag, offset_tag in _TIMES:
        moment = exif_moment(_value(inner, time_tag) or _value(exif, time_tag))
        if moment is None:
            continue
        moment = with_offset(moment, _value(inner, offset_tag))
        if moment.tzinfo is None and time_tag == ExifTags.Base.DateTimeOriginal:
            in_utc = _gps_moment(gps)
            return with_offset_from(moment, in_utc) if in_utc else moment
        return moment
    return None


def _gps_moment(gps: Directory) -> datetime | None:
    """What the satellites' clock said, in UTC."""
    day = _value(gps, ExifTags.GPS.GPSDateStamp)
    time = _numbers(_value(gps, ExifTags.GPS.GPSTimeStamp))
    if not isinstance(day, str) or time is None:
        return None
    hours, minutes, seconds = (int(number) for number in time)
    return exif_moment(f"{day.strip(chr(0) + ' ')} {hours:02}:{minutes:02}:{seconds:02}")


def _place(gps: Directory) -> Place | None:
    latitude = _degrees(gps, ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef, "S")
    longitude = _degrees(gps, ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef, "W")
    return cleaning.place(latitude, longitude)


def _degrees(gps: Directory, tag: int, side_tag: int, negative: str) -> float | None:
    parts = _numbers(_value(gps, tag))
    if parts is None:
        return None
    degrees = parts[0] + parts[1] / 60 + parts[2] / 3600
    side = str(_value(gps, side_tag) or "").strip("\0 ").upper()
    return -degrees if side == negative else degrees


def _numbers(value: object) -> tuple[float, float, float] | None:
    """Degrees or hours, minutes and seconds; None if one of them is no number (as 0/0 is none)."""
    try:
        first, second, third = (float(part) for part in value)  # type: ignore[attr-defined]
    except DAMAGE:
        return None
    return (first, second, third) if all(0 <= n < 1e6 for n in (first, second, third)) else None
