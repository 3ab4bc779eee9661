"""The tables of docs/scale.md: the plan's formulas, with what was measured put in."""

import json
from dataclasses import dataclass
from math import ceil

from benchmarks.knn.plan import GB, Hardware, Layout, Plan, candidates, hours, plan
from benchmarks.knn.rows import RESULTS, Content
from benchmarks.knn.tables import KINDS, disk, parts, table
from imagesearch.config import IndexType

SIZES = (10**6, 10**8, 10**9)
# No GPU was at hand: an assumption to be replaced by what yours does.
GPU_PER_SECOND = 1000.0
CORES = (16, 256)
GPUS = (1, 8)
_NUM_CANDIDATES = (100, 500, 1000)


@dataclass(frozen=True)
class Measured:
    """Bytes of a document without its vector, pictures a core encodes a second, CPU ms to index one."""

    document: int
    encoded: float
    decoded: float
    indexing_ms: dict[IndexType, float]


def blocks(few: Content, many: Content) -> dict[str, str]:
    """By name."""
    known = measured(few, many)
    return {
        "size": size(known),
        "encoding": encoding(known),
        "indexing": indexing(known),
        "reads": reads(known),
        "capacity": capacity(),
        "disk": disk(few),
    }


def measured(few: Content, many: Content) -> Measured:
    """What the plan takes from measurements: of the million where it was merged, else of the 100,000."""
    speed = json.loads((RESULTS / "encoding.json").read_text(encoding="utf-8"))
    merged = few["kinds"]["int8_hnsw"]
    document = parts(merged["merge"]["disk"], merged["load"]["count"])["document"]
    return Measured(
        document=round(document),
        encoded=speed["encoding"]["per_cpu_second"],
        decoded=speed["decoding"]["12 megapixels"]["per_cpu_second"],
        indexing_ms={kind: _indexing(few, many, kind) for kind in KINDS},
    )


def _indexing(few: Content, many: Content, kind: IndexType) -> float:
    content = many if "merge" in many["kinds"].get(kind, {}) else few
    of = content["kinds"][kind]
    seconds: float = of["load"]["cpu_seconds"] + of["merge"]["cpu_seconds"]
    return 1000 * seconds / int(of["load"]["count"])


def plans(known: Measured) -> list[Plan]:
    """Each size in each kind, with two copies from 10^8 on."""
    return [
        plan(pictures, kind, known.document, copies=1 if pictures < 10**8 else 2)
        for pictures in SIZES
        for kind in KINDS
    ]


def size(known: Measured) -> str:
    """Memory, disk, shards and nodes."""
    lines = [
        [_power(p.pictures), p.kind, _gb(p.memory), _gb(p.disk), str(p.shards), str(p.copies), str(p.nodes)]
        for p in plans(known)
    ]
    return table(["pictures", "kind", "page cache", "disk", "shards", "copies", "nodes of 64 GiB"], lines)


def encoding(known: Measured) -> str:
    """Hours until all are encoded."""
    core = 1 / (1 / known.encoded + 1 / known.decoded)
    lines = [
        [
            _power(pictures),
            *(_hours(hours(pictures, core, cores)) for cores in CORES),
            *(_hours(hours(pictures, GPU_PER_SECOND, gpus)) for gpus in GPUS),
        ]
        for pictures in SIZES
    ]
    decoding = f"Decoding for one such GPU takes {ceil(GPU_PER_SECOND / known.decoded)} cores.\n"
    head = ["pictures", *(f"{n} cores" for n in CORES), *(f"{n} GPU (assumed)" for n in GPUS)]
    return f"{table(head, lines)}\n{decoding}"


def indexing(known: Measured) -> str:
    """Hours of one core to index and to merge into one segment, for each copy."""
    lines = [
        [kind, f"{ms:.2f} ms", *(_hours(hours(pictures, 1000 / ms)) for pictures in SIZES)]
        for kind, ms in known.indexing_ms.items()
    ]
    return table(["kind", "CPU a picture", *map(_power, SIZES)], lines)


def reads(known: Measured) -> str:
    """Floats read to score the candidates of one search again."""
    lines = [
        [_power(p.pictures), str(p.shards), *(f"{candidates(p.shards, n):,}" for n in _NUM_CANDIDATES)]
        for p in plans(known)
        if p.kind == "bbq_hnsw"
    ]
    return table(["pictures", "shards", *(f"num_candidates {n}" for n in _NUM_CANDIDATES)], lines)


def capacity() -> str:
    """How many pictures a node walks in memory."""
    room = Hardware().page_cache
    lines = [[kind, f"{room // Layout().memory(kind) / 10**6:,.0f} million"] for kind in KINDS]
    return table(["kind", "pictures"], lines)


def _power(pictures: int) -> str:
    return f"10^{len(str(pictures)) - 1}"


def _gb(size: int) -> str:
    return f"{size / GB:,.1f} GB" if size < 10 * GB else f"{size / GB:,.0f} GB"


def _hours(value: float) -> str:
    if value < 2:
        return f"{60 * value:.0f} min"
    return f"{value:,.0f} h" if value < 48 else f"{value / 24:,.0f} days"
