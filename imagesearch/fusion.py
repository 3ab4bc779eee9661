"""Two rankings made one: by likeness, and by the words in names, tags and paths."""

from dataclasses import replace

import numpy as np

from imagesearch.records import FloatArray, Hit, Knn, Page, Window
from imagesearch.store import Store

# How deep each ranking goes, and the constant of reciprocal rank fusion (Cormack, Clarke and Büttcher,
# SIGIR 2009): a picture's score is the sum of 1 / (RRF_K + rank) over the rankings that hold it.
DEPTH = 200
RRF_K = 60


def fuse(store: Store, query: Knn, words: str) -> Page:
    """The window of the fused ranking; equal ones in the order of ids.

    `query.vector` has to be a vector. Each hit's score is (1 + cosine) / 2 whichever ranking it is from, so
    that the scores of all searches mean the same; the order is not theirs alone.
    """
    near = store.knn(replace(query, k=DEPTH, window=Window(0, DEPTH)))
    scores = {hit.picture.id: hit.score or 0.0 for hit in near.hits}
    containing = store.containing(words, query.filters, DEPTH)
    scores |= _scores(store, query, [id for id in containing if id not in scores])
    rankings = [[hit.picture.id for hit in near.hits], [id for id in containing if id in scores]]
    fused = _reciprocal_ranks(rankings)[: query.k]
    shown = fused[query.window.offset : query.window.offset + query.window.limit]
    pictures = {hit.picture.id: hit.picture for hit in near.hits}
    pictures |= store.pictures([id for id in shown if id not in pictures])
    hits = tuple(Hit(pictures[id], scores[id]) for id in shown if id in pictures)
    return Page(hits, total=near.total, reachable=len(fused))


def _reciprocal_ranks(rankings: list[list[str]]) -> list[str]:
    fused: dict[str, float] = {}
    for ranking in rankings:
        for rank, id in enumerate(ranking, start=1):
            fused[id] = fused.get(id, 0.0) + 1 / (RRF_K + rank)
    return sorted(fused, key=lambda id: (-fused[id], id))


def _scores(store: Store, query: Knn, ids: list[str]) -> dict[str, float]:
    """The scores of pictures that the nearest are not among, but for those that are not near enough."""
    least = -1.0 if query.similarity is None else query.similarity
    vector: FloatArray = np.asarray(query.vector)
    cosines = {id: float(vector @ embedding) for id, embedding in store.embeddings(ids).items()}
    return {id: min(max((1 + c) / 2, 0.0), 1.0) for id, c in cosines.items() if c >= least}
