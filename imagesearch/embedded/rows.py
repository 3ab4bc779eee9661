"""Records to rows and back."""

import json
import sqlite3
from datetime import date, datetime

from imagesearch.plain import from_plain, to_plain
from imagesearch.records import Metadata, Picture, Place
from imagesearch.words import words_of

COLUMNS = (
    "id, source, path, content_hash, size, mtime_ns, format, width, height, colour, "
    'name, tags, "group", subgroup, author, date, '
    "caption, taken_at, camera, lens, latitude, longitude, rating, colours, phash, given, album, orientation"
)
# Those of a FileState, in its order.
STATE_COLUMNS = "id, source, path, size, mtime_ns, content_hash"
# Those of a Failure, in its order.
FAILURE_COLUMNS = "id, source, path, size, mtime_ns, reason"


def to_row(picture: Picture) -> tuple[str | int | float | None, ...]:
    """The values of COLUMNS."""
    m = picture.metadata
    return (
        picture.id,
        picture.source,
        picture.path,
        picture.content_hash,
        picture.size,
        picture.mtime_ns,
        picture.format,
        picture.width,
        picture.height,
        picture.colour,
        m.name,
        _to_json(m.tags),
        m.group,
        m.subgroup,
        m.author,
        m.date.isoformat() if m.date else None,
        m.caption,
        m.taken_at.isoformat() if m.taken_at else None,
        m.camera,
        m.lens,
        m.place.latitude if m.place else None,
        m.place.longitude if m.place else None,
        m.rating,
        _to_json(picture.colours),
        picture.phash or None,
        json.dumps(to_plain(picture.given), ensure_ascii=False) if picture.given != Metadata() else None,
        picture.album,
        picture.orientation,
    )


def _to_json(values: tuple[str, ...]) -> str:
    return json.dumps(values, ensure_ascii=False)


def to_picture(row: sqlite3.Row) -> Picture:
    """The picture of a row that has COLUMNS."""
    return Picture(
        id=row["id"],
        source=row["source"],
        path=row["path"],
        content_hash=row["content_hash"],
        size=row["size"],
        mtime_ns=row["mtime_ns"],
        format=row["format"],
        width=row["width"],
        height=row["height"],
        colour=row["colour"],
        metadata=_metadata(row),
        colours=tuple(json.loads(row["colours"])),
        phash=row["phash"] or "",
        given=from_plain(json.loads(row["given"])) if row["given"] else Metadata(),
    )


def _metadata(row: sqlite3.Row) -> Metadata:
    return Metadata(
        name=row["name"],
        tags=tuple(json.loads(row["tags"])),
        group=row["group"],
        subgroup=row["subgroup"],
        author=row["author"],
        date=date.fromisoformat(row["date"]) if row["date"] else None,
        caption=row["caption"],
        taken_at=datetime.fromisoformat(row["taken_at"]) if row["taken_at"] else None,
        camera=row["camera"],
        lens=row["lens"],
        place=Place(row["latitude"], row["longitude"]) if row["latitude"] is not None else None,
        rating=row["rating"],
    )


def indexed_words(picture: Picture) -> str:
    """The words a picture is found by: of its name, caption, tags and path, separated by spaces.

    A token that is no word stands between two parts, so that no phrase reaches across.
    """
    words = words_of(picture)
    caption = [words.caption] if words.caption else []
    return " \ue000 ".join((words.name, *caption, *words.tags, *words.path))
