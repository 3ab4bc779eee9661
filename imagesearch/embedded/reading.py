"""Reading pictures and files by what they are known by, in pieces where there may be many."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from imagesearch.embedded.rows import COLUMNS, to_picture
from imagesearch.records import Picture

Reading = Callable[[], AbstractContextManager[sqlite3.Connection]]

_AT_A_TIME = 500
# Rows read in one go: a reader that takes long over them must not keep the log of changes from ending.
_ROWS_AT_A_TIME = 5_000


def pictures(db: sqlite3.Connection, column: str, values: list[Any]) -> Iterator[tuple[Any, Picture]]:
    """The pictures that have one of `values` in `column`, each with that value."""
    query = f"SELECT row, {COLUMNS} FROM pictures WHERE {column} IN"
    return ((row[column], to_picture(row)) for row in having(db, query, values))


def having(db: sqlite3.Connection, query: str, values: list[Any]) -> Iterator[sqlite3.Row]:
    """The rows of `query`, which ends in IN, for all of `values`: SQLite takes so many at a time only."""
    for start in range(0, len(values), _AT_A_TIME):
        some = values[start : start + _AT_A_TIME]
        yield from db.execute(f"{query} ({', '.join('?' * len(some))})", some)


def in_order(
    reading: Reading, table: str, columns: str, source: str, within: str
) -> Iterator[tuple[Any, ...]]:
    """The rows of `source` in `table` whose path is `within` or below it, in the order of the paths.

    `columns` begin with id, source, path.
    """
    query = f"SELECT {columns} FROM {table} WHERE source = ? AND path"
    last, end = "", ""
    if within:
        with reading() as db:
            found = db.execute(f"{query} = ?", (source, within)).fetchall()
        yield from found
        last, end = f"{within}/", "AND path < ?"
    bounds = [f"{within}0"] if within else []  # which comes next after "/"
    query = f"{query} > ? {end} ORDER BY path LIMIT {_ROWS_AT_A_TIME}"
    while True:
        with reading() as db:
            cursor = db.execute(query, (source, last, *bounds))
            cursor.row_factory = None
            rows = cursor.fetchall()
        yield from rows
        if len(rows) < _ROWS_AT_A_TIME:
            return
        last = rows[-1][2]
