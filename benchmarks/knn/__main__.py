"""What the kinds of vector index cost and find.

    python -m benchmarks.knn measure                  100,000 pictures, four kinds, two embedded stores
    python -m benchmarks.knn measure --size 1000000 --kinds int8_hnsw,bbq_hnsw --heap 3072 --buffer 40%
    python -m benchmarks.knn speed                    encoding, with full-size random weights
    python -m benchmarks.knn report                   the curves and tables in docs/, from what was measured

A measurement starts an Elasticsearch node from Maven's jars, or asks the one at --url. It writes
what it has to benchmarks/results/ as it goes, and goes on from there when it is run again. The
embedded competitor: .venv/bin/uv pip install -r benchmarks/requirements.txt.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from elasticsearch import Elasticsearch

from benchmarks.knn import latency, local, measuring, questions, report, speed
from benchmarks.knn.index import Index, connect
from benchmarks.knn.measuring import Asked, Results
from benchmarks.knn.rows import RESULTS
from benchmarks.knn.tables import KINDS, LOCAL
from benchmarks.knn.vectors import World
from imagesearch.config import PROJECT, IndexType
from localnode import Node

DATA = PROJECT / "data" / "benchmarks"


@click.group()
def main() -> None:
    """Measure the kinds of vector index."""


@main.command()
@click.option("--size", default=100_000, show_default=True, help="How many pictures.")
@click.option("--kinds", default=",".join((*KINDS, *LOCAL)), show_default=True, help="What to measure.")
@click.option("--questions", "n", default=200, show_default=True, help="How many of each sort.")
@click.option("--url", help="An Elasticsearch to ask, instead of starting one.")
@click.option("--heap", default=1536, show_default=True, help="MiB of heap of the node that is started.")
@click.option("--buffer", default="10%", show_default=True, help="Of that, for segments in the making.")
def measure(size: int, kinds: str, n: int, url: str | None, heap: int, buffer: str) -> None:
    """Load, ask, merge and ask again, one kind after another; then all in turn for the latency."""
    world = World()
    asked = [Asked(q, questions.nearest(world, size, q)) for q in questions.questions(world, n)]
    results = Results(RESULTS / f"knn-{size}.json")
    results.put("size", value=size)
    results.put("questions", value=n)
    results.put("machine", value=measuring.machine())
    wanted = kinds.split(",")
    with _node(url, DATA / f"node-{size}", heap, buffer) as address, TemporaryDirectory() as folder:
        client = connect(address)
        results.put("elasticsearch", value=client.info()["version"]["number"])
        indices = [_index(client, kind, size) for kind in KINDS if kind in wanted]
        for index in indices:
            measuring.measure(index, size, world, asked, results)
        stores = _stores(wanted, Path(folder))
        for store in stores:
            measuring.measure_local(store, size, world, asked, results)
        rows = [row for each in asked for row in latency.compare(indices, stores, each.questions)]
        results.put("latency", value=rows)


@main.command(name="speed")
def speed_() -> None:
    """Measure encoding and decoding; wants a machine that does nothing else."""
    results = Results(RESULTS / "encoding.json")
    for name, value in {"machine": measuring.machine(), **speed.measure()}.items():
        results.put(name, value=value)


@main.command(name="report")
def report_() -> None:
    """Draw the curves and write the tables of docs/knn.md and docs/scale.md."""
    report.write()


def _index(client: Elasticsearch, kind: IndexType, size: int) -> Index:
    return Index(client, f"knn-{kind}-{size}".replace("_", "-"), kind)


def _stores(wanted: Sequence[str], folder: Path) -> list[local.Embedded | local.Usearch]:
    """The stores without a server, empty: loading them takes less than keeping them right would."""
    makers: tuple[type[local.Usearch | local.Embedded], ...] = (local.Usearch, local.Embedded)
    return [make(folder / make.kind) for make in makers if make.kind in wanted]


@contextmanager
def _node(url: str | None, folder: Path, heap: int, buffer: str) -> Iterator[str]:
    if url:
        yield url
        return
    # The simple collector leaves garbage until the heap is full, which is no reason to refuse requests.
    settings = {"indices.memory.index_buffer_size": buffer, "indices.breaker.total.use_real_memory": "false"}
    with Node(folder, settings=settings, heap_mb=heap, fast_start=False) as node:
        yield node.url


if __name__ == "__main__":
    main()
