"""How much a collection of a given size takes: memory, disk, shards, nodes, hours.

The formulas of memory are Elastic's ("Tune approximate kNN search", "Ensure data nodes have enough
memory"); those of disk add what else is on it. `docs/scale.md` is made with them.
"""

from dataclasses import dataclass
from math import ceil

from imagesearch.config import IndexType

GB = 10**9
GIB = 2**30


@dataclass(frozen=True)
class Layout:
    """What an index keeps of a vector."""

    dims: int = 512
    m: int = 16

    def floats(self) -> int:
        """Bytes of the vector itself (`.vec`): on disk always, in memory only for kind hnsw."""
        return 4 * self.dims

    def graph(self) -> int:
        """Bytes of memory for its place in the graph (`.vex`)."""
        return 4 * self.m

    def quantised(self, kind: IndexType) -> int:
        """Bytes of what is compared instead of the floats (`.veq`, `.veb`); 0 for kind hnsw."""
        return {
            "hnsw": 0,
            "int8_hnsw": self.dims + 4,
            "int4_hnsw": self.dims // 2 + 4,
            "bbq_hnsw": self.dims // 8 + 14,
        }[kind]

    def memory(self, kind: IndexType) -> int:
        """Bytes of page cache for searches that never wait for the disk."""
        return self.graph() + (self.quantised(kind) or self.floats())

    def disk(self, kind: IndexType, document: int) -> int:
        """Bytes on disk, `document` for all that is not the vector."""
        return self.floats() + self.quantised(kind) + self.graph() + document


@dataclass(frozen=True)
class Hardware:
    """What a data node is: its memory, how much of that is page cache, and how full its disk may be."""

    memory: int = 64 * GIB
    page_cache: int = 32 * GIB
    disk: int = 4000 * GB
    disk_share: float = 0.7


@dataclass(frozen=True)
class Plan:
    """What a collection takes. Bytes are of one copy; nodes hold all copies."""

    pictures: int
    kind: IndexType
    copies: int
    memory: int
    disk: int
    shards: int
    nodes: int


SHARD_BYTES = 50 * GB
SHARD_PICTURES = 200_000_000


def plan(
    pictures: int,
    kind: IndexType,
    document: int,
    copies: int = 2,
    hardware: Hardware = Hardware(),
    layout: Layout = Layout(),
) -> Plan:
    """The shards (at most 50 GB and 200M pictures each) and the nodes (by memory, by disk, by copies)."""
    memory = pictures * layout.memory(kind)
    disk = pictures * layout.disk(kind, document)
    by_memory = ceil(copies * memory / hardware.page_cache)
    by_disk = ceil(copies * disk / (hardware.disk * hardware.disk_share))
    return Plan(
        pictures=pictures,
        kind=kind,
        copies=copies,
        memory=memory,
        disk=disk,
        shards=max(ceil(disk / SHARD_BYTES), ceil(pictures / SHARD_PICTURES)),
        nodes=max(by_memory, by_disk, copies),
    )


def hours(pictures: int, per_second: float, machines: int = 1) -> float:
    """For how long `machines` are busy, each with `per_second` pictures a second."""
    return pictures / per_second / machines / 3600


def candidates(shards: int, num_candidates: int, oversample: float = 1.0) -> int:
    """How many floats a search reads from disk at most: num_candidates counts on every shard.

    The application asks for as many neighbours as it asks for candidates, so that all are scored again.
    """
    return ceil(shards * num_candidates * oversample)
