"""What every store must do. A test module of a store inherits the classes and gives two fixtures.

`store` is an empty store; `reopen` opens the same one once more. Everything goes through the protocol.
"""

import threading
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest

from imagesearch.errors import WrongModel
from imagesearch.fusion import fuse
from imagesearch.places import kilometres
from imagesearch.records import (
    NO_FILTERS,
    FacetCount,
    Facets,
    FileState,
    Filters,
    Metadata,
    ModelIdentity,
    Near,
    Page,
    Place,
    Window,
)
from imagesearch.store import Store
from tests.imagesearch.pieces import (
    ALL,
    IDENTITY,
    SOURCE,
    ask,
    at_angle,
    containing,
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
            tags=_counts(new=1),
            colours=_counts(blue=1),
            albums=_counts(pictures=1),
            formats=_counts(PNG=1),
            orientations=_counts(landscape=1),
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

    def test_the_last_of_equal_ids_counts(self, store: Store) -> None:
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

    def test_the_last_reason_counts(self, store: Store) -> None:
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


class KnnContract:
    def test_nearest_first_with_their_scores(self, store: Store) -> None:
        cosines = [0.5, -1.0, 1.0, 0.0, 0.9]
        store.write([entry(f"{c}.png", at_angle(c)) for c in cosines])
        page = store.knn(ask())
        assert paths(page) == [f"{c}.png" for c in sorted(cosines, reverse=True)]
        expected = [(1 + c) / 2 for c in sorted(cosines, reverse=True)]
        assert [h.score for h in page.hits] == pytest.approx(expected, abs=1e-6)
        assert all(h.score is not None and 0 <= h.score <= 1 for h in page.hits)

    def test_agrees_with_numpy(self, store: Store) -> None:
        vectors, queries = random_units(300, seed=1), random_units(5, seed=2)
        store.write([entry(f"{i:03}.png", v) for i, v in enumerate(vectors)])
        for query in queries:
            best = np.argsort(-(vectors @ query))[:20]
            assert paths(store.knn(ask(query, Window(0, 20)))) == [f"{i:03}.png" for i in best]

    def test_equal_scores_are_ordered_by_id(self, store: Store) -> None:
        same = [entry(f"{i}.png", at_angle(0.3)) for i in range(40)]
        store.write(same)
        assert [h.picture.id for h in store.knn(ask()).hits] == sorted(ids(same))

    def test_k_ends_the_ranking(self, store: Store) -> None:
        store.write([entry(f"{i}.png", at_angle(i / 10)) for i in range(10)])
        page = store.knn(ask(k=3))
        assert paths(page) == ["9.png", "8.png", "7.png"]
        assert (page.total, page.reachable) == (10, 3)
        assert paths(store.knn(ask(k=3, window=Window(2, 5)))) == ["7.png"]
        assert not store.knn(ask(k=3, window=Window(3, 5))).hits
        assert store.knn(ask(k=500)).reachable == 10

    def test_k_takes_the_smallest_ids_of_a_tie(self, store: Store) -> None:
        same = [entry(f"{i}.png") for i in range(30)]
        store.write(same)
        assert [h.picture.id for h in store.knn(ask(k=7)).hits] == sorted(ids(same))[:7]

    def test_num_candidates_is_taken(self, store: Store) -> None:
        store.write([entry(f"{i}.png", at_angle(i / 10)) for i in range(10)])
        assert paths(store.knn(ask(k=2, num_candidates=10))) == ["9.png", "8.png"]

    def test_similarity_is_the_least_cosine(self, store: Store) -> None:
        store.write([entry(f"{c}.png", at_angle(c)) for c in (0.9, 0.5, 0.1, -0.5)])
        page = store.knn(ask(similarity=0.3))
        assert paths(page) == ["0.9.png", "0.5.png"]
        assert (page.total, page.reachable) == (4, 2)
        assert store.knn(ask(similarity=-1)).reachable == 4
        assert store.knn(ask(similarity=0.95)).reachable == 0

    def test_paging_reaches_the_last_without_repeat_or_gap(self, store: Store) -> None:
        vectors = [random_units(6, seed=3)[i % 6] for i in range(103)]
        store.write([entry(f"{i}.png", v) for i, v in enumerate(vectors)])
        whole = paths(store.knn(ask()))
        for limit in (1, 7, 10, 103):
            pages = [store.knn(ask(window=Window(o, limit))) for o in range(0, 103, limit)]
            assert [p for page in pages for p in paths(page)] == whole
            assert {(page.total, page.reachable) for page in pages} == {(103, 103)}
        assert len(set(whole)) == 103
        beyond = store.knn(ask(window=Window(103, 10)))
        assert (beyond.hits, beyond.total) == ((), 103)
        assert not store.knn(ask(window=Window(10**12, 10))).hits

    def test_a_long_window_begins_as_a_short_one(self, store: Store) -> None:
        vectors = [random_units(5, seed=4)[i % 5] for i in range(60)]
        store.write([entry(f"{i}.png", v) for i, v in enumerate(vectors)])
        top = [h.picture.id for h in store.knn(ask(window=Window(0, 30))).hits]
        for limit in range(1, 30):
            assert [h.picture.id for h in store.knn(ask(window=Window(0, limit))).hits] == top[:limit]

    def test_a_filter_for_one_in_a_thousand_still_gives_k(self, store: Store) -> None:
        far = [entry(f"far{i}.png", at_angle(-0.9), group="rare") for i in range(3)]
        near = [entry(f"near{i}.png", at_angle(0.9)) for i in range(2997)]
        store.write([*near, *far])
        page = store.knn(ask(k=3, num_candidates=3, filters=Filters(groups=("rare",))))
        assert {h.picture.id for h in page.hits} == set(ids(far))
        assert (page.total, page.reachable) == (3, 3)


ALBUM = [
    entry("1.png", tags=("snow", "peak"), group="nature", author="Ann", date=day("2018-05-05")),
    entry("2.png", tags=("snow",), group="sport", author="Bob", date=day("2019-01-01")),
    entry("3.png", tags=("peak", "Snow"), group="nature", author="Bob", date=day("2019-12-31")),
    entry("4.png", tags=("snow", "peak", "night")),
    entry("5.png", group="food", author="ann", date=day("2020-02-29")),
]

CASES = [
    (Filters(), "12345"),
    (Filters(tags=("snow",)), "124"),
    (Filters(tags=("snow", "peak")), "14"),
    (Filters(tags=("snow", "peak", "night")), "4"),
    (Filters(tags=("snow", "none")), ""),
    (Filters(groups=("nature",)), "13"),
    (Filters(groups=("nature", "food", "none")), "135"),
    (Filters(authors=("Bob",)), "23"),
    (Filters(authors=("Ann", "ann")), "15"),
    (Filters(date_from=day("2019-01-01")), "235"),
    (Filters(date_to=day("2019-01-01")), "12"),
    (Filters(date_from=day("2019-01-01"), date_to=day("2019-12-31")), "23"),
    (Filters(date_from=day("2019-01-01"), date_to=day("2019-01-01")), "2"),
    (Filters(without=(ALBUM[0].picture.id, ALBUM[4].picture.id, "0" * 24)), "234"),
    (Filters(words="snow peak"), "134"),
    (Filters(tags=("peak",), groups=("nature",), authors=("Bob",), date_from=day("2019-06-01")), "3"),
    (Filters(tags=("snow",), words="2 png", date_to=day("2019-06-01")), "2"),
    (Filters(groups=("nature",), authors=("Ann",), without=(ALBUM[0].picture.id,)), ""),
    (Filters(tags=("' OR 1=1 --",)), ""),
    (Filters(words="\" OR tokens:* NEAR(a, b) -snow ' ) ("), ""),
]


SHOTS = [
    entry(
        "2019/1.jpg",
        name="1",
        width=300,
        height=200,
        format="JPEG",
        colours=("blue", "white"),
        camera="Canon",
        lens="50mm",
        rating=4,
        phash="f" * 16,
    ),
    entry(
        "2019/2.png",
        name="2",
        width=100,
        height=104,
        colours=("red",),
        camera="Nikon",
        lens="50mm",
        rating=-1,
        phash="f" * 16,
    ),
    entry("2019/alps/3.jpg", name="3", width=200, height=300, format="JPEG", colours=("white",), rating=0),
    entry(
        "4.jpg",
        name="4",
        width=100,
        height=100,
        format="JPEG",
        colours=("blue",),
        camera="Canon",
        phash="0" * 16,
    ),
]

SHOT_CASES = [
    (Filters(colours=("blue",)), "14"),
    (Filters(colours=("blue", "white")), "1"),
    (Filters(colours=("blue", "red")), ""),
    (Filters(cameras=("Canon",)), "14"),
    (Filters(cameras=("Nikon", "Canon")), "124"),
    (Filters(lenses=("50mm",)), "12"),
    (Filters(albums=("2019",)), "12"),
    (Filters(albums=("2019/alps", "pictures")), "34"),
    (Filters(formats=("PNG",)), "2"),
    (Filters(formats=("PNG", "JPEG")), "1234"),
    (Filters(orientations=("portrait",)), "3"),
    (Filters(orientations=("square", "landscape")), "124"),
    (Filters(phashes=("f" * 16,)), "12"),
    (Filters(phashes=("f" * 16, "0" * 16)), "124"),
    (Filters(rating=-1), "123"),
    (Filters(rating=0), "13"),
    (Filters(rating=4), "1"),
    (Filters(rating=5), ""),
    (Filters(colours=("white",), cameras=("Canon",), rating=1, albums=("2019",), formats=("JPEG",)), "1"),
]

PLACES = {
    "bern": Place(46.948, 7.4474),
    "thun": Place(46.758, 7.628),
    "sydney": Place(-33.8568, 151.2153),
    "fiji": Place(-17.0, 179.99),
    "taveuni": Place(-17.0, -179.99),
    "pole": Place(90.0, 0.0),
    "ice": Place(89.9, 135.0),
}
# Bern and Thun are 25.2 km apart, Fiji's two sides of the 180th meridian 2.1 km.
AROUND = [
    (PLACES["bern"], 0.001, {"bern"}),
    (PLACES["bern"], 25, {"bern"}),
    (PLACES["bern"], 25.5, {"bern", "thun"}),
    (PLACES["bern"], 20_040, set(PLACES)),
    (Place(46.9, 7.5), 30, {"bern", "thun"}),
    (PLACES["fiji"], 3, {"fiji", "taveuni"}),
    (PLACES["taveuni"], 3, {"fiji", "taveuni"}),
    (Place(-17.0, 180.0), 2, {"fiji", "taveuni"}),
    (Place(-17.0, -180.0), 2, {"fiji", "taveuni"}),
    (Place(90.0, -77.0), 12, {"pole", "ice"}),
    (PLACES["ice"], 12, {"pole", "ice"}),
    (Place(0.0, 0.0), 100, set()),
]


class FilterContract:
    @pytest.mark.parametrize(("filters", "passing"), CASES)
    def test_filters(self, store: Store, filters: Filters, passing: str) -> None:
        store.write(ALBUM)
        found = store.knn(ask(filters=filters))
        assert sorted(paths(found)) == [f"{n}.png" for n in passing]
        assert found.total == found.reachable == store.count(filters) == len(passing)
        browsed = store.browse(filters, ALL)
        assert sorted(paths(browsed)) == [f"{n}.png" for n in passing]
        assert browsed.total == browsed.reachable == len(passing)

    def test_filters_do_not_see_what_was_removed(self, store: Store) -> None:
        store.write(ALBUM)
        store.delete(ids(ALBUM[:1]))
        assert sorted(paths(store.knn(ask(filters=Filters(tags=("peak",)))))) == ["3.png", "4.png"]

    @pytest.mark.parametrize(("filters", "passing"), SHOT_CASES)
    def test_filters_of_what_the_files_say(self, store: Store, filters: Filters, passing: str) -> None:
        store.write(SHOTS)
        for page in (store.knn(ask(filters=filters)), store.browse(filters, ALL)):
            assert sorted(h.picture.name for h in page.hits) == list(passing)
            assert page.total == len(passing)
        assert store.count(filters) == len(passing)

    @pytest.mark.parametrize(("place", "km", "found"), AROUND)
    def test_near(self, store: Store, place: Place, km: float, found: set[str]) -> None:
        store.write([entry(f"{name}.png", place=at) for name, at in PLACES.items()])
        store.write([entry("nowhere.png")])
        page = store.browse(Filters(near=Near(place, km)), ALL)
        assert {hit.picture.name for hit in page.hits} == found

    def test_near_agrees_with_the_distance_everywhere(self, store: Store) -> None:
        """At random over the Earth, its poles and its date line among it."""
        random = np.random.default_rng(5)
        degrees = zip(random.uniform(-90, 90, 300), random.uniform(-180, 180, 300), strict=True)
        places = [Place(float(lat), float(lon)) for lat, lon in degrees]
        store.write([entry(f"{i:03}.png", place=place) for i, place in enumerate(places)])
        for place in (*places[:5], Place(90, 0), Place(-89.5, 120), Place(0, 180), Place(10, -179.9)):
            for km in (500.0, 3_000.0, 12_000.0, 20_040.0):
                near = (kilometres(place.latitude, place.longitude, p.latitude, p.longitude) for p in places)
                expected = [f"{i:03}.png" for i, far in enumerate(near) if far <= km]
                assert sorted(paths(store.browse(Filters(near=Near(place, km)), ALL))) == expected

    @pytest.mark.parametrize(
        ("name", "words", "found"),
        [
            ("雪山", "雪", True),
            ("雪山", "山", True),
            ("雪山", "雪山", True),
            ("雪山", "山雪", False),
            ("雪と山", "雪山", False),
            ("雪と山", "雪 山", True),
            ("富士山の雪景色", "雪景", True),
            ("アン・リー", "リー", True),
            ("アン・リー", "アンリー", True),
            ("ｶﾒﾗ", "カメラ", True),
            ("ガラス", "カラス", False),
            ("ภูเขาหิมะ", "หิมะ", True),
            ("ภูเขาหิมะ", "เขา", True),
            ("ภูเขาหิมะ", "มะหิ", False),
            ("हिमालय पर्वत", "हिमालय", True),
            ("हिमालय पर्वत", "पर्वत", True),
            ("हिमालय पर्वत", "हमलय", False),
            ("설산 풍경", "설산", True),
            ("Żółć Ångström", "zółc angstrom", True),
            ("cafe\u0301", "CAFÉ", True),
            ("Straße", "STRASSE", True),
            ("МОСКВА", "москва", True),
            ("ΣΊΣΥΦΟΣ", "σίσυφος", True),
            ("שָׁלוֹם", "שלום", True),
            ("IMG_2019-07-01", "img 2019", True),
            ("Snowy peak", "peak snowy", True),
            ("Snowy peak", "snow", False),
            ("𠮷野家", "𠮷", True),
            ("rock'n'roll", "rock", True),
            ("plain", "!?", False),
            ("plain", "・", False),
            ("plain", '"', False),
            ("plain", " \t", False),
            ("雪・山", "雪 ・", True),
        ],
    )
    def test_words_in_names(self, store: Store, name: str, words: str, found: bool) -> None:
        store.write([entry("x.png", name=name), entry("y.png", name="zzz")])
        assert paths(store.browse(containing(words), ALL)) == (["x.png"] if found else [])

    def test_words_look_at_names_captions_tags_and_paths_together(self, store: Store) -> None:
        store.write([entry("holiday/夏.png", name="beach", tags=("volleyball",), caption="A Sunny day.")])
        asked = (
            "beach",
            "volleyball",
            "holiday",
            "夏",
            "PNG",
            "sunny DAY",
            "beach volleyball holiday 夏 sunny",
        )
        for words in asked:
            assert store.count(containing(words)) == 1
        assert store.count(containing("beach ball")) == 0

    def test_a_phrase_does_not_reach_across_tags(self, store: Store) -> None:
        store.write([entry("x.png", name="雪", caption="山", tags=("雪", "山"))])
        assert store.count(containing("雪山")) == 0
        assert store.count(containing("雪 山")) == 1

    def test_a_file_name_counts_when_there_is_a_given_name(self, store: Store) -> None:
        store.write([entry("dsc0042.jpg", name="Sunset")])
        assert store.count(containing("dsc0042")) == store.count(containing("sunset")) == 1


class ContainingContract:
    def test_pictures_with_more_of_the_words_come_first(self, store: Store) -> None:
        some = [
            entry("1.png", name="red fox", tags=("animal",)),
            entry("2.png", name="fox"),
            entry("3.png", name="雪山"),
            entry("4.png", name="whale"),
            entry("animal/5.png", name="other"),
        ]
        store.write(some)
        by_id = {e.picture.id: e.picture.path for e in some}

        def found(words: str, filters: Filters = NO_FILTERS, size: int = 10) -> list[str]:
            return [by_id[id] for id in store.containing(words, filters, size)]

        assert found("red fox") == ["1.png", "2.png"]
        assert found("red fox", size=1) == ["1.png"]
        assert found("red fox", Filters(without=(some[0].picture.id,))) == ["2.png"]
        assert sorted(found("animal")) == ["1.png", "animal/5.png"]
        assert found("雪 whale nothing", Filters(tags=("animal",))) == []
        assert sorted(found("雪 whale nothing")) == ["3.png", "4.png"]
        assert found("!?") == []

    def test_captions_count(self, store: Store) -> None:
        some = [entry("1.png", caption="a fox in the snow"), entry("2.png", caption="a fox on a meadow")]
        store.write([*some, entry("3.png")])
        assert set(store.containing("fox", NO_FILTERS, 10)) == set(ids(some))
        assert store.containing("fox snow", NO_FILTERS, 10)[0] == some[0].picture.id

    def test_embeddings_of_several(self, store: Store) -> None:
        some = [entry(f"{i}.png", v) for i, v in enumerate(random_units(5))]
        store.write(some)
        found = store.embeddings([*ids(some[:3]), "0" * 24])
        assert sorted(found) == sorted(ids(some[:3]))
        for one in some[:3]:
            np.testing.assert_allclose(found[one.picture.id], one.embedding, atol=1e-6)
        assert store.embeddings([]) == {}

    def test_a_fused_ranking_has_both_and_pages_through_them(self, store: Store) -> None:
        """The nearest four, and those of the word that lie far away."""
        near = [entry(f"near{i}.png", at_angle(0.9 - i / 1000)) for i in range(300)]
        named = [entry(f"named{i}.png", at_angle(-0.5), name="fox") for i in range(3)]
        store.write([*near, *named])
        page = fuse(store, ask(window=Window(0, 1000)), "fox")
        found = paths(page)
        assert set(found[:6]) == {p.picture.path for p in (*near[:3], *named)}
        assert (page.total, page.reachable, len(found)) == (303, 203, 203)
        scores = {hit.picture.path: hit.score for hit in page.hits}
        assert scores["named1.png"] == pytest.approx(0.25, abs=1e-5)
        assert scores["near0.png"] == pytest.approx(0.95, abs=1e-5)
        pages = [fuse(store, ask(window=Window(o, 50)), "fox") for o in range(0, 250, 50)]
        assert [path for page in pages for path in paths(page)] == found
        cut = fuse(store, ask(k=4, similarity=0.0), "fox")
        assert paths(cut) == [f"near{i}.png" for i in range(4)]


class BrowseContract:
    def test_newest_first_those_without_a_date_last_then_by_path_and_id(self, store: Store) -> None:
        store.write(
            [
                entry("b.png", date=day("2019-01-01")),
                entry("a.png", date=day("2019-01-01")),
                entry("z.png", date=day("2020-01-01")),
                entry("old.png", date=day("0987-01-01")),
                entry("B.png"),
                entry("a0.png"),
                entry("same.png", source="/p"),
                entry("same.png", source="/q"),
            ]
        )
        page = store.browse(NO_FILTERS, ALL)
        expected = ["z.png", "a.png", "b.png", "old.png", "B.png", "a0.png", "same.png", "same.png"]
        assert paths(page) == expected
        twins = [h.picture.id for h in page.hits[-2:]]
        assert twins == sorted(twins)
        assert all(h.score is None for h in page.hits)

    def test_paging(self, store: Store) -> None:
        store.write([entry(f"{i}.png", date=day(f"20{i % 3 + 10}-01-01")) for i in range(50)])
        whole = paths(store.browse(NO_FILTERS, ALL))
        pages = [store.browse(NO_FILTERS, Window(o, 7)) for o in range(0, 56, 7)]
        assert [p for page in pages for p in paths(page)] == whole
        assert len(set(whole)) == 50
        assert {page.total for page in pages} == {50}


class FacetContract:
    def test_counts(self, store: Store) -> None:
        store.write(ALBUM)
        assert store.facets(NO_FILTERS) == Facets(
            tags=_counts(peak=3, snow=3, Snow=1, night=1),
            groups=_counts(nature=2, food=1, sport=1),
            authors=_counts(Bob=2, Ann=1, ann=1),
            years=(FacetCount("2018", 1), FacetCount("2019", 2), FacetCount("2020", 1)),
            albums=_counts(pictures=5),
            formats=_counts(PNG=5),
            orientations=_counts(landscape=5),
        )

    def test_counts_of_what_the_files_say(self, store: Store) -> None:
        store.write(SHOTS)
        assert store.facets(NO_FILTERS) == Facets(
            colours=_counts(blue=2, white=2, red=1),
            cameras=_counts(Canon=2, Nikon=1),
            lenses=(FacetCount("50mm", 2),),
            albums=(FacetCount("2019", 2), FacetCount("2019/alps", 1), FacetCount("pictures", 1)),
            formats=_counts(JPEG=3, PNG=1),
            orientations=_counts(square=2, landscape=1, portrait=1),
            ratings=(FacetCount("-1", 1), FacetCount("0", 1), FacetCount("4", 1)),
            phashes=(FacetCount("f" * 16, 2),),
        )
        facets = store.facets(Filters(formats=("JPEG",), orientations=("square", "portrait")))
        assert facets.colours == _counts(blue=1, white=1)
        assert facets.phashes == ()
        assert facets.albums == (FacetCount("2019/alps", 1), FacetCount("pictures", 1))

    def test_only_what_is_asked_for_is_counted(self, store: Store) -> None:
        store.write(SHOTS)
        for filters in (NO_FILTERS, Filters(rating=-1)):
            everything = store.facets(filters)
            some = store.facets(filters, kinds=("cameras", "ratings"))
            assert some == Facets(cameras=everything.cameras, ratings=everything.ratings)
        assert store.facets(NO_FILTERS, kinds=()) == Facets()

    def test_counts_follow_the_filters(self, store: Store) -> None:
        store.write(ALBUM)
        facets = store.facets(Filters(tags=("snow",), date_from=day("2018-01-01")))
        assert facets.tags == _counts(snow=2, peak=1)
        assert facets.groups == _counts(nature=1, sport=1)
        assert facets.years == (FacetCount("2018", 1), FacetCount("2019", 1))
        assert store.facets(containing("!")) == Facets()

    def test_at_most_size_values(self, store: Store) -> None:
        store.write([entry(f"{i}.png", tags=tuple(f"t{j}" for j in range(i + 1))) for i in range(8)])
        assert store.facets(NO_FILTERS, size=3).tags == _counts(t0=8, t1=7, t2=6)

    def test_a_tag_given_twice_counts_once(self, store: Store) -> None:
        store.write([entry("a.png", tags=("t", "t"))])
        assert store.facets(NO_FILTERS).tags == _counts(t=1)


def _counts(**values: int) -> tuple[FacetCount, ...]:
    return tuple(FacetCount(value, n) for value, n in values.items())


class EmptyContract:
    def test_everything_can_be_asked(self, store: Store) -> None:
        nothing = Page(hits=(), total=0, reachable=0)
        assert store.knn(ask()) == store.knn(ask(k=5, similarity=0.5)) == nothing
        assert store.knn(ask(filters=Filters(tags=("a",), words="b"))) == nothing
        assert store.browse(NO_FILTERS, ALL) == nothing
        assert store.facets(NO_FILTERS) == Facets()
        assert store.count() == store.delete(["0" * 24]) == 0
        assert store.get("0" * 24) is None
        assert store.embedding("0" * 24) is None
        assert not list(store.files("/"))
        assert not store.sources()
        assert not list(store.files_of(SOURCE))
        assert not list(store.failures_of(SOURCE))
        assert store.pictures_by_content(["0" * 64]) == {}
        assert store.forgive(["0" * 24]) == 0
        store.write([])
        assert store.count() == 0


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


class StoreContract(
    ModelContract,
    WritingContract,
    FilesContract,
    FailuresContract,
    KnnContract,
    FilterContract,
    ContainingContract,
    BrowseContract,
    FacetContract,
    EmptyContract,
    ConcurrencyContract,
):
    """All of it."""
