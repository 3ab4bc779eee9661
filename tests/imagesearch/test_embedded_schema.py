"""The tables: made once, whoever comes first, and never by an older program."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from imagesearch.embedded import EmbeddedStore
from imagesearch.embedded.database import DATABASE
from imagesearch.embedded.schema import MIGRATIONS, migrate
from imagesearch.errors import StoreUnavailable
from imagesearch.records import NO_FILTERS, Entry, FacetCount, Facets, Filters, Metadata
from tests.conftest import environment
from tests.imagesearch.pieces import ask, day, entry, paths, picture, unit


def tables(database: Path) -> set[str]:
    with sqlite3.connect(database) as db:
        return {name for (name,) in db.execute("SELECT name FROM sqlite_master")}


def test_a_fresh_store_has_the_newest_version(tmp_path: Path) -> None:
    EmbeddedStore(tmp_path, create=True).close()
    with sqlite3.connect(tmp_path / DATABASE) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path, create=True) as store:
        store.write([entry("a.png")])
    before = tables(tmp_path / DATABASE)
    with EmbeddedStore(tmp_path, create=True) as store:
        assert paths(store.knn(ask())) == ["a.png"]
    assert tables(tmp_path / DATABASE) == before


def test_a_migration_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    EmbeddedStore(tmp_path, create=True).close()
    broken = (*MIGRATIONS, ("CREATE TABLE later (x)", "CREATE TABLE nonsense (("))
    monkeypatch.setattr("imagesearch.embedded.schema.MIGRATIONS", broken)
    with pytest.raises(StoreUnavailable, match=r"syntax error|incomplete input"):
        EmbeddedStore(tmp_path)
    monkeypatch.undo()
    assert "later" not in tables(tmp_path / DATABASE)
    EmbeddedStore(tmp_path).close()


def test_a_later_migration_keeps_the_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedStore(tmp_path, create=True) as store:
        store.write([entry("a.png")])
    monkeypatch.setattr("imagesearch.embedded.schema.MIGRATIONS", (*MIGRATIONS, ("CREATE TABLE later (x)",)))
    with EmbeddedStore(tmp_path) as store:
        assert paths(store.knn(ask())) == ["a.png"]
    assert "later" in tables(tmp_path / DATABASE)


def test_a_newer_schema_is_refused_with_a_way_out(tmp_path: Path) -> None:
    EmbeddedStore(tmp_path, create=True).close()
    with sqlite3.connect(tmp_path / DATABASE) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StoreUnavailable, match=r"newer version of this program.*Update the program"):
        EmbeddedStore(tmp_path)


FIRST_VERSION = """
    INSERT INTO pictures (row, id, source, path, content_hash, size, mtime_ns, format, width, height, colour,
        name, tags, "group", subgroup, author, date) VALUES
    (1, '{0}', '/home/ann/Pictures', '2019/alps/1.jpg', '{h}', 5, 6, 'JPEG', 300, 200, '#102030',
        'Snow 雪', '["peak", "Äpfel"]', 'travel', 'places', 'Ann', '2019-02-28'),
    (2, '{1}', '/home/ann/Pictures/', '2.png', '{h}', 5, 6, 'PNG', 104, 100, '#102030',
        NULL, '[]', NULL, NULL, NULL, NULL),
    (3, '{2}', '/', '/3.png', '{h}', 5, 6, 'PNG', 100, 105, '#102030', NULL, '[]', NULL, NULL, NULL, NULL);
    INSERT INTO pictures (row, id, source, path, content_hash, size, mtime_ns, format, width, height, colour,
        name, tags, "group", subgroup, author, date) VALUES
    (4, '{3}', '/home/ann/Pictures', 'Cafe\u0301/4.png', '{h}', 5, 6, 'PNG', 100, 100, '#102030',
        'e\u0301', '["e\u0301", "é"]', 'e\u0301', 'e\u0301', 'e\u0301', NULL);
    INSERT INTO tags VALUES ('peak', 1), ('Äpfel', 1), ('e\u0301', 4), ('é', 4);
    INSERT INTO words (rowid, tokens) VALUES (1, 'snow 雪 \ue000 peak'), (2, '2 png'), (3, '3 png');
    PRAGMA user_version = 1;
"""


def test_a_store_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    sample = [picture("2019/alps/1.jpg"), picture("2.png"), picture("3.png"), picture("Cafe\u0301/4.png")]
    with closing(sqlite3.connect(tmp_path / DATABASE)) as db:
        for statement in MIGRATIONS[0]:
            db.execute(statement)
        db.executescript(FIRST_VERSION.format(*(p.id for p in sample), h="0" * 64))
        vector = unit(1).astype("<f4").tobytes()
        db.executemany("INSERT INTO embeddings VALUES (?, ?)", [(row, vector) for row in (1, 2, 3, 4)])
        db.commit()
    with EmbeddedStore(tmp_path) as store:
        first, second, third, fourth = (store.get(p.id) for p in sample)
        assert first
        assert second
        assert third
        assert fourth
        known = Metadata("Snow 雪", ("peak", "Äpfel"), "travel", "places", "Ann", day("2019-02-28"))
        assert first.metadata == known
        assert first.given == replace(known, date=None), "which may have come from the file"
        assert second.metadata == second.given == Metadata()
        assert (first.colours, first.phash) == ((), "")
        assert store.facets(NO_FILTERS, kinds=("albums", "orientations")) == Facets(
            albums=(FacetCount("2019/alps", 1), FacetCount("Café", 1), FacetCount("Pictures", 1)),
            orientations=(
                FacetCount("square", 2),
                FacetCount("landscape", 1),
                FacetCount("portrait", 1),
            ),
        )
        one = (FacetCount("é", 1),)
        apart = Filters(albums=("Cafe\u0301",), tags=("e\u0301",), groups=("e\u0301",), authors=("e\u0301",))
        assert store.facets(apart, kinds=("tags", "groups", "authors")) == Facets(
            tags=one, groups=one, authors=one
        )
        assert fourth.path == "Cafe\u0301/4.png"
        for found in (first, second, third):
            if found.album:
                assert store.count(Filters(albums=(found.album,), orientations=(found.orientation,))) == 1
        assert sorted(paths(store.knn(ask(filters=Filters(words="雪"))))) == ["2019/alps/1.jpg"]
        store.write([Entry(replace(first, colours=("blue",)), unit(1))])
        assert store.count(Filters(colours=("blue",), tags=("peak",))) == 1


OPEN = """
import sys, time
from pathlib import Path
from imagesearch.embedded import EmbeddedStore
from imagesearch.records import ModelIdentity
print("ready", flush=True)
for folder in sys.stdin:
    with EmbeddedStore(Path(folder.strip()), create=True) as store:
        store.adopt(ModelIdentity("m", 8, "f"))
        print(store.count(), flush=True)
"""


def test_processes_may_open_a_fresh_store_at_the_same_moment(tmp_path: Path) -> None:
    openers = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        for _ in range(3)
    ]
    for opener in openers:
        assert opener.stdout is not None
        assert opener.stdout.readline() == "ready\n"
    folders = "".join(f"{tmp_path / str(i)}\n" for i in range(15))
    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.write(folders)
        opener.stdin.flush()
    for opener in openers:
        out, errors = opener.communicate(timeout=200)
        assert (out.split(), errors) == (["0"] * 15, "")


def test_migrate_needs_no_store_around_it() -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    migrate(db, "memory")
    assert db.execute("SELECT count(*) FROM pictures").fetchone() == (0,)
    db.close()
