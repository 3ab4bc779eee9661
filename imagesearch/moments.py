"""When a picture was taken, from how EXIF, IPTC and XMP write it.

Local time is what counts for `date`; the offset from UTC is kept where it is known (docs/metadata.md).
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone

_EXIF = re.compile(r"(\d{4})[:/.-](\d\d)[:/.-](\d\d)[ T](\d\d):(\d\d):(\d\d)", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_QUARTER = timedelta(minutes=15)
# How far local time is from UTC anywhere on Earth.
_WEST, _EAST = timedelta(hours=-12), timedelta(hours=14)


def exif_moment(text: object) -> datetime | None:
    """`2018:05:06 07:08:09`, and as some programs write it; None for anything else."""
    match = _EXIF.match(text.strip("\0 ")) if isinstance(text, str) else None
    try:
        return _sound(datetime(*map(int, match.groups()))) if match else None  # type: ignore[arg-type]
    except ValueError:
        return None


def iso_moment(text: object) -> datetime | date | None:
    """ISO 8601, a moment or a day; None for anything else, also for a month or a year."""
    if not isinstance(text, str) or not _DAY.match(stripped := text.strip()[:40]):
        return None
    try:
        if len(stripped) == 10:
            day = date.fromisoformat(stripped)
            return day if 1 < day.year < 9999 else None
        return _sound(datetime.fromisoformat(stripped).replace(microsecond=0))
    except ValueError:
        return None


def _sound(moment: datetime) -> datetime | None:
    if not 1 < moment.year < 9999:  # so that it has a time in UTC, too
        return None
    offset = moment.utcoffset()
    return moment if offset is None or _WEST <= offset <= _EAST else moment.replace(tzinfo=None)


def with_offset(moment: datetime, text: object) -> datetime:
    """With the offset that EXIF writes as `+02:00`, or `Z`, if it is one."""
    if not isinstance(text, str):
        return moment
    stripped = text.strip("\0 ")
    if stripped == "Z":
        return moment.replace(tzinfo=UTC)
    match = _OFFSET.fullmatch(stripped)
    if not match or int(match[3]) > 59:
        return moment
    offset = timedelta(hours=int(match[2]), minutes=int(match[3])) * (-1 if match[1] == "-" else 1)
    return moment.replace(tzinfo=timezone(offset)) if _WEST <= offset <= _EAST else moment


def with_offset_from(moment: datetime, in_utc: datetime) -> datetime:
    """With the offset that makes it `in_utc` (without a zone), to the quarter of an hour, if there is one."""
    offset = round((moment - in_utc) / _QUARTER) * _QUARTER
    return moment.replace(tzinfo=timezone(offset)) if _WEST <= offset <= _EAST else moment


def same_moment(earlier: datetime, later: datetime) -> datetime | None:
    """Two sources' times as one that knows most, if they mean the same moment; else None.

    They do if they show the same local time, or if `later` is in UTC and `earlier` is that by some offset of
    whole quarters of an hour.
    """
    local, other = earlier.replace(tzinfo=None), later.replace(tzinfo=None)
    if local == other:
        return later if later.tzinfo else earlier
    if later.utcoffset() != timedelta(0):
        return None
    if earlier.tzinfo:
        return earlier if earlier == later else None
    dated = with_offset_from(earlier, other)
    return dated if dated.tzinfo and dated == later else None
