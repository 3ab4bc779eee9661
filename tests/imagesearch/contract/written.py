"""What every store must do with what is written to it."""

import threading
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest

from imagesearch.errors import WrongModel
from imagesearch.records import (
    NO_FILTERS,
    FacetCount,
    Facets,
    FileState,
    Metadata,
    ModelIdentity,
    Place,
    Window,
)
from imagesearch.store import Store
from tests.imagesearch.pieces import (
    ALL,
    IDENTITY,
    SOURCE,
    ask,
    containing,
    counts,
    day,
    entry,
    failure,
    ids,
    moment,
    paths,
    picture,
    random_units,
    unit,
)

Reopen = Callable[[], Store]


class ModelContract:
    def test_a_fresh_store_has_no_model(self, store: Store) -> None:
        assert store.identity() is None

    def test_the_first_model_is_remembered(self, store: Store, reopen: Reopen) -> None:
        store.adopt(IDENTITY)
        store.adopt(IDENTITY)
        assert store.identity() == IDENTITY
        assert reopen().identity() == IDENTITY

    def test_another_model_is_refused_with_a_way_out(self, store: Store) -> None:
        store.adopt(ModelIdentity("clip", 512, "a" * 64))
        with pytest.raises(WrongModel) as refused:
            store.adopt(ModelIdentity("demo", 512, "b" * 64))
        for said in ("'clip'", "'demo'", "--model clip", "python -m ingest --model demo --store"):
            assert said in str(refused.value)
        assert store.identity() == ModelIdentity("clip", 512, "a" * 64)

    def test_other_weights_under_the_same_name_are_refused(self, store: Store) -> None:
        store.adopt(IDENTITY)
        with pytest.raises(WrongModel, match="other weights of the model"):
            store.adopt(replace(IDENTITY, fingerprint="0" * 64))

    def test_the_same_weights_under_another_name_are_welcome(self, store: Store) -> None:
        store.adopt(IDENTITY)
        store.adopt(replace(IDENTITY, name="copy"))
        assert store.identity() == IDENTITY


class WritingContract:
    def test_what_was_written_comes_back_whole(self, store: Store, reopen: Reopen) -> None:
        known = {
            "name": "Snow — 雪",
            "tags": ("peak", "Äpfel", "snow"),
            "group": "travel",
            "subgroup": "places",
            "author": "O'Hara",
            "date": day("2019-02-28"),
            "caption": "Two people ⛷ on a slope.\nIt snows.",
            "taken_at": moment("2019-02-28T09:30:15.123456+05:30"),
            "camera": "Canon EOS 5D",
            "lens": "EF 24-70mm f/2.8",
            "place": Place(46.5581234567891, -7.8351234567891),
            "rating": 0,
            "colours": ("white", "blue"),
            "phash": "c3d2a1f000ff1234",
        }
        known["given"] = Metadata(**{f.name: known[f.name] for f in fields(Metadata)})  # type: ignore[arg-type]
        written = entry("a/b c's.png", unit(3, 4), **known)
        store.write([written])
        for one in (store, reopen()):
            assert one.get(written.picture.id) == written.picture
            vector = one.embedding(written.picture.id)
            assert vector is not None
            np.testing.assert_allclose(vector, unit(3, 4), atol=1e-6)
            assert vector.dtype == np.float32

    @pytest.mark.parametrize(
        "text",
        [
            "2019-02-28T09:30:15",
            "2019-02-28T09:30:15.000001",
            "2019-02-28T09:30:15+00:00",
            "2019-02-28T09:30:15-11:30",
            "0001-01-01T00:00:00",
            "9999-12-31T23:59:59.999999",
        ],
    )
    def test_the_moment_keeps_its_offset_or_that_it_has_none(self, store: Store, text: str) -> None:
        written = entry("a.png", taken_at=moment(text))
        store.write([written])
        found = store.get(written.picture.id)
        assert found
        assert found.metadata.taken_at
        assert found.metadata.taken_at.isoformat() == text

    def test_writing_again_replaces_everything(self, store: Store) -> None:
        old = {"group": "g", "camera": "c", "rating": 3, "place": Place(1, 2), "phash": "f" * 16}
        store.write([entry("a.png", unit(1), name="red fox", tags=("old",), colours=("red",), **old)])
        store.write([entry("a.png", unit(0, 1), name="blue whale", tags=("new",), colours=("blue",))])
        assert store.count() == 1
        assert store.facets(NO_FILTERS) == Facets(
            tags=counts(new=1),
            colours=counts(blue=1),
            albums=counts(pictures=1),
            formats=counts(PNG=1),
            orientations=counts(landscape=1),
        )
        assert not store.knn(ask(filters=containing("fox"))).hits
        assert store.knn(ask(filters=containing("whale"))).hits[0].score == pytest.approx(0.5)

    def test_replacing_moves_in_one_step(self, store: Store) -> None:
        old, new = entry("old.png"), entry("new.png")
        store.write([old])
        store.write([new], replacing=[old.picture.id])
        assert store.get(old.picture.id) is None
        assert paths(store.knn(ask())) == ["new.png"]

    def test_replacing_an_id_that_is_written_anew_keeps_it(self, store: Store) -> None:
        old = entry("same.png")
        store.write([old])
        store.write([entry("same.png", unit(0, 1))], replacing=[old.picture.id, "0" * 24])
        assert store.knn(ask()).hits[0].score == pytest.approx(0.5)
        assert store.count() == 1

    def test_the_last_of_equal_idscounts(self, store: Store) -> None:
        store.write([entry("a.png", name="first"), entry("a.png", name="last")])
        assert [h.picture.name for h in store.knn(ask()).hits] == ["last"]

    def test_delete_says_how_many_were_there(self, store: Store) -> None:
        some = [entry(f"{i}.png", tags=("t",)) for i in range(3)]
        store.write(some)
        assert store.delete([*ids(some[:2]), "0" * 24]) == 2
        assert store.delete(ids(some[:2])) == 0
        assert store.delete([]) == 0
        assert paths(store.knn(ask())) == paths(store.browse(NO_FILTERS, ALL)) == ["2.png"]
        assert store.facets(NO_FILTERS).tags == (FacetCount("t", 1),)
        assert store.get(some[0].picture.id) is None
        assert store.embedding(some[0].picture.id) is None

    def test_what_was_deleted_can_come_back(self, store: Store) -> None:
        one = entry("a.png")
        store.write([one])
        assert store.knn(ask()).hits
        store.delete(ids([one]))
        assert not store.knn(ask()).hits
        store.write([one])
        assert paths(store.knn(ask())) == ["a.png"]

    def test_many_at_once(self, store: Store) -> None:
        vectors = random_units(2500)
        many = [entry(f"{i:05}.png", v) for i, v in enumerate(vectors)]
        store.write(many)
        assert store.count() == store.knn(ask()).total == 2500
        hashes = [e.picture.content_hash for e in many]
        assert len(store.embeddings_by_content(hashes)) == 2500
        assert len(store.knn(ask(window=Window(0, 2500))).hits) == 2500
        assert store.delete(ids(many)) == 2500
        assert store.count() == store.knn(ask()).total == 0

    def test_embeddings_by_content(self, store: Store) -> None:
        same = [entry(f"{name}.png", unit(1, 1), content="same") for name in "ab"]
        store.write([*same, entry("c.png", unit(0, 1))])
        known = store.embeddings_by_content({same[0].picture.content_hash, "0" * 64})
        assert list(known) == [same[0].picture.content_hash]
        np.testing.assert_allclose(known[same[0].picture.content_hash], unit(1, 1), atol=1e-6)
        assert store.embeddings_by_content([]) == {}

    def test_pictures_by_content(self, store: Store) -> None:
        same = [entry(f"{name}.png", content="same") for name in "ab"]
        store.write([*same, entry("c.png"), entry("d.png")])
        wanted = same[0].picture.content_hash, entry("c.png").picture.content_hash
        known = store.pictures_by_content({*wanted, "0" * 64})
        assert known.keys() == set(wanted)
        assert sorted(p.path for p in known[wanted[0]]) == ["a.png", "b.png"]
        assert known[wanted[1]] == [entry("c.png").picture]
        assert store.pictures_by_content([]) == {}


# By code points, and not as a person would sort.
IN_ORDER = [
    "B.png",
    "a b.png",
    "a!/1.png",
    "a.png",
    "a/1.png",
    "a/Z/2.png",
    "a/z.png",
    "a/é.png",
    "a/雪.png",
    "a/😀.png",
    "a0.png",
    "ab/1.png",
]


class FilesContract:
    def test_the_files_of_a_source_in_order(self, store: Store) -> None:
        others = [entry("a/1.png", source="/other"), entry("a/1.png", source="/pictures/a")]
        store.write([*map(entry, reversed(IN_ORDER)), *others])
        assert [f.path for f in store.files_of(SOURCE)] == IN_ORDER == sorted(IN_ORDER)
        assert [f.path for f in store.files_of(SOURCE, "a")] == IN_ORDER[4:10]
        assert [f.path for f in store.files_of(SOURCE, "a/Z")] == ["a/Z/2.png"]
        assert [f.path for f in store.files_of(SOURCE, "a/z.png")] == ["a/z.png"]
        assert [f.source for f in store.files_of("/other")] == ["/other"]
        for source, within in (("/pic", ""), ("/", ""), (SOURCE, "A"), (SOURCE, "a/1"), ("/none", "a")):
            assert list(store.files_of(source, within)) == []

    def test_what_a_file_is_known_by(self, store: Store) -> None:
        written = picture("a.png", tags=("t",))
        store.write([replace(entry("a.png"), picture=written)])
        assert list(store.files_of(SOURCE)) == [
            FileState(written.id, SOURCE, "a.png", written.size, written.mtime_ns, written.content_hash)
        ]

    def test_many_files_come_page_by_page_while_others_are_written(self, store: Store) -> None:
        """More than a page of either store; what is written behind or before the reader does no harm."""
        paths = [f"{i:05}.png" for i in range(5_200)]
        store.write([entry(path) for path in paths])
        reading = store.files_of(SOURCE)
        seen = [next(reading).path for _ in range(10)]
        store.write([entry("00000.png", unit(0, 1)), entry("05000.png", unit(0, 1))])
        store.delete(ids([entry("00003.png")]))
        seen += [file.path for file in reading]
        assert seen == paths
        assert len(list(store.files_of(SOURCE))) == 5_199

    def test_files_at_or_below_a_folder(self, store: Store) -> None:
        here, elsewhere = ("x/1.png", "x/y/2.png", "xy/3.png"), entry("4.png", source="/other")
        store.write([*map(entry, here), elsewhere])
        assert {f.path for f in store.files("/pictures/x")} == {"x/1.png", "x/y/2.png"}
        assert {f.path for f in store.files("/pictures")} == {"x/1.png", "x/y/2.png", "xy/3.png"}
        assert {f.path for f in store.files("/pictures/x/1.png")} == {"x/1.png"}
        assert len(list(store.files("/"))) == 4
        assert not list(store.files("/pic"))

    def test_wildcards_in_names_are_no_wildcards(self, store: Store) -> None:
        store.write([entry("a%/1.png"), entry("ab/2.png"), entry("a_/3.png"), entry("a*/4.png")])
        assert {f.path for f in store.files("/pictures/a%")} == {"a%/1.png"}
        assert {f.path for f in store.files("/pictures/a_")} == {"a_/3.png"}
        assert {f.path for f in store.files("/pictures/a*")} == {"a*/4.png"}

    def test_a_file_state_says_enough_to_decide(self, store: Store) -> None:
        written = picture("a.png", tags=("t",), date=day("2020-01-01"))
        store.write([replace(entry("a.png"), picture=written)])
        assert list(store.files(SOURCE)) == [written]

    def test_sources_are_those_that_hold_pictures(self, store: Store) -> None:
        b, a = entry("1.png", source="/b"), entry("1.png", source="/a")
        store.write([b, a, entry("2.png", source="/a")])
        assert store.sources() == ["/a", "/b"]
        store.delete(ids([b]))
        assert store.sources() == ["/a"]


class FailuresContract:
    def test_failures_are_remembered_in_order(self, store: Store, reopen: Reopen) -> None:
        some = [failure(path) for path in IN_ORDER]
        store.fail([*reversed(some), failure("a/1.png", source="/other")])
        for one in (store, reopen()):
            assert list(one.failures_of(SOURCE)) == some
            assert list(one.failures_of(SOURCE, "a")) == some[4:10]
            assert [f.source for f in one.failures_of("/other")] == ["/other"]
            assert list(one.failures_of("/none")) == []

    def test_the_last_reasoncounts(self, store: Store) -> None:
        store.fail([failure("a.png", size=1, reason="is empty")])
        store.fail([failure("a.png", size=2, reason="is torn — ‘EOF’")])
        assert list(store.failures_of(SOURCE)) == [failure("a.png", size=2, reason="is torn — ‘EOF’")]

    def test_writing_a_picture_forgets_its_failure(self, store: Store, reopen: Reopen) -> None:
        store.fail([failure("a.png"), failure("b.png"), failure("c.png")])
        store.write([entry("a.png"), entry("d.png")])
        assert [f.path for f in store.failures_of(SOURCE)] == ["b.png", "c.png"]
        other = reopen()
        other.write([entry("b.png")])
        assert [f.path for f in store.failures_of(SOURCE)] == ["c.png"]

    def test_a_failure_of_another_process_is_forgotten_too(self, store: Store, reopen: Reopen) -> None:
        """By a store that has written before, and looked at the failures since."""
        store.write([entry("a.png")])
        reopen().fail([failure("b.png")])
        assert [f.path for f in store.failures_of(SOURCE)] == ["b.png"]
        store.write([entry("b.png")])
        assert list(store.failures_of(SOURCE)) == []

    def test_a_known_picture_may_fail_and_stays(self, store: Store) -> None:
        store.write([entry("a.png")])
        store.fail([failure("a.png")])
        assert [f.path for f in store.failures_of(SOURCE)] == ["a.png"]
        assert store.count() == 1
        assert store.sources() == [SOURCE]

    def test_failures_are_forgiven(self, store: Store) -> None:
        store.fail([failure(f"{i}.png") for i in range(3)])
        given = [failure("0.png").id, failure("2.png").id, "0" * 24]
        assert store.forgive(given) == 2
        assert store.forgive(given) == store.forgive([]) == 0
        assert [f.path for f in store.failures_of(SOURCE)] == ["1.png"]
        store.fail([])

    def test_what_a_load_writes_and_fails_is_seen(self, store: Store) -> None:
        store.adopt(IDENTITY)
        with store.loading():
            store.fail([failure("a.png"), failure("b.png")])
            assert [f.path for f in store.failures_of(SOURCE)] == ["a.png", "b.png"]
            store.write([entry("a.png")])
            assert [f.path for f in store.failures_of(SOURCE)] == ["b.png"]


class ConcurrencyContract:
    def test_a_second_opening_sees_what_the_first_wrote(self, store: Store, reopen: Reopen) -> None:
        other = reopen()
        assert not other.knn(ask()).hits
        one = entry("a.png", unit(1))
        store.write([one])
        assert paths(other.knn(ask())) == ["a.png"]
        store.write([entry("a.png", unit(0, 1)), entry("b.png", unit(1))])
        assert paths(other.knn(ask())) == ["b.png", "a.png"]
        other.delete(ids([one]))
        assert paths(store.knn(ask())) == ["b.png"]

    def test_readers_see_whole_states_while_a_writer_writes(self, store: Store) -> None:
        """Each write adds a pair or takes one away: an odd count would be half a write."""
        halt, wrong = threading.Event(), list[str]()

        def read() -> None:
            while not halt.is_set():
                try:
                    page = store.knn(ask())
                    names = paths(page)
                    if page.total % 2 or len(set(names)) != page.total or store.count() % 2:
                        wrong.append(f"{page.total} {names}")
                except Exception as error:  # noqa: BLE001  # whatever it is, the test must hear of it
                    wrong.append(repr(error))

        readers = [threading.Thread(target=read) for _ in range(4)]
        for reader in readers:
            reader.start()
        for i in range(40):
            both = [entry(f"{i}{side}.png", random_units(1, seed=i)[0]) for side in "ab"]
            store.write(both)
            if i % 3 == 0:
                store.delete(ids(both))
        halt.set()
        for reader in readers:
            reader.join()
        assert not wrong
        assert store.count() == 2 * 26

    def test_writers_in_threads_lose_nothing(self, store: Store) -> None:
        def write(worker: int) -> None:
            for i in range(15):
                store.write([entry(f"{worker}-{i}.png")])

        writers = [threading.Thread(target=write, args=(n,)) for n in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert store.count() == store.knn(ask()).total == 60
