"""The tables, as a list of migrations that is only ever appended to."""

import sqlite3

from imagesearch.errors import StoreUnavailable
from imagesearch.records import composed

# An upsert, since OR REPLACE inside a trigger gives way to the conflict clause of the statement outside.
_LOG = """
    INSERT INTO changes SELECT {row}, coalesce(max(seq), 0) + 1 FROM changes WHERE true
    ON CONFLICT (row) DO UPDATE SET seq = excluded.seq;
"""

# SQLite finds no last character: cut off at the end everything that is in the text but for slashes.
_TO_LAST_SLASH = "rtrim({text}, replace({text}, '/', ''))"
_UP_TO_LAST_SLASH = f"substr({{text}}, 1, length({_TO_LAST_SLASH}) - 1)"
_AFTER_LAST_SLASH = f"substr({{text}}, length({_TO_LAST_SLASH}) + 1)"

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
    (
        *(
            f"ALTER TABLE pictures ADD COLUMN {column}"
            for column in (
                "caption TEXT",
                "taken_at TEXT",
                "camera TEXT",
                "lens TEXT",
                "latitude REAL",
                "longitude REAL",
                "rating INTEGER",
                "colours TEXT NOT NULL DEFAULT '[]'",
                "phash TEXT",
                "given TEXT",
                "album TEXT NOT NULL DEFAULT ''",
                "orientation TEXT NOT NULL DEFAULT ''",
            )
        ),
        # As Picture.album and Picture.orientation have it, which write them from now on.
        f"""UPDATE pictures SET
            album = CASE WHEN instr(path, '/') THEN {_UP_TO_LAST_SLASH.format(text="path")}
                ELSE {_AFTER_LAST_SLASH.format(text="rtrim(source, '/')")} END,
            orientation = CASE WHEN max(width, height) < 1.05 * min(width, height) THEN 'square'
                WHEN width > height THEN 'landscape' ELSE 'portrait' END""",
        # Of what was known until now, only the date may have come from the file itself.
        """UPDATE pictures SET given = json_object(
            'name', name, 'tags', json(tags), 'group', "group", 'subgroup', subgroup, 'author', author
        )""",
        "CREATE TABLE colours (colour TEXT NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (colour, row)) "
        "WITHOUT ROWID",
        "CREATE INDEX colours_row ON colours (row)",
        *(
            f"CREATE INDEX pictures_{column} ON pictures ({column}) WHERE {column} IS NOT NULL"
            for column in ("camera", "lens", "rating", "phash")
        ),
        *(
            f"CREATE INDEX pictures_{column} ON pictures ({column})"
            for column in ("album", "orientation", "format")
        ),
        "CREATE INDEX pictures_place ON pictures (latitude, longitude) WHERE latitude IS NOT NULL",
        """CREATE TABLE failures (
            id TEXT PRIMARY KEY,
            source TEXT NOT NULL,
            path TEXT NOT NULL,
            size INTEGER NOT NULL,
            mtime_ns INTEGER NOT NULL,
            reason TEXT NOT NULL
        ) WITHOUT ROWID""",
        "CREATE INDEX failures_source ON failures (source, path)",
    ),
    (
        # As the records have it, which compose texts from now on.
        *(
            f"UPDATE pictures SET {column} = composed({column}) WHERE {column} IS NOT composed({column})"
            for column in ("name", "tags", '"group"', "subgroup", "author", "camera", "lens", "album")
        ),
        "INSERT OR IGNORE INTO tags SELECT composed(tag), row FROM tags WHERE tag IS NOT composed(tag)",
        "DELETE FROM tags WHERE tag IS NOT composed(tag)",
    ),
)


def migrate(connection: sqlite3.Connection, location: str) -> None:
    """Bring the tables to the newest version in one transaction, whoever else tries the same.

    `connection` must be in autocommit mode. Raises StoreUnavailable if a newer version of the
    program made them.
    """
    if is_current(connection, location):
        return
    connection.create_function("composed", 1, lambda text: text and composed(text), deterministic=True)
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        for step in MIGRATIONS[_version(connection, location) :]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def is_current(connection: sqlite3.Connection, location: str) -> bool:
    """Whether the tables are those of the newest version. Raises StoreUnavailable as `migrate` does."""
    return _version(connection, location) == len(MIGRATIONS)


def _version(connection: sqlite3.Connection, location: str) -> int:
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > len(MIGRATIONS):
        raise StoreUnavailable(
            f"The store {location} was made by a newer version of this program (schema {found}, this one "
            f"knows {len(MIGRATIONS)}). Update the program, or name another store with --store."
        )
    return found
