"""The embeddings in memory: what is read again, and what never changes."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from imagesearch.embedded import EmbeddedStore
from imagesearch.embedded.database import DATABASE
from imagesearch.embedded.matrix import Matrix, Snapshot
from imagesearch.embedded.ranking import cosines_of
from tests.imagesearch.pieces import ask, containing, entry, ids, paths, random_units, unit


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    with EmbeddedStore(tmp_path, create=True) as store:
        yield store


@pytest.fixture
def database(store: EmbeddedStore, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of its own to the store's database."""
    assert store.count() == 0
    connection = sqlite3.connect(tmp_path / DATABASE, isolation_level=None)
    yield connection
    connection.close()


def held(snapshot: Snapshot) -> dict[str, list[float]]:
    """The vector of each id that a search may find."""
    slots = snapshot.live_slots()
    return {
        id.decode(): vector.tolist()
        for id, vector in zip(snapshot.ids[slots], snapshot.vectors[slots], strict=True)
    }


def test_nothing_changed_nothing_read(store: EmbeddedStore, database: sqlite3.Connection) -> None:
    store.write([entry(f"{i}.png") for i in range(5)])
    matrix = Matrix()
    first = matrix.snapshot(database)
    assert matrix.snapshot(database) is first


def test_only_what_changed_is_read(store: EmbeddedStore, database: sqlite3.Connection) -> None:
    """Vectors that were changed behind the log's back stay as they were read: they are not read again."""
    store.write([entry(f"{i}.png", unit(1)) for i in range(50)])
    matrix = Matrix()
    matrix.snapshot(database)
    for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        if name.endswith("updated"):
            database.execute(f"DROP TRIGGER {name}")
    database.execute("UPDATE embeddings SET vector = ?", (unit(-1).tobytes(),))
    store.write([entry("new.png", unit(0, 1))])
    after = held(matrix.snapshot(database))
    assert len(after) == 51
    assert sorted(map(tuple, after.values())) == [tuple(unit(0, 1))] + [tuple(unit(1))] * 50


def test_new_metadata_alone_is_no_change(store: EmbeddedStore, database: sqlite3.Connection) -> None:
    store.write([entry("a.png")])
    matrix = Matrix()
    first = matrix.snapshot(database)
    store.write([entry("a.png", name="another name", tags=("t",))])
    assert matrix.snapshot(database) is first


def test_a_snapshot_never_changes(store: EmbeddedStore, database: sqlite3.Connection) -> None:
    vectors = random_units(40)
    some = [entry(f"{i}.png", v) for i, v in enumerate(vectors)]
    store.write(some)
    matrix = Matrix()
    early = matrix.snapshot(database)
    before = held(early)
    store.write([entry(f"{i}.png", unit(1)) for i in range(10)])
    store.delete(ids(some[10:20]))
    store.write([entry(f"more{i}.png") for i in range(100)])
    late = matrix.snapshot(database)
    assert held(early) == before
    assert len(held(late)) == 130
    assert late.seq > early.seq


def test_it_grows_past_its_room_and_keeps_what_it_had(
    store: EmbeddedStore, database: sqlite3.Connection
) -> None:
    matrix, vectors = Matrix(), random_units(300)
    for start in range(0, 300, 30):
        store.write([entry(f"{i:03}.png", vectors[i]) for i in range(start, start + 30)])
        expected = {entry(f"{i:03}.png").picture.id: vectors[i].tolist() for i in range(start + 30)}
        assert held(matrix.snapshot(database)) == expected


def test_more_changes_than_are_read_at_a_time(
    store: EmbeddedStore, database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imagesearch.embedded.matrix._CHUNK", 7)
    some = [entry(f"{i}.png", v) for i, v in enumerate(random_units(50))]
    store.write(some)
    store.delete(ids(some[3:31]))
    matrix = Matrix()
    assert set(held(matrix.snapshot(database))) == set(ids([*some[:3], *some[31:]]))


def test_deleting_everything_and_starting_again(store: EmbeddedStore) -> None:
    some = [entry(f"{i}.png") for i in range(5)]
    for _ in range(3):
        store.write(some)
        assert len(store.knn(ask()).hits) == 5
        store.delete(ids(some))
        assert not store.knn(ask()).hits


def test_equal_vectors_score_equally_wherever_they_stand(store: EmbeddedStore) -> None:
    """At 512 dimensions a matrix product gives them different last bits, and pages then overlap."""
    same, query = random_units(1, 512, seed=1)[0], random_units(1, 512, seed=2)[0]
    vectors = random_units(1001, 512, seed=3)
    vectors[::2] = same
    some = [entry(f"{i}.png", v) for i, v in enumerate(vectors)]
    store.write(some)
    hits = store.knn(ask(query)).hits
    equal = [h for h in hits if h.picture.id in set(ids(some[::2]))]
    assert len({h.score for h in equal}) == 1
    assert [h.picture.id for h in equal] == sorted(ids(some[::2]))
    store.write([entry(f"more{i}.png", v) for i, v in enumerate(random_units(37, 512, seed=4))])
    again = {h.picture.id: h.score for h in store.knn(ask(query)).hits}
    assert all(again[h.picture.id] == h.score for h in hits)
    rare = store.knn(ask(query, filters=containing(hits[0].picture.path)))
    assert rare.hits[0].score == hits[0].score


def test_a_score_depends_on_nothing_but_the_two_vectors() -> None:
    """Whatever the size of the matrix, whoever the neighbours, on this machine's numpy and BLAS."""
    same, query = random_units(1, 512, seed=1), random_units(1, 512, seed=2)[0]
    scores = set()
    for count in [*range(1, 40), 1001, 4099]:
        vectors = np.repeat(same, count, axis=0)
        scores |= set(cosines_of(vectors, np.arange(count), query).tolist())
        scores |= set(cosines_of(vectors, np.arange(count)[: count // 9], query).tolist())
    assert len(scores) == 1


def test_deleting_leaves_nothing_behind(store: EmbeddedStore, database: sqlite3.Connection) -> None:
    some = [entry(f"{i}.png", tags=("t", "u")) for i in range(5)]
    store.write(some)
    store.delete(ids(some))
    for table in ("pictures", "embeddings", "tags", "words"):
        assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_writing_never_loads_the_matrix(store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Matrix, "snapshot", refuse)
    store.write([entry("a.png")])
    store.embeddings_by_content([entry("a.png").picture.content_hash])
    assert list(store.files("/"))
    with pytest.raises(AssertionError):
        store.knn(ask())


def test_ids_and_vectors_stay_together(store: EmbeddedStore) -> None:
    vectors = random_units(64)
    store.write([entry(f"{i}.png", v) for i, v in enumerate(vectors)])
    for i in (0, 13, 63):
        assert paths(store.knn(ask(vectors[i], k=1))) == [f"{i}.png"]
        np.testing.assert_array_equal(store.embedding(entry(f"{i}.png").picture.id), vectors[i])
