"""What IPTC data (IIM, which newspapers brought up) says of a picture."""

import re
from collections.abc import Mapping
from datetime import date, datetime

from PIL import ImageFile
from PIL.IptcImagePlugin import getiptcinfo

from imagesearch.moments import iso_moment, with_offset
from imagesearch.pictures import cleaning
from imagesearch.records import Metadata

_CHARACTER_SET, _UTF_8 = (1, 90), b"\x1b%G"
_TITLE, _KEYWORDS, _AUTHOR, _CAPTION = (2, 5), (2, 25), (2, 80), (2, 120)
_DAY, _TIME = (2, 55), (2, 60)
_TIME_FORM = re.compile(r"(\d\d)(\d\d)(\d\d)([+-]\d{4})?", re.ASCII)

Values = Mapping[tuple[int, int], object]


def iptc_metadata(opened: ImageFile.ImageFile) -> Metadata:
    """Raises what Pillow raises where it is broken."""
    values: Values = getiptcinfo(opened) or {}
    moment = _moment(values)
    return Metadata(
        name=cleaning.line(_first(values, _TITLE)),
        caption=cleaning.caption(_first(values, _CAPTION)),
        tags=cleaning.tags(_texts(values, _KEYWORDS)),
        author=cleaning.line(", ".join(_texts(values, _AUTHOR))),
        date=moment.date() if isinstance(moment, datetime) else moment,
        taken_at=moment if isinstance(moment, datetime) else None,
    )


def _texts(values: Values, key: tuple[int, int]) -> list[str]:
    found = values.get(key)
    raw = [value for value in (found if isinstance(found, list) else [found]) if isinstance(value, bytes)]
    if values.get(_CHARACTER_SET) == _UTF_8:
        return [value.decode("utf-8", errors="replace") for value in raw]
    return [cleaning.from_bytes(value) for value in raw]


def _first(values: Values, key: tuple[int, int]) -> str | None:
    return next(iter(_texts(values, key)), None)


def _moment(values: Values) -> datetime | date | None:
    """`20180506` and `070809+0200`; the day alone if the time does not fit."""
    day, time = _first(values, _DAY) or "", _TIME_FORM.match(_first(values, _TIME) or "")
    written = f"{day[:4]}-{day[4:6]}-{day[6:8]}"
    moment = iso_moment(f"{written}T{time[1]}:{time[2]}:{time[3]}") if time else None
    if isinstance(moment, datetime):
        return with_offset(moment, time[4] if time else None)
    return iso_moment(written)
