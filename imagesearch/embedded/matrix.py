"""All embeddings in memory, kept up to date from the table of changes."""

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagesearch.records import FloatArray

IntArray = NDArray[np.int64]

# Rows of the change log read at a time: their vectors take 16 MiB at 512 dimensions.
_CHUNK = 8192


@dataclass(frozen=True)
class Snapshot:
    """The embeddings at one moment; what it holds never changes, so readers need no lock.

    `vectors` is float32, shape (slots, dims). `rows` and `ids` give the database row and the picture's
    id of each slot. `slot_of` gives, for a database row, its slot, or -1 where it has none (any more).
    """

    seq: int
    vectors: FloatArray
    rows: IntArray
    ids: NDArray[np.bytes_]
    slot_of: IntArray

    def live_slots(self) -> IntArray:
        """The slots in use, in the order of their rows."""
        return self.slot_of[self.slot_of >= 0]

    def slots(self, rows: IntArray) -> IntArray:
        """The slots of those of `rows` that have one."""
        slots = self.slot_of[rows[rows < len(self.slot_of)]]
        return slots[slots >= 0]


class Matrix:
    """Loads the embeddings at the first ask, then only what changed since.

    A changed embedding gets a new slot and its old one is left unused until the next start, so that
    nothing moves under a reader's hands.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buffers = _Buffers.of(0, 0)
        self._snapshot = self._buffers.snapshot(0, 0, np.empty(0, dtype=np.int64))

    def snapshot(self, connection: sqlite3.Connection) -> Snapshot:
        """The embeddings as of now, as `connection` sees the database."""
        with self._lock:
            newest: int = connection.execute("SELECT coalesce(max(seq), 0) FROM changes").fetchone()[0]
            if newest > self._snapshot.seq:
                self._snapshot = self._refreshed(connection, newest)
            return self._snapshot

    def _refreshed(self, connection: sqlite3.Connection, newest: int) -> Snapshot:
        old, used = self._snapshot, len(self._snapshot.rows)
        added, highest, dims = connection.execute(_EXTENT, (old.seq, newest)).fetchone()
        slot_of = np.full(max(len(old.slot_of), highest + 1), -1, dtype=np.int64)
        slot_of[: len(old.slot_of)] = old.slot_of
        self._buffers = self._buffers.with_room(used, used + added, dims or 0)
        for chunk in _changed(connection, old.seq, newest):
            present = [c for c in chunk if c.vector is not None]
            slot_of[[c.row for c in chunk]] = -1
            slot_of[[c.row for c in present]] = np.arange(used, used + len(present))
            self._buffers.fill(used, present)
            used += len(present)
        return self._buffers.snapshot(newest, used, slot_of)


@dataclass(frozen=True)
class _Buffers:
    """The arrays behind the snapshots, with room to grow; only slots no snapshot shows are written."""

    vectors: FloatArray
    rows: IntArray
    ids: NDArray[np.bytes_]

    @classmethod
    def of(cls, slots: int, dims: int) -> "_Buffers":
        return cls(
            np.empty((slots, dims), dtype=np.float32),
            np.empty(slots, dtype=np.int64),
            np.empty(slots, dtype="S24"),
        )

    def snapshot(self, seq: int, used: int, slot_of: IntArray) -> Snapshot:
        return Snapshot(seq, self.vectors[:used], self.rows[:used], self.ids[:used], slot_of)

    def with_room(self, used: int, needed: int, dims: int) -> "_Buffers":
        """These, or copies with room for `needed` slots; an eighth more keeps the copies few."""
        if needed <= len(self.rows):
            return self
        larger = _Buffers.of(needed + (needed // 8 if used else 0), dims)
        if used:
            larger.vectors[:used] = self.vectors[:used]
            larger.rows[:used], larger.ids[:used] = self.rows[:used], self.ids[:used]
        return larger

    def fill(self, start: int, changes: list["_Change"]) -> None:
        if changes:
            end = start + len(changes)
            joined = b"".join(c.vector for c in changes if c.vector is not None)
            self.vectors[start:end] = np.frombuffer(joined, dtype="<f4").reshape(len(changes), -1)
            self.rows[start:end] = [c.row for c in changes]
            self.ids[start:end] = [c.id for c in changes]


class _Change(NamedTuple):
    row: int
    id: bytes
    vector: bytes | None


_EXTENT = """
    SELECT count(e.row), max(c.row), max(length(e.vector)) / 4
    FROM changes c LEFT JOIN embeddings e USING (row) WHERE seq > ? AND seq <= ?
"""
_CHANGED = """
    SELECT c.row, CAST(coalesce(p.id, '') AS BLOB), e.vector
    FROM changes c LEFT JOIN embeddings e USING (row) LEFT JOIN pictures p USING (row)
    WHERE seq > ? AND seq <= ? ORDER BY seq
"""


def _changed(connection: sqlite3.Connection, after: int, newest: int) -> Iterator[list[_Change]]:
    """What changed after one point and up to another, in chunks; a vector of None was deleted."""
    cursor = connection.execute(_CHANGED, (after, newest))
    while chunk := cursor.fetchmany(_CHUNK):
        yield [_Change(*row) for row in chunk]
