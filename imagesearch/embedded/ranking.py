"""The exact ranking: every picture that passes is scored."""

import sqlite3
from typing import cast

import numpy as np

from imagesearch.embedded.filters import where
from imagesearch.embedded.matrix import IntArray, Snapshot
from imagesearch.records import Filters, FloatArray, Knn, ModelText


def allowed_slots(db: sqlite3.Connection, snapshot: Snapshot, filters: Filters) -> IntArray:
    """The slots a search may find, filtered before anything is scored."""
    if not filters:
        return snapshot.live_slots()
    condition, values = where(filters)
    rows = db.execute(f"SELECT row FROM pictures WHERE {condition} ORDER BY row", values).fetchall()
    return snapshot.slots(np.array([row for (row,) in rows], dtype=np.int64))


def rank(snapshot: Snapshot, slots: IntArray, query: Knn) -> tuple[IntArray, FloatArray, int]:
    """The window's slots, best first, their scores, and how many results there are in all."""
    if isinstance(query.vector, ModelText):
        raise TypeError("this store runs no model; encode the words first")
    cosines = cosines_of(snapshot.vectors, slots, query.vector)
    if query.similarity is not None:
        close = cosines >= query.similarity
        slots, cosines = slots[close], cosines[close]
    reachable = len(slots) if query.k is None else min(query.k, len(slots))
    start, end = query.window.offset, min(query.window.offset + query.window.limit, reachable)
    scores = cast(FloatArray, np.clip((1 + cosines) / 2, 0, 1))
    if start >= end:
        return slots[:0], scores[:0], reachable
    # Everything that scores at least as well as the window's last: all ties take part in the ordering.
    last = np.partition(scores, len(scores) - end)[len(scores) - end]
    top = np.flatnonzero(scores >= last)
    order = top[np.lexsort((snapshot.ids[slots[top]], -scores[top]))[start:end]]
    return slots[order], scores[order], reachable


def cosines_of(vectors: FloatArray, slots: IntArray, query: FloatArray) -> FloatArray:
    """Row by row, so that equal vectors score equally wherever they stand, and pages never overlap.

    (A matrix product rounds the last bit differently from place to place.) Scoring all and picking is
    faster than gathering the rows first, unless few are asked for.
    """
    if not len(slots):
        return np.empty(0, dtype=np.float32)
    if len(slots) * 8 > len(vectors):
        return cast(FloatArray, np.vecdot(vectors, query)[slots])
    return cast(FloatArray, np.vecdot(vectors[slots], query))
