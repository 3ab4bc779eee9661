"""Recall of an index in Elasticsearch, over the numbers that a request can carry."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from elasticsearch import Elasticsearch

from benchmarks.knn.index import Index
from benchmarks.knn.questions import DEPTH, SCOPES, IntArray, Questions, Scope
from benchmarks.knn.recall import recall
from imagesearch.elastic import bodies

NUM_CANDIDATES = (10, 20, 50, 100, 200, 500, 1000)
_AT_A_TIME = 50


@dataclass(frozen=True)
class Way:
    """A way to ask. `k` of None: as many as num_candidates, as the application does, to page through them."""

    num_candidates: int
    oversample: float | None
    k: int | None = 10


@dataclass(frozen=True)
class Measured:
    """What one way gave; `at_100` where as many were asked for."""

    queries: str
    scope: str
    k: int
    num_candidates: int
    oversample: float | None
    at_10: float
    at_10_error: float
    at_100: float | None
    at_100_error: float | None


Ask = tuple[Way, Scope]


def pages(kind: str, scopes: Sequence[Scope] = SCOPES) -> Iterator[Ask]:
    """As the application asks."""
    for num_candidates in NUM_CANDIDATES:
        for scope in scopes:
            yield Way(num_candidates, _least(kind), None), scope


def rescoring(kind: str) -> Iterator[Ask]:
    """How far to score again, for ten neighbours and for as many as candidates."""
    factors = (1.0, 1.5, 2.0, 3.0, 5.0) if _least(kind) else (None,)
    for num_candidates in (20, 100, 200, 1000):
        for oversample in factors:
            yield Way(num_candidates, oversample), SCOPES[0]
    for num_candidates in (100, 200, 500, 1000) if _least(kind) else ():
        yield Way(num_candidates, 3.0, None), SCOPES[0]


def _least(kind: str) -> float | None:
    """What makes scores exact and no more."""
    return None if kind == "hnsw" else 1.0


def ask(
    index: Index, asks: Iterable[Ask], asked: Questions, truth: Mapping[str, IntArray]
) -> Iterator[dict[str, Any]]:
    """Measure each way; one record of `Measured` each."""
    for way, scope in asks:
        yield asdict(_measure(index, asked, truth[scope.name], way, scope))


def _measure(index: Index, asked: Questions, truth: IntArray, way: Way, scope: Scope) -> Measured:
    k = way.k or way.num_candidates
    found = _search(index.client, index.name, searches(asked, way, scope))
    ten = recall(found, truth, 10)
    hundred = recall(found, truth, DEPTH) if k >= DEPTH else None
    return Measured(
        queries=asked.sort,
        scope=scope.name,
        k=k,
        num_candidates=way.num_candidates,
        oversample=way.oversample,
        at_10=round(ten.mean, 4),
        at_10_error=round(ten.error, 4),
        at_100=round(hundred.mean, 4) if hundred else None,
        at_100_error=round(hundred.error, 4) if hundred else None,
    )


def searches(asked: Questions, way: Way, scope: Scope) -> list[dict[str, Any]]:
    """The request of each question, as the application's store makes it."""
    k = way.k or way.num_candidates
    return [
        {
            "knn": bodies.knn(
                vector, k, way.num_candidates, filters=scope.filters(bucket), oversample=way.oversample
            ),
            "size": min(k, DEPTH),
            **_IDS_ONLY,
        }
        for vector, bucket in zip(asked.vectors, asked.buckets.tolist(), strict=True)
    ]


_IDS_ONLY: dict[str, Any] = {
    "sort": [{"_score": "desc"}, {"image_id": "asc"}],
    "stored_fields": "_none_",
    "track_total_hits": False,
}


def _search(client: Elasticsearch, index: str, requests: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """The ids that each request finds, in order."""
    found = []
    for start in range(0, len(requests), _AT_A_TIME):
        lines: list[Mapping[str, Any]] = []
        for request in requests[start : start + _AT_A_TIME]:
            lines += [{"index": index}, request]
        for answer in client.msearch(searches=lines)["responses"]:
            if answer["status"] != 200:
                raise RuntimeError(f"The search failed: {answer['error']}")
            found.append([hit["sort"][1] for hit in answer["hits"]["hits"]])
    return found
