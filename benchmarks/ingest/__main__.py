"""How fast pictures come in.

    python -m benchmarks.ingest speed        against the loop and rclip, with full-size random weights
    python -m benchmarks.ingest agreement    overlap@10 of every runtime with single precision
    python -m benchmarks.ingest report       the tables of docs/encoding.md, from what was measured

Wants a machine that does nothing else. Pictures and rclip's environment go below data/ingest-benchmark.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import click

from benchmarks.ingest import agreement as agreeing
from benchmarks.ingest import competitor, report
from benchmarks.ingest.contest import Counts, contenders, rounds
from benchmarks.ingest.pictures import SIZES, folder_of
from benchmarks.knn.measuring import Results, machine
from imagesearch.config import PROJECT, Runtime
from imagesearch.runtimes.streams import cores
from tests.random_pair import FULL, make_pair

DATA = PROJECT / "data" / "ingest-benchmark"
GALLERY = PROJECT / "data" / "gallery"
RUNTIMES = ("torch", "torch-bf16", "onnx", "onnx-int8")
# So many that starting up hardly counts, and that none takes much longer than half a minute.
COUNTS = {"640×480": Counts(1536, 512, 128), "12 megapixels": Counts(384, 192, 24)}

runtimes_option = click.option(
    "--runtimes", default=",".join(RUNTIMES), show_default=True, help="Those of ours, separated by commas."
)

results_option = click.option(
    "--results", "file", default=report.RESULTS, type=click.Path(dir_okay=False, path_type=Path)
)


@click.group()
def main() -> None:
    """Measure ingest."""


@main.command()
@runtimes_option
@results_option
@click.option("--rounds", "number", default=5, show_default=True, help="Each contender's turns.")
@click.option("--part", default=1.0, show_default=True, help="The share of the pictures; for a trial.")
@click.option("--size", "sizes", multiple=True, type=click.Choice(list(SIZES)), default=list(SIZES))
def speed(runtimes: str, file: Path, number: int, part: float, sizes: tuple[str, ...]) -> None:
    """The loop, rclip and ours, in turn."""
    results = Results(file)
    results.put("machine", value=_machine())
    with _pair() as pair, contenders(pair, _known(runtimes), DATA, pair.parent) as ready:
        for name in sizes:
            full = COUNTS[name]
            counts = Counts(*(max(32, int(count * part)) for count in (full.fast, full.others, full.loop)))
            measured = rounds(ready, partial(folder_of, DATA, name), counts, number)
            results.put("speed", name, value={**measured, "cores": cores()})
            click.echo(report.speed(name, results.content["speed"][name]))
            click.echo(report.stages(name, results.content["speed"][name]))


@main.command()
@runtimes_option
@results_option
def agreement(runtimes: str, file: Path) -> None:
    """What the runtimes find, against single precision."""
    results, known = Results(file), [r for r in _known(runtimes) if r != "torch"]
    found = agreeing.on_the_gallery(GALLERY, known)
    results.put("agreement", "the demo model on the demo gallery", value=found)
    with _pair() as pair:
        found = agreeing.in_full_size(pair, known)
    results.put("agreement", "clip-ViT-B-32 in size, random weights", value=found)
    for name, of in results.content["agreement"].items():
        click.echo(report.agreement(name, of))


@main.command("report")
def report_command() -> None:
    """Write the tables of docs/encoding.md anew."""
    text = report.DOCUMENT.read_text(encoding="utf-8")
    report.DOCUMENT.write_text(report.written(text, Results(report.RESULTS).content), encoding="utf-8")


@contextmanager
def _pair() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        yield make_pair(Path(folder, "pair"), FULL)


def _known(runtimes: str) -> list[Runtime]:
    chosen = runtimes.split(",")
    if unknown := set(chosen) - set(get_args(Runtime)):
        raise click.UsageError(f"No runtime: {', '.join(unknown)}.")
    return chosen  # type: ignore[return-value]  # checked


def _machine() -> dict[str, object]:
    return {
        **machine(),
        "load": round(os.getloadavg()[0], 1),
        "torch": version("torch"),
        "onnxruntime": version("onnxruntime"),
        "rclip": competitor.VERSION,
    }


if __name__ == "__main__":
    main()
