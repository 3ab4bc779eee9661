"""Writing the rows of a picture or of a failure, in a transaction of the caller's."""

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import astuple

from imagesearch.embedded.rows import COLUMNS, FAILURE_COLUMNS, indexed_words, to_row
from imagesearch.records import Entry, Failure


def upsert(db: sqlite3.Connection, entry: Entry) -> None:
    """Insert a picture, or replace it by its id; it has not failed, then."""
    picture = entry.picture
    values = to_row(picture)
    updates = ", ".join(f"{column} = excluded.{column}" for column in COLUMNS.split(", ")[1:])
    row = db.execute(
        f"INSERT INTO pictures ({COLUMNS}) VALUES ({', '.join('?' * len(values))}) "
        f"ON CONFLICT (id) DO UPDATE SET {updates} RETURNING row",
        values,
    ).fetchone()[0]
    for table, several in (("tags", picture.metadata.tags), ("colours", picture.colours)):
        db.execute(f"DELETE FROM {table} WHERE row = ?", (row,))
        db.executemany(f"INSERT OR IGNORE INTO {table} VALUES (?, ?)", [(value, row) for value in several])
    db.execute("DELETE FROM words WHERE rowid = ?", (row,))
    db.execute("INSERT INTO words (rowid, tokens) VALUES (?, ?)", (row, indexed_words(picture)))
    vector = entry.embedding.astype("<f4").tobytes()
    db.execute(
        # The same vector again is no change: readers need not load it anew.
        "INSERT INTO embeddings VALUES (?, ?) ON CONFLICT (row) DO UPDATE SET vector = excluded.vector "
        "WHERE vector IS NOT excluded.vector",
        (row, vector),
    )
    forgive(db, [picture.id])


def delete(db: sqlite3.Connection, ids: Collection[str]) -> int:
    """Remove pictures by id; says how many were there."""
    removed = 0
    for id in ids:
        found = db.execute("DELETE FROM pictures WHERE id = ? RETURNING row", (id,)).fetchone()
        if found:
            for statement in (
                "DELETE FROM embeddings WHERE row = ?",
                "DELETE FROM tags WHERE row = ?",
                "DELETE FROM colours WHERE row = ?",
                "DELETE FROM words WHERE rowid = ?",
            ):
                db.execute(statement, (found["row"],))
            removed += 1
    return removed


def fail(db: sqlite3.Connection, failures: Sequence[Failure]) -> None:
    """Remember failures, each in the place of an earlier one of its id."""
    db.executemany(
        f"INSERT OR REPLACE INTO failures ({FAILURE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
        map(astuple, failures),
    )


def forgive(db: sqlite3.Connection, ids: Collection[str]) -> int:
    """Forget failures by id; says how many there were."""
    return sum(db.execute("DELETE FROM failures WHERE id = ?", (id,)).rowcount for id in ids)
