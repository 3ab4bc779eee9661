"""What every store must leave out, and count."""

import numpy as np
import pytest

from imagesearch.fusion import fuse
from imagesearch.places import kilometres
from imagesearch.records import (
    NO_FILTERS,
    FacetCount,
    Facets,
    Filters,
    Near,
    Place,
    Window,
)
from imagesearch.store import Store
from tests.imagesearch.pieces import (
    ALL,
    ask,
    at_angle,
    containing,
    counts,
    day,
    entry,
    ids,
    paths,
    random_units,
)

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


class FacetContract:
    def testcounts(self, store: Store) -> None:
        store.write(ALBUM)
        assert store.facets(NO_FILTERS) == Facets(
            tags=counts(peak=3, snow=3, Snow=1, night=1),
            groups=counts(nature=2, food=1, sport=1),
            authors=counts(Bob=2, Ann=1, ann=1),
            years=(FacetCount("2018", 1), FacetCount("2019", 2), FacetCount("2020", 1)),
            albums=counts(pictures=5),
            formats=counts(PNG=5),
            orientations=counts(landscape=5),
        )

    def test_counts_of_what_the_files_say(self, store: Store) -> None:
        store.write(SHOTS)
        assert store.facets(NO_FILTERS) == Facets(
            colours=counts(blue=2, white=2, red=1),
            cameras=counts(Canon=2, Nikon=1),
            lenses=(FacetCount("50mm", 2),),
            albums=(FacetCount("2019", 2), FacetCount("2019/alps", 1), FacetCount("pictures", 1)),
            formats=counts(JPEG=3, PNG=1),
            orientations=counts(square=2, landscape=1, portrait=1),
            ratings=(FacetCount("-1", 1), FacetCount("0", 1), FacetCount("4", 1)),
            phashes=(FacetCount("f" * 16, 2),),
        )
        facets = store.facets(Filters(formats=("JPEG",), orientations=("square", "portrait")))
        assert facets.colours == counts(blue=1, white=1)
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
        assert facets.tags == counts(snow=2, peak=1)
        assert facets.groups == counts(nature=1, sport=1)
        assert facets.years == (FacetCount("2018", 1), FacetCount("2019", 1))
        assert store.facets(containing("!")) == Facets()

    def test_at_most_size_values(self, store: Store) -> None:
        store.write([entry(f"{i}.png", tags=tuple(f"t{j}" for j in range(i + 1))) for i in range(8)])
        assert store.facets(NO_FILTERS, size=3).tags == counts(t0=8, t1=7, t2=6)

    def test_a_tag_given_twice_counts_once(self, store: Store) -> None:
        store.write([entry("a.png", tags=("t", "t"))])
        assert store.facets(NO_FILTERS).tags == counts(t=1)
