"""Records to rows and back, and filters to SQL."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import date

from imagesearch.records import FileState, Filters, Metadata, Picture
from imagesearch.words import phrases, words_of

COLUMNS = (
    "id, source, path, content_hash, size, mtime_ns, format, width, height, colour, "
    'name, tags, "group", subgroup, author, date'
)


def to_row(picture: Picture) -> tuple[str | int | None, ...]:
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
        json.dumps(m.tags, ensure_ascii=False),
        m.group,
        m.subgroup,
        m.author,
        m.date.isoformat() if m.date else None,
    )


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
    )


def to_file_state(row: sqlite3.Row) -> FileState:
    """What ingest compares, of a row that has COLUMNS."""
    return FileState(
        id=row["id"],
        source=row["source"],
        path=row["path"],
        size=row["size"],
        mtime_ns=row["mtime_ns"],
        content_hash=row["content_hash"],
        metadata=_metadata(row),
    )


def _metadata(row: sqlite3.Row) -> Metadata:
    return Metadata(
        name=row["name"],
        tags=tuple(json.loads(row["tags"])),
        group=row["group"],
        subgroup=row["subgroup"],
        author=row["author"],
        date=date.fromisoformat(row["date"]) if row["date"] else None,
    )


def indexed_words(picture: Picture) -> str:
    """The words a picture is found by: of its name, tags and path, separated by spaces.

    A token that is no word stands between two parts, so that no phrase reaches across.
    """
    words = words_of(picture)
    return " \ue000 ".join((words.name, *words.tags, *words.path))


def where(filters: Filters) -> tuple[str, list[str]]:
    """The filters as an SQL condition on `pictures`, with its parameters; `1` where there are none."""
    conditions: list[str] = []
    values: list[str] = []

    def add(condition: str, *given: str) -> None:
        conditions.append(condition)
        values.extend(given)

    for tag in filters.tags:
        add("row IN (SELECT row FROM tags WHERE tag = ?)", tag)
    if filters.groups:
        add(f'"group" IN ({_marks(filters.groups)})', *filters.groups)
    if filters.authors:
        add(f"author IN ({_marks(filters.authors)})", *filters.authors)
    if filters.date_from:
        add("date >= ?", filters.date_from.isoformat())
    if filters.date_to:
        add("date <= ?", filters.date_to.isoformat())
    if filters.words:
        add("row IN (SELECT rowid FROM words WHERE words MATCH ?)", match_expression(filters.words))
    if filters.without:
        add(f"id NOT IN ({_marks(filters.without)})", *filters.without)
    return " AND ".join(conditions) or "1", values


def match_expression(words: str, *, any_of: bool = False) -> str:
    """An FTS5 expression for all of `words`, or any; each of our phrases becomes a quoted one."""
    found = phrases(words)
    # A string without a single word ("!?") must find nothing; this token is in no text.
    return (" OR " if any_of else " AND ").join(f'"{" ".join(phrase)}"' for phrase in found) or '"\ue001"'


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
