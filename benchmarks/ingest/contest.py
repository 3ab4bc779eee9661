"""The contenders in turn, round after round, so that what else the machine does strikes all alike."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ingest import competitor
from benchmarks.ingest.tasks import BATCH
from imagesearch.config import PROJECT

LOOP, RCLIP = "loop", "rclip"
_FAST = ("torch-bf16", "onnx-int8")


@dataclass(frozen=True)
class Contender:
    """A process that waits for tasks."""

    name: str
    process: "subprocess.Popen[str]"

    def ask(self, do: str, folder: Path, count: int) -> dict[str, Any]:
        """What the task took. Raises RuntimeError if the contender is gone."""
        given, taken = self.process.stdin, self.process.stdout
        if not (given and taken):
            raise RuntimeError(f"{self.name} was started without pipes.")
        given.write(json.dumps({"do": do, "folder": str(folder), "count": count}) + "\n")
        given.flush()
        return self._answer(taken.readline())

    def _answer(self, line: str) -> dict[str, Any]:
        if not line:
            raise RuntimeError(f"{self.name} ended with {self.process.wait()}; its words are above.")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def contenders(pair: Path, runtimes: Sequence[str], data: Path, place: Path) -> Iterator[list[Contender]]:
    """The loop, rclip and ours under each runtime, ready to be asked."""
    ours = [sys.executable, "-m", "benchmarks.ingest.worker"]
    commands = {name: [*ours, name, str(pair)] for name in (LOOP, *runtimes)}
    theirs = competitor.export(pair, place / "rclip", 224)
    script = Path(__file__).with_name("rclip_worker.py")
    commands[RCLIP] = [str(competitor.python(data)), str(script), str(theirs)]
    started = []
    try:
        for name, command in commands.items():
            process = subprocess.Popen(
                command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            started.append(Contender(name, process))
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise RuntimeError(f"{name} did not start; its words are above.")
        yield started
    finally:
        for contender in started:
            contender.process.kill()
            contender.process.wait()


@dataclass(frozen=True)
class Counts:
    """How many pictures a contender is given in a round; a slow one's rate shows with fewer."""

    fast: int
    others: int
    loop: int

    def of(self, name: str) -> int:
        """Those of the contender called so."""
        return self.loop if name == LOOP else self.fast if name in _FAST else self.others


def rounds(
    all_of_them: Sequence[Contender], folder_with: Callable[[int], Path], counts: Counts, number: int
) -> dict[str, Any]:
    """Rates of every round by contender, of encoding alone, the stages, and the cosines to the loop's.

    `folder_with(count)` has so many pictures, and the first of them in common with every other one.
    """
    given = {c.name: counts.of(c.name) for c in all_of_them}
    folders = {name: folder_with(count) for name, count in given.items()}
    rates: dict[str, list[float]] = {c.name: [] for c in all_of_them}
    encoding: dict[str, list[float]] = {}
    vectors: dict[str, Any] = {}
    for turn in range(number):
        order = all_of_them[turn % len(all_of_them) :] + all_of_them[: turn % len(all_of_them)]  # type: ignore[operator]
        for contender in order:
            name = contender.name
            done = contender.ask("run", folders[name], given[name])
            rates[name].append(round(done["per_second"], 3))
            vectors[name] = done.get("vectors")
            if name not in (LOOP, RCLIP):
                alone = contender.ask("encode", folders[name], counts.others)["per_second"]
                encoding.setdefault(name, []).append(round(alone, 3))
    stages = {c.name: c.ask("stages", folders[c.name], BATCH) for c in all_of_them if c.name in encoding}
    return {
        "pictures": given,
        "per_second": rates,
        "encoding_alone": encoding,
        "milliseconds": {n: {k: round(v, 2) for k, v in s.items()} for n, s in stages.items()},
        "lowest_cosine_to_loop": {n: _lowest(vectors[n], vectors[LOOP]) for n in encoding},
    }


def _lowest(ours: list[list[float]], theirs: list[list[float]]) -> float:
    return round(float((np.array(ours) * np.array(theirs)).sum(1).min()), 6)
