"""How every store must rank, and list where nothing is asked."""

import numpy as np
import pytest

from imagesearch.records import (
    NO_FILTERS,
    Facets,
    Filters,
    Page,
    Window,
)
from imagesearch.store import Store
from tests.imagesearch.pieces import (
    ALL,
    SOURCE,
    ask,
    at_angle,
    day,
    entry,
    ids,
    paths,
    random_units,
)


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
