"""How long one search takes in one kind of index as against another, asked in turn."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.knn.asking import Way, searches
from benchmarks.knn.index import Index
from benchmarks.knn.local import Embedded, Usearch
from benchmarks.knn.questions import SCOPES, Questions

NUM_CANDIDATES = (10, 100, 200, 1000)
_WARMING = 20
Search = Callable[[int], object]


def compare(
    indices: Sequence[Index], stores: Sequence[Embedded | Usearch], asked: Questions
) -> list[dict[str, Any]]:
    """The median and the 95th percentile in ms of each at each num_candidates.

    One question after another, each asked of every index before the next, so that whatever else the machine
    does meanwhile befalls all of them alike.
    """
    rows = []
    for num_candidates in NUM_CANDIDATES:
        contenders: dict[str, Search] = {i.kind: _elastic(i, asked, num_candidates) for i in indices}
        contenders |= {store.kind: _local(store, asked, num_candidates) for store in stores}
        rows += [
            {"kind": kind, "queries": asked.sort, "num_candidates": num_candidates, **summary(times)}
            for kind, times in _timed(contenders, len(asked.vectors)).items()
        ]
    return rows


def _elastic(index: Index, asked: Questions, num_candidates: int) -> Search:
    oversample = None if index.kind == "hnsw" else 1.0
    bodies = searches(asked, Way(num_candidates, oversample, None), SCOPES[0])
    return lambda i: index.client.search(index=index.name, body=bodies[i] | {"size": 10})


def _local(store: Embedded | Usearch, asked: Questions, num_candidates: int) -> Search:
    ask = partial(store.nearest, scope=SCOPES[0], bucket=0) if isinstance(store, Embedded) else store.nearest
    return lambda i: ask(asked.vectors[i], num_candidates)


def _timed(contenders: Mapping[str, Search], n: int) -> dict[str, list[float]]:
    """Milliseconds of each search, the first few left out: they warm up."""
    times: dict[str, list[float]] = {kind: [] for kind in contenders}
    for i in range(n):
        for kind, search in contenders.items():
            started = time.perf_counter()
            search(i)
            times[kind].append((time.perf_counter() - started) * 1000)
    return {kind: each[_WARMING:] for kind, each in times.items()}


def summary(times: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    return {"p50_ms": round(float(np.median(times)), 2), "p95_ms": round(float(np.percentile(times, 95)), 2)}
