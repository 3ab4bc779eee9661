"""From what a file says to the record of it, for all that brings pictures into a store."""

from datetime import date, datetime
from functools import reduce

from imagesearch.moments import same_moment
from imagesearch.records import Facts, Metadata, Picture, picture_id


def describe(
    facts: Facts, source: str, path: str, mtime_ns: int, metadata: Metadata, given: Metadata | None = None
) -> Picture:
    """The record of the file `path` below the folder `source`, of which `facts` were found.

    `metadata` is all that is known of it, `given` what of that was given from outside.
    """
    return Picture(
        id=picture_id(source, path),
        source=source,
        path=path,
        content_hash=facts.content_hash,
        size=facts.size,
        mtime_ns=mtime_ns,
        format=facts.format,
        width=facts.width,
        height=facts.height,
        colour=facts.colour,
        metadata=metadata,
        colours=facts.colours,
        phash=facts.phash,
        given=given or Metadata(),
    )


def merged(*layers: Metadata | None) -> Metadata:
    """The layers over each other: what a later one says counts, what it leaves out stays.

    Except that a day which a later one gives does away with a moment on another day.
    """
    return reduce(_over, [layer for layer in layers if layer], Metadata())


def _over(low: Metadata, high: Metadata) -> Metadata:
    day, taken_at = _when(low, high)
    return Metadata(
        name=high.name or low.name,
        tags=high.tags or low.tags,
        group=high.group or low.group,
        subgroup=high.subgroup or low.subgroup,
        author=high.author or low.author,
        date=day,
        caption=high.caption or low.caption,
        taken_at=taken_at,
        camera=high.camera or low.camera,
        lens=high.lens or low.lens,
        place=high.place or low.place,
        rating=low.rating if high.rating is None else high.rating,
    )


def _when(low: Metadata, high: Metadata) -> tuple[date | None, datetime | None]:
    if high.taken_at:
        same = same_moment(low.taken_at, high.taken_at) if low.taken_at else None
        moment = same or high.taken_at
        return moment.date(), moment
    if high.date is None or (low.taken_at and low.taken_at.date() == high.date):
        return high.date or low.date, low.taken_at
    return high.date, None
