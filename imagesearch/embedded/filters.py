"""Filters to SQL."""

from collections.abc import Sequence

from imagesearch.places import box_around
from imagesearch.records import Filters, Near
from imagesearch.words import phrases

Value = str | int | float

# The columns of which one of the values given has to be there, by the name of the filter.
_ONE_OF = {
    "groups": '"group"',
    "authors": "author",
    "cameras": "camera",
    "lenses": "lens",
    "albums": "album",
    "formats": "format",
    "orientations": "orientation",
    "phashes": "phash",
}


def where(filters: Filters) -> tuple[str, list[Value]]:
    """The filters as an SQL condition on `pictures`, with its parameters; `1` where there are none."""
    conditions: list[str] = []
    values: list[Value] = []

    def add(condition: str, *given: Value) -> None:
        conditions.append(condition)
        values.extend(given)

    for tag in filters.tags:
        add("row IN (SELECT row FROM tags WHERE tag = ?)", tag)
    for colour in filters.colours:
        add("row IN (SELECT row FROM colours WHERE colour = ?)", colour)
    for name, column in _ONE_OF.items():
        if wanted := getattr(filters, name):
            add(f"{column} IN ({_marks(wanted)})", *wanted)
    if filters.date_from:
        add("date >= ?", filters.date_from.isoformat())
    if filters.date_to:
        add("date <= ?", filters.date_to.isoformat())
    if filters.rating is not None:
        add("rating >= ?", filters.rating)
    if filters.near:
        add(*_near(filters.near))
    if filters.words:
        add("row IN (SELECT rowid FROM words WHERE words MATCH ?)", match_expression(filters.words))
    if filters.without:
        add(f"id NOT IN ({_marks(filters.without)})", *filters.without)
    return " AND ".join(conditions) or "1", values


def _near(near: Near) -> tuple[str, *tuple[Value, ...]]:
    """The box first, which an index answers; the distance only of what lies in it."""
    box = box_around(near)
    sides = "AND" if box.west <= box.east else "OR"
    return (
        f"latitude BETWEEN ? AND ? AND (longitude >= ? {sides} longitude <= ?) "
        "AND kilometres(latitude, longitude, ?, ?) <= ?",
        box.south,
        box.north,
        box.west,
        box.east,
        near.place.latitude,
        near.place.longitude,
        near.km,
    )


def match_expression(words: str, *, any_of: bool = False) -> str:
    """An FTS5 expression for all of `words`, or any; each of our phrases becomes a quoted one."""
    found = phrases(words)
    # A string without a single word ("!?") must find nothing; this token is in no text.
    return (" OR " if any_of else " AND ").join(f'"{" ".join(phrase)}"' for phrase in found) or '"\ue001"'


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
