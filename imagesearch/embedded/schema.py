"""The tables, as a list of migrations that is only ever appended to."""

import sqlite3

from imagesearch.errors import StoreUnavailable

# An upsert, since OR REPLACE inside a trigger gives way to the conflict clause of the statement outside.
_LOG = """
    INSERT INTO changes SELECT {row}, coalesce(max(seq), 0) + 1 FROM changes WHERE true
    ON CONFLICT (row) DO UPDATE SET seq = excluded.seq;
"""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        """CREATE TABLE pictures (
            row INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            source TEXT NOT NULL,
            path TEXT NOT NULL,
            content_hash TEXT NOT NULL,
            size INTEGER NOT NULL,
            mtime_ns INTEGER NOT NULL,
            format TEXT NOT NULL,
            width INTEGER NOT NULL,
            height INTEGER NOT NULL,
            colour TEXT NOT NULL,
            name TEXT,
            tags TEXT NOT NULL,
            "group" TEXT,
            subgroup TEXT,
            author TEXT,
            date TEXT
        )""",
        "CREATE INDEX pictures_source ON pictures (source, path)",
        "CREATE INDEX pictures_content ON pictures (content_hash)",
        'CREATE INDEX pictures_group ON pictures ("group")',
        "CREATE INDEX pictures_author ON pictures (author)",
        "CREATE INDEX pictures_browse ON pictures (date DESC, path, id)",
        "CREATE TABLE embeddings (row INTEGER PRIMARY KEY, vector BLOB NOT NULL)",
        "CREATE TABLE tags (tag TEXT NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (tag, row)) WITHOUT ROWID",
        "CREATE INDEX tags_row ON tags (row)",
        # The text comes in already folded and cut (imagesearch.words): the tokenizer only splits at spaces.
        """CREATE VIRTUAL TABLE words USING fts5 (
            tokens, tokenize="unicode61 remove_diacritics 0 categories 'L* M* N* Co'"
        )""",
        # The latest change of every row ever used, so that a reader refreshes only what changed.
        "CREATE TABLE changes (row INTEGER PRIMARY KEY, seq INTEGER NOT NULL)",
        "CREATE INDEX changes_seq ON changes (seq)",
        f"CREATE TRIGGER inserted AFTER INSERT ON embeddings BEGIN {_LOG.format(row='new.row')} END",
        f"CREATE TRIGGER updated AFTER UPDATE ON embeddings BEGIN {_LOG.format(row='new.row')} END",
        f"CREATE TRIGGER deleted AFTER DELETE ON embeddings BEGIN {_LOG.format(row='old.row')} END",
    ),
)


def migrate(connection: sqlite3.Connection, location: str) -> None:
    """Bring the tables to the newest version in one transaction, whoever else tries the same.

    `connection` must be in autocommit mode. Raises StoreUnavailable if a newer version of the
    program made them.
    """
    if _version(connection, location) == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        for step in MIGRATIONS[_version(connection, location) :]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _version(connection: sqlite3.Connection, location: str) -> int:
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > len(MIGRATIONS):
        raise StoreUnavailable(
            f"The store {location} was made by a newer version of this program (schema {found}, this one "
            f"knows {len(MIGRATIONS)}). Update the program, or name another store with --store."
        )
    return found
