"""The measurement itself: made-up embeddings, exact answers, and the real node asked for them."""

import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

from benchmarks.knn import local
from benchmarks.knn.asking import Way, ask, pages, rescoring, searches
from benchmarks.knn.index import Index, connect
from benchmarks.knn.latency import compare, summary
from benchmarks.knn.measuring import FANOUT, Asked, Results, measure, measure_local
from benchmarks.knn.pictures import entries, id_of
from benchmarks.knn.questions import SCOPES, Questions, nearest, questions
from benchmarks.knn.recall import recall
from benchmarks.knn.vectors import BATCH, World
from imagesearch.records import FloatArray

SIZE = 1_000
FIRST_PICTURE = [-0.0557804, -0.0182684, -0.0110131]
FIRST_TEXT = [-0.0030817, -0.0356732, 0.0048244]


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def vectors(world: World) -> FloatArray:
    """The first 20,000 pictures."""
    return np.concatenate([batch.vectors for batch in world.batches(20_000)])


def test_embeddings_follow_from_the_seed(world: World, vectors: FloatArray) -> None:
    again = World()
    assert np.array_equal(next(again.batches(BATCH)).vectors, vectors[:BATCH])
    assert np.array_equal(again.text_queries(3), world.text_queries(3))
    # What is in the results was measured with these.
    assert vectors[0, :3] == pytest.approx(FIRST_PICTURE, abs=1e-6)
    assert world.text_queries(1)[0, :3] == pytest.approx(FIRST_TEXT, abs=1e-6)


def test_a_smaller_collection_is_the_beginning_of_a_larger(world: World, vectors: FloatArray) -> None:
    (part,) = world.batches(10_020, first=BATCH)
    assert part.start == BATCH
    assert np.array_equal(part.vectors, vectors[BATCH : BATCH + 20])


def test_pictures_lie_as_said(vectors: FloatArray) -> None:
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert (vectors[:BATCH] * vectors[BATCH:]).sum(axis=1).mean() == pytest.approx(0.5, abs=0.01)
    variances = np.linalg.eigvalsh(np.cov(vectors.T))
    assert variances.sum() ** 2 / (variances**2).sum() == pytest.approx(90, abs=5)


def test_queries_lie_as_said(world: World, vectors: FloatArray) -> None:
    pictures, texts = (np.sort(q.vectors @ vectors.T) for q in questions(world, 100))
    assert pictures[:, -1].mean() == pytest.approx(0.78, abs=0.02)
    assert texts.mean() == pytest.approx(0.17, abs=0.01)
    assert 0.25 < texts[:, -10:].mean() < 0.31


def test_the_nearest_are_those_of_comparing_all(world: World, vectors: FloatArray) -> None:
    asked = questions(world, 5)[1]
    found = nearest(world, 20_000, asked)
    order = np.argsort(-(asked.vectors @ vectors.T), axis=1)
    assert np.array_equal(found["all"], order[:, :100])
    buckets = np.concatenate([batch.buckets for batch in world.batches(20_000)])
    for row, ranked, bucket in zip(found["0.1 %"], order, asked.buckets, strict=True):
        passing = ranked[buckets[ranked] == bucket]
        assert 5 < len(passing) < 50
        assert row.tolist() == [*passing, *[-1] * (100 - len(passing))]
    hundredth = order[0][buckets[order[0]] // 10 == asked.buckets[0] // 10]
    assert np.array_equal(found["1 %"][0], hundredth[:100])


def test_recall_is_the_share_of_those_there_are() -> None:
    truth = np.array([[1, 2, 3, 4], [5, -1, -1, -1]])
    found = [[id_of(2), id_of(9), id_of(1)], [id_of(5)]]
    measured = recall(found, truth, 4)
    assert measured.mean == 0.75
    assert measured.error == pytest.approx(0.25)
    nothing = np.array([[-1, -1], [-1, -1]])
    assert recall([[], []], nothing, 2).mean == 1.0


def test_a_search_is_the_applications(world: World) -> None:
    asked = questions(world, 1)[0]
    (body,) = searches(asked, Way(200, 1.0, None), SCOPES[3])
    assert body == {
        "knn": {
            "field": "image_embedding",
            "k": 200,
            "num_candidates": 200,
            "query_vector": asked.vectors[0].tolist(),
            "filter": [{"term": {"tags": "tag 0"}}],
            "rescore_vector": {"oversample": 1.0},
        },
        "size": 100,
        "sort": [{"_score": "desc"}, {"image_id": "asc"}],
        "stored_fields": "_none_",
        "track_total_hits": False,
    }


@pytest.mark.parametrize("kind", ["hnsw", "bbq_hnsw"])
def test_no_way_is_measured_twice(kind: str) -> None:
    said = [
        (way.num_candidates, way.oversample, way.k or way.num_candidates, scope.name)
        for way, scope in [*pages(kind), *rescoring(kind)]
    ]
    assert len(said) == len(set(said))


def test_results_survive_and_go_on(tmp_path: Path) -> None:
    file = tmp_path / "results" / "some.json"
    Results(file).put("kinds", "hnsw", "load", value={"count": 1})
    Results(file).put("kinds", "hnsw", "merge", value={"seconds": 2})
    assert Results(file).of("hnsw") == {"load": {"count": 1}, "merge": {"seconds": 2}}
    assert Results(file).of("int8_hnsw") == {}
    assert [f.name for f in file.parent.iterdir()] == ["some.json"]


def test_a_measurement_on_a_real_node(
    elastic_url: str, fresh_index: str, world: World, tmp_path: Path
) -> None:
    asked = [Asked(q, nearest(world, SIZE, q)) for q in questions(world, 3)]
    index = Index(connect(elastic_url), fresh_index, "int8_hnsw")
    results = Results(tmp_path / "some.json")
    measure(index, SIZE, world, asked, results)
    known = results.of("int8_hnsw")
    assert known["load"]["count"] == sum(known["load"]["segments"]) == SIZE
    assert known["merge"]["segments"] == [SIZE]
    disk = known["merge"]["disk"]
    if "cfs" in disk:  # the load left one segment: nothing to merge, and all in one compound file
        assert disk["cfs"] > SIZE * (2048 + 516)
    else:
        assert disk["vec"] == pytest.approx(SIZE * 2048, rel=0.01)
        assert disk["veq"] == pytest.approx(SIZE * 516, rel=0.2)
    thorough = [row for row in known["merged"] if row["num_candidates"] == 1000]
    assert min(row["at_10"] for row in thorough if row["oversample"] != 1.0 or row["k"] == 1000) == 1
    assert {row["scope"] for row in thorough} == {"all", "10 %", "1 %", "0.1 %"}
    fanned = {(row["scope"], row["at_10"]) for row in known[FANOUT] if row["num_candidates"] == 1000}
    assert fanned == {("10 %", 1.0), ("1 %", 1.0), ("0.1 %", 1.0)}
    measure(index, SIZE, world, [], results)  # all is there: nothing is asked
    assert results.of("int8_hnsw") == known


def test_a_load_goes_on_where_it_stopped(
    elastic_url: str, fresh_index: str, world: World, tmp_path: Path
) -> None:
    index = Index(connect(elastic_url), fresh_index, "hnsw")
    index.create()
    list(index.load(world, 0, 300))
    results = Results(tmp_path / "some.json")
    results.put("kinds", "hnsw", "load", value={"count": 300, "seconds": 1.0, "cpu_seconds": 1.0})
    measure(index, 300, world, [], results)
    assert results.of("hnsw")["load"]["segments"] == [300]
    assert results.of("hnsw")["load"]["seconds"] < 20


def test_a_search_that_fails_is_no_measurement(elastic_url: str, fresh_index: str, world: World) -> None:
    index = Index(connect(elastic_url), fresh_index, "hnsw")
    index.create()
    asked = questions(world, 2)[0]
    wrong = Questions("picture", asked.vectors[:, :3], asked.buckets)
    with pytest.raises(RuntimeError, match=r"The search failed: .*dimension"):
        next(ask(index, pages("hnsw"), wrong, {"all": np.zeros((2, 100), dtype=np.int64)}))


def test_the_embedded_store_is_exact(world: World, tmp_path: Path) -> None:
    asked = [Asked(q, nearest(world, SIZE, q)) for q in questions(world, 3)]
    store = local.Embedded(tmp_path / "store")
    results = Results(tmp_path / "some.json")
    measure_local(store, SIZE, world, asked, results)
    assert [row["at_10"] for row in results.of("embedded")["merged"]] == [1.0] * 8
    assert results.of("embedded")["load"]["disk"]["total"] > SIZE * 2048


def test_a_missing_competitor_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    with pytest.raises(click.ClickException, match=r"benchmarks/requirements\.txt"):
        local.Usearch(tmp_path)


def test_latency_is_of_each_in_turn(elastic_url: str, fresh_index: str, world: World, tmp_path: Path) -> None:
    index = Index(connect(elastic_url), fresh_index, "hnsw")
    index.create()
    list(index.load(world, 0, 100))
    store = local.Embedded(tmp_path / "store")
    store.load(world, 100)
    rows: list[dict[str, Any]] = compare([index], [store], questions(world, 25)[0])
    assert [(row["kind"], row["num_candidates"]) for row in rows[:3]] == [
        ("hnsw", 10),
        ("embedded", 10),
        ("hnsw", 100),
    ]
    assert all(0 < row["p50_ms"] <= row["p95_ms"] for row in rows)


def test_the_summary_of_times() -> None:
    assert summary([1.0, 2.0, 3.0, 4.0, 100.0]) == {"p50_ms": 3.0, "p95_ms": 80.8}


def test_every_picture_has_its_group_and_tag(world: World) -> None:
    batch = next(world.batches(5))
    for entry, bucket in zip(entries(batch), batch.buckets.tolist(), strict=True):
        assert entry.picture.metadata.group == f"group {bucket // 10}"
        assert entry.picture.metadata.tags == (f"tag {bucket}",)
