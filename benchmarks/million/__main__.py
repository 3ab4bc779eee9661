"""A million tiny pictures through the ingest job, with a stand-in for the encoder.

    python -m benchmarks.million make                 the files (about 4 GB of disk)
    python -m benchmarks.million run                  bring them in
    python -m benchmarks.million run --name second    and find that they are all there
    python -m benchmarks.million report               the table and the curve of docs/ingest.md

Each run is written to benchmarks/results/million.json: how long it took, how long until the first batch was
decoded, and the memory of the process and its workers every few seconds.
"""

import json
import multiprocessing
import os
import threading
import time
from pathlib import Path

import click
import numpy as np
from PIL import Image

from benchmarks.million.results import FIRST, RESULTS, SECOND
from benchmarks.million.standin import stand_in
from imagesearch.config import PROJECT
from imagesearch.embedded import EmbeddedStore
from ingest.decoding import Limits
from ingest.job import Job
from ingest.plan import Asked
from ingest.progress import Silent
from ingest.report import Report

FOLDER = PROJECT / "data" / "benchmarks" / "million"
_IN_A_FOLDER = 1_000


@click.group()
def main() -> None:
    """Measure the ingest job on very many files."""


@main.command()
@click.option("--size", default=1_000_000, show_default=True)
def make(size: int) -> None:
    """Write the files, no two alike, a thousand in a folder."""
    rng = np.random.default_rng(1)
    for start in range(0, size, _IN_A_FOLDER):
        folder = FOLDER / "pictures" / f"{start // _IN_A_FOLDER:04}"
        if len(list(folder.glob("*.bmp"))) == _IN_A_FOLDER:
            continue
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (_IN_A_FOLDER, 8, 8, 3), dtype=np.uint8)
        for i, one in enumerate(pixels):
            Image.fromarray(one).save(folder / f"{start + i:07}.bmp")


@main.command()
@click.option(
    "--name",
    type=click.Choice([FIRST, SECOND]),
    default=FIRST,
    show_default=True,
)
def run(name: str) -> None:
    """Bring the files into an embedded store, or find that they are all there."""
    began = _process_start()
    model, encoder = stand_in()
    memory = _Memory()
    counts = Report()
    with memory, EmbeddedStore(FOLDER / "store", create=True) as store:
        limits = Limits(max_pixels=1_000_000, memory=4 << 30, seconds=60)
        Job(store, model, limits).run(Asked([FOLDER / "pictures"]), Silent(), counts)
    measured = {
        "seconds": round(time.time() - began, 1),
        "first_batch_decoded": round(encoder.first - began, 2) if encoder.first else None,
        "new": counts.new,
        "unchanged": counts.unchanged,
        "failed": counts.failed,
        "peak_mib": max(mib for _, mib in memory.curve),
        "peak_of_the_process_mib": max(memory.own),
        "curve": memory.curve,
    }
    from benchmarks.knn.measuring import Results, machine  # not above, so that it is not measured

    results = Results(RESULTS)
    results.put("machine", value=machine())
    results.put(name, value=measured)
    click.echo(json.dumps({key: value for key, value in measured.items() if key != "curve"}))


@main.command()
def report() -> None:
    """Write what was measured into the document."""
    from benchmarks.knn.measuring import Results
    from benchmarks.million import report as reporting  # it draws; see above

    content = Results(RESULTS).content
    reporting.draw(content)
    text = reporting.DOCUMENT.read_text(encoding="utf-8")
    reporting.DOCUMENT.write_text(reporting.written(text, content), encoding="utf-8")


class _Memory:
    """Measures the memory of this process and of those it started, every few seconds."""

    def __init__(self) -> None:
        self.curve: list[tuple[float, int]] = []
        self.own: list[int] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        began = time.time()
        while True:
            own = _resident(os.getpid())
            children = sum(_resident(child.pid) for child in multiprocessing.active_children() if child.pid)
            self.own.append(own >> 20)
            self.curve.append((round(time.time() - began, 1), (own + children) >> 20))
            # More often at first, when things are made; then as rarely as the curve can bear.
            if self._over.wait(0.5 if len(self.curve) < 100 else 5):
                return

    def __enter__(self) -> "_Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def _process_start() -> float:
    """When this process was started, in seconds since 1970: imports count."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    boot = time.time() - float(Path("/proc/uptime").read_text().split()[0])
    return boot + ticks / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> int:
    """Bytes of memory that the process alone needs: what it shares with others is divided between them."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in rollup.splitlines() if line.startswith("Pss:"))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.million")
