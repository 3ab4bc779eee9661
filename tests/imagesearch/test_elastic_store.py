"""What the store in Elasticsearch does beside the contract, on a real node."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import get_args

import numpy as np
import pytest
import requests
from elasticsearch import Elasticsearch
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import run_state_machine_as_test

from imagesearch.config import IndexType, Settings
from imagesearch.elastic import ElasticStore, IndexPlan, begin, connect, open_elastic, versions
from imagesearch.elastic.mapping import CANDIDATES, FAILURES_FILE, index_body
from imagesearch.errors import StoreReadOnly, StoreUnavailable
from imagesearch.records import NO_FILTERS, FacetCount, Filters, Metadata, Near, Place, Window
from imagesearch.store import Store
from tests.elastic import make_older_index
from tests.imagesearch.pieces import (
    ALL,
    DIMS,
    IDENTITY,
    SOURCE,
    ask,
    at_angle,
    day,
    entry,
    failure,
    ids,
    paths,
    random_units,
    unit,
)
from tests.imagesearch.store_model import machine

Open = Callable[..., ElasticStore]


@pytest.fixture
def open_(elastic_url: str, fresh_index: str) -> Iterator[Open]:
    """Opens the same, at first empty, store, with settings as given."""
    with ExitStack() as stack:

        def opened(**given: object) -> ElasticStore:
            settings = Settings(_env_file=None, store=elastic_url, index=fresh_index, **given)  # type: ignore[call-arg, arg-type]
            return stack.enter_context(open_elastic(elastic_url, settings))

        yield opened


@pytest.fixture
def es(elastic_url: str) -> Iterator[Elasticsearch]:
    """A client of the tests' own, to look past the store."""
    with Elasticsearch(elastic_url) as client:
        yield client


def index_settings(es: Elasticsearch, alias: str) -> dict[str, str]:
    ((_, found),) = es.indices.get_settings(index=alias).body.items()
    settings: dict[str, str] = found["settings"]["index"]
    return settings


class TestIndex:
    @pytest.mark.parametrize("kind", get_args(IndexType))
    def test_scores_are_exact_whatever_the_graph_holds(
        self, open_: Open, es: Elasticsearch, fresh_index: str, kind: IndexType
    ) -> None:
        vectors = random_units(400, dims=64, seed=5)
        with open_(index_type=kind) as store:
            store.write([entry(f"{i:03}.png", v) for i, v in enumerate(vectors)])
            page = store.knn(ask(vectors[7], Window(0, 10), num_candidates=400))
        mapping = es.indices.get_mapping(index=fresh_index).body[f"{fresh_index}-000001"]
        assert mapping["mappings"]["properties"]["image_embedding"]["index_options"]["type"] == kind
        best = np.argsort(-(vectors @ vectors[7]))[:10]
        assert paths(page) == [f"{i:03}.png" for i in best]
        expected = (1 + vectors[best] @ vectors[7]) / 2
        assert [h.score for h in page.hits] == pytest.approx(expected, abs=1e-5)

    def test_shards_and_replicas_as_set(self, open_: Open, es: Elasticsearch, fresh_index: str) -> None:
        store = open_(shards=3, replicas=0)
        store.write([entry(f"{i}.png", at_angle(i / 50)) for i in range(50)])
        found = index_settings(es, fresh_index)
        assert (found["number_of_shards"], found["number_of_replicas"]) == ("3", "0")
        assert paths(store.knn(ask())) == [f"{i}.png" for i in reversed(range(50))]

    def test_vectors_are_not_kept_twice(self, open_: Open, es: Elasticsearch, fresh_index: str) -> None:
        one = entry("a.png")
        open_().write([one])
        assert "image_embedding" not in es.get(index=fresh_index, id=one.picture.id)["_source"]

    def test_an_unknown_field_is_refused(self, open_: Open, es: Elasticsearch, fresh_index: str) -> None:
        open_().write([entry("a.png")])
        refused = es.options(ignore_status=400).index(index=fresh_index, document={"imagename": "typo"})
        assert refused["error"]["type"] == "strict_dynamic_mapping_exception"

    def test_an_index_that_is_not_ours_is_refused(
        self, open_: Open, es: Elasticsearch, fresh_index: str
    ) -> None:
        es.indices.create(index=f"{fresh_index}-000001", aliases={fresh_index: {}})
        with pytest.raises(StoreUnavailable, match=r"not one that this program made.*INDEX"):
            open_().identity()

    def test_an_alias_of_two_indices_is_refused(
        self, open_: Open, es: Elasticsearch, fresh_index: str
    ) -> None:
        for number in (1, 2):
            es.indices.create(index=f"{fresh_index}-00000{number}", aliases={fresh_index: {}})
        with pytest.raises(StoreUnavailable, match="names 2 indices"):
            open_().knn(ask())

    def test_the_model_is_in_the_mapping(self, open_: Open, es: Elasticsearch, fresh_index: str) -> None:
        open_().adopt(IDENTITY)
        ((_, found),) = es.indices.get_mapping(index=fresh_index).body.items()
        assert found["mappings"]["_meta"]["model"] == {
            "name": "tiny",
            "dims": 8,
            "fingerprint": "f" * 64,
            "reference": "",
        }


@pytest.fixture
def older_index(elastic_url: str, fresh_index: str) -> str:
    """The alias of an index as the first version of this program made it, with a picture in it."""
    old = entry("alps/old.png", name="old", tags=("t",), group="g", date=day("2019-01-01"))
    make_older_index(elastic_url, fresh_index, old)
    return fresh_index


class TestOlderIndices:
    @pytest.mark.usefixtures("older_index")
    def test_they_are_read(self, open_: Open) -> None:
        store = open_()
        (old,) = [hit.picture for hit in store.knn(ask()).hits]
        assert old.metadata == Metadata("old", ("t",), "g", date=day("2019-01-01"))
        assert old.given == Metadata("old", ("t",), "g")
        assert store.count(Filters(words="old alps")) == store.count(Filters(formats=("PNG",))) == 1
        assert store.count(Filters(colours=("red",), rating=1)) == 0
        assert store.count(Filters(near=Near(Place(0, 0), 1))) == 0
        assert store.facets(NO_FILTERS).tags == (FacetCount("t", 1),)
        assert store.facets(NO_FILTERS).cameras == ()
        assert [f.path for f in store.files_of(SOURCE)] == ["alps/old.png"]

    def test_the_first_write_brings_them_up_to_date(
        self, open_: Open, es: Elasticsearch, older_index: str
    ) -> None:
        store = open_()
        new = entry("new.png", caption="a red fox", rating=3, camera="Canon", given=Metadata(rating=3))
        store.write([new])
        ((_, found),) = es.indices.get_mapping(index=older_index).body.items()
        wanted = index_body(IndexPlan(), DIMS, meta={})["mappings"]["properties"]
        assert found["mappings"]["properties"].keys() == wanted.keys()
        assert found["mappings"]["dynamic"] == "strict"
        assert found["mappings"]["_meta"]["version"] == 1
        assert store.get(new.picture.id) == new.picture
        assert paths(store.browse(Filters(words="fox", rating=2, cameras=("Canon",)), ALL)) == ["new.png"]

    def test_a_rebuild_completes_their_pictures(
        self, open_: Open, elastic_url: str, older_index: str
    ) -> None:
        settings = Settings(_env_file=None, store=elastic_url, index=older_index)  # type: ignore[call-arg]
        client = connect(settings, elastic_url)
        rebuild = begin(client, older_index, IndexPlan(), None)
        for waiting in rebuild.waiting():
            rebuild.add(waiting)
        rebuild.finish()
        rebuild.check(0, copied=True)
        rebuild.swap()
        client.close()
        assert open_().count(Filters(albums=("alps",), orientations=("landscape",))) == 1


class TestFailures:
    def test_their_index_is_made_at_first_use_with_its_mapping(
        self, open_: Open, es: Elasticsearch, fresh_index: str
    ) -> None:
        store = open_()
        store.write([entry("a.png")])
        assert list(store.failures_of(SOURCE)) == []
        assert not es.indices.exists(index=f"{fresh_index}-failures")
        store.fail([failure("b.png")])
        ((_, found),) = es.indices.get_mapping(index=f"{fresh_index}-failures").body.items()
        wanted = json.loads(FAILURES_FILE.read_text())["mappings"]
        assert found["mappings"] == wanted
        assert store.sources() == [SOURCE]
        assert store.count() == 1
        assert versions.names(store._client, fresh_index) == [f"{fresh_index}-000001"]

    def test_loads_pay_for_them_once(self, open_: Open, es: Elasticsearch, fresh_index: str) -> None:
        """Told by the number of bulk requests that the index of failures has seen."""
        store = open_()
        store.fail([failure("bad.png")])
        before = _bulks(es, fresh_index)
        for i in range(5):
            store.write([entry(f"{i}.png")])
        assert _bulks(es, fresh_index) == before
        store.write([entry("bad.png")])
        assert _bulks(es, fresh_index) == before + 1

    def test_they_are_found_whatever_was_refreshed(
        self, open_: Open, es: Elasticsearch, fresh_index: str
    ) -> None:
        store = open_()
        store.fail([failure("a.png")])
        es.indices.put_settings(index=f"{fresh_index}-failures", settings={"refresh_interval": "-1"})
        store.fail([failure("b.png")])
        assert [f.path for f in open_().failures_of(SOURCE)] == ["a.png", "b.png"]
        store.forgive([failure("a.png").id])
        assert [f.path for f in open_().failures_of(SOURCE)] == ["b.png"]


def _bulks(es: Elasticsearch, alias: str) -> int:
    stats = es.indices.stats(index=f"{alias}-failures", metric="bulk")
    total: int = stats["_all"]["primaries"]["bulk"]["total_operations"]
    return total


class TestLoading:
    def test_settings_are_tuned_and_restored(self, open_: Open, es: Elasticsearch, fresh_index: str) -> None:
        store = open_()
        store.adopt(IDENTITY)
        before = index_settings(es, fresh_index)
        with store.loading():
            assert index_settings(es, fresh_index)["refresh_interval"] == "-1"
            store.write([entry("a.png")])
            assert store.count() == 0
            with store.loading(alone=True):
                assert index_settings(es, fresh_index)["number_of_replicas"] == "0"
        after = index_settings(es, fresh_index)
        assert after["refresh_interval"] == before["refresh_interval"] == "5s"
        assert after["auto_expand_replicas"] == before["auto_expand_replicas"] == "0-1"
        assert store.count() == 1

    def test_settings_are_restored_after_an_error(
        self, open_: Open, es: Elasticsearch, fresh_index: str
    ) -> None:
        store = open_()
        store.adopt(IDENTITY)
        with pytest.raises(KeyboardInterrupt), store.loading():
            raise KeyboardInterrupt
        assert index_settings(es, fresh_index)["refresh_interval"] == "5s"

    def test_the_next_load_restores_what_a_crash_left(
        self, open_: Open, es: Elasticsearch, fresh_index: str
    ) -> None:
        crashed = open_()
        crashed.adopt(IDENTITY)
        crashed.loading().__enter__()
        crashed.write([entry("a.png")])
        store = open_()
        with store.loading():
            assert [f.path for f in store.files("/")] == ["a.png"]
        assert index_settings(es, fresh_index)["refresh_interval"] == "5s"

    def test_an_index_that_is_made_while_loading_is_tuned_too(
        self, open_: Open, es: Elasticsearch, fresh_index: str
    ) -> None:
        store = open_()
        with store.loading():
            store.write([entry("a.png")])
            assert index_settings(es, fresh_index)["refresh_interval"] == "-1"
        assert index_settings(es, fresh_index)["refresh_interval"] == "5s"
        assert store.count() == 1


class TestPages:
    def test_a_session_neither_repeats_nor_skips_while_pictures_come_and_go(self, open_: Open) -> None:
        store = open_()
        store.write([entry(f"{i:03}.png", at_angle(1 - i / 500)) for i in range(300)])
        seen = paths(store.knn(ask(window=Window(0, 50))))
        store.write([entry(f"new{i}.png", at_angle(0.999)) for i in range(40)])
        store.delete(ids([entry("060.png")]))
        for offset in range(50, 200, 50):
            seen += paths(store.knn(ask(window=Window(offset, 50))))
        assert len(seen) == len(set(seen)) == 199
        before = [path for path in seen if not path.startswith("new")]
        assert before == [f"{i:03}.png" for i in range(len(before) + 1) if i != 60]
        anew = paths(store.knn(ask(window=Window(0, 60))))
        assert sum(path.startswith("new") for path in anew) == 40

    def test_pages_go_on_beyond_the_first_candidates(self, open_: Open) -> None:
        store = open_()
        count = CANDIDATES["int8_hnsw"] * 3
        vectors = random_units(count, seed=9)
        store.write([entry(f"{i:04}.png", v) for i, v in enumerate(vectors)])
        pages = [store.knn(ask(window=Window(o, 100))) for o in range(0, count, 100)]
        seen = [p for page in pages for p in paths(page)]
        assert len(seen) == len(set(seen)) == count
        assert {page.total for page in pages} == {page.reachable for page in pages} == {count}

    def test_another_process_goes_on_where_the_first_was(self, open_: Open) -> None:
        vectors = random_units(90, seed=3)
        first, second = open_(), open_()
        first.write([entry(f"{i:02}.png", v) for i, v in enumerate(vectors)])
        whole = paths(first.knn(ask()))
        assert paths(first.knn(ask(window=Window(0, 30)))) == whole[:30]
        assert paths(second.knn(ask(window=Window(30, 60)))) == whole[30:]

    def test_it_ends_at_its_reach(self, open_: Open) -> None:
        store = open_()
        store.write([entry("a.png")])
        assert store.capabilities.reach == 10_000
        for page in (
            store.knn(ask(window=Window(10_000, 24))),
            store.browse(NO_FILTERS, Window(10_000, 24)),
            store.browse(NO_FILTERS, Window(10**9, 24)),
        ):
            assert (page.hits, page.total) == ((), 1)
        assert paths(store.browse(NO_FILTERS, Window(0, 10_500))) == ["a.png"]


class TestWriting:
    def test_a_block_is_named(self, open_: Open, es: Elasticsearch, fresh_index: str) -> None:
        store = open_(elasticsearch_patience=0.2)
        store.write([entry("a.png")])
        es.indices.add_block(index=f"{fresh_index}-000001", block="write")
        with pytest.raises(StoreReadOnly, match="rebuild"):
            store.write([entry("b.png")])
        assert store.count() == 1

    def test_a_picture_that_does_not_fit_is_named(self, open_: Open) -> None:
        store = open_()
        store.write([entry("a.png")])
        wrong = entry("b.png", random_units(1, dims=16)[0])
        with pytest.raises(StoreUnavailable, match=rf"does not take the picture {wrong.picture.id}.*dim"):
            store.write([wrong])

    def test_what_is_indexed_after_the_alias_is_gone_makes_no_index_of_its_own(
        self, open_: Open, es: Elasticsearch, fresh_index: str
    ) -> None:
        """Elasticsearch would make one, with a mapping that it guessed."""
        store = open_()
        store.write([entry("a.png")])
        es.indices.delete(index=f"{fresh_index}-000001")
        store.write([entry("b.png")])
        ((name, found),) = es.indices.get_mapping(index=fresh_index).body.items()
        assert name == f"{fresh_index}-000001"
        assert found["mappings"]["dynamic"] == "strict"


def test_the_store_answers_as_a_plain_one(elastic_url: str, fresh_index: str) -> None:
    """Every example in an index of its own; few, since a node is slower than a dictionary."""
    number = iter(range(10_000))

    def open_empty() -> tuple[Store, Store, Callable[[], None]]:
        index = f"{fresh_index}x{next(number)}"
        settings = Settings(_env_file=None, store=elastic_url, index=index)  # type: ignore[call-arg]
        first, second = open_elastic(elastic_url, settings), open_elastic(elastic_url, settings)

        def end() -> None:
            first.close()
            second.close()
            requests.delete(f"{elastic_url}/{index}-000001", timeout=30)

        return first, second, end

    run_state_machine_as_test(
        machine(open_empty), settings=hypothesis_settings(max_examples=8, stateful_step_count=12)
    )


def test_unit_vectors_come_back_to_the_last_digit(open_: Open) -> None:
    store = open_()
    one = entry("a.png", unit(1, 1, 1, 1))
    store.write([one])
    found = store.embedding(one.picture.id)
    assert found is not None
    assert found.tolist() == one.embedding.tolist()
    assert store.knn(ask(window=ALL)).total == 1
