"""The stages of a measurement. Each is written down when it is done; a run goes on where it stopped."""

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from benchmarks.knn import local
from benchmarks.knn.asking import Ask, ask, pages, rescoring
from benchmarks.knn.index import Index, heap_mb, node_cpu
from benchmarks.knn.local import Embedded, Usearch
from benchmarks.knn.questions import SCOPES, IntArray, Questions
from benchmarks.knn.vectors import World


class Results:
    """What was measured so far, in a JSON file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

    def put(self, *keys: str, value: object) -> None:
        """Write `value` at `content[key][key]…`, and the file at once."""
        place = self.content
        for key in keys[:-1]:
            place = place.setdefault(key, {})
        place[keys[-1]] = value
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps(self.content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(self._file)

    def of(self, kind: str) -> dict[str, Any]:
        """What is known of one kind of index."""
        found: dict[str, Any] = self.content.get("kinds", {}).get(kind, {})
        return found


@dataclass(frozen=True)
class Asked:
    """Questions of one sort with their exact answers by the scope's name."""

    questions: Questions
    nearest: Mapping[str, IntArray]


FANOUT = "merged, fanout"


def measure(index: Index, size: int, world: World, asked: Iterable[Asked], results: Results) -> None:
    """Load, ask, merge, ask again: what of that is not in `results` yet."""
    kind = index.kind

    def answers(asks: Iterable[Ask], heuristic: str = "acorn") -> list[dict[str, Any]]:
        index.filter_by(heuristic)
        listed = list(asks)
        return [row for each in asked for row in ask(index, listed, each.questions, each.nearest)]

    _load(index, size, world, results)
    stages: dict[str, Callable[[], Any]] = {
        "as loaded": lambda: answers(pages(kind)),
        "merge": lambda: _merge(index),
        "merged": lambda: answers([*pages(kind), *rescoring(kind)]),
        FANOUT: lambda: answers(pages(kind, SCOPES[1:]), "fanout"),
    }
    for stage, work in stages.items():
        if stage not in results.of(index.kind):
            click.echo(f"{time.strftime('%T')} {index.kind}: {stage}")
            results.put("kinds", index.kind, stage, value=work())


def measure_local(
    store: Embedded | Usearch, size: int, world: World, asked: Iterable[Asked], results: Results
) -> None:
    """Load a store without a server, which is empty, and ask it what is not in `results` yet."""
    click.echo(f"{time.strftime('%T')} {store.kind}")
    loaded = local.load(store, world, size)
    if "merged" not in results.of(store.kind):
        results.put("kinds", store.kind, "load", value=loaded)
        rows = [row for each in asked for row in store.ask(each.questions, each.nearest)]
        results.put("kinds", store.kind, "merged", value=rows)


def _load(index: Index, size: int, world: World, results: Results) -> None:
    done = results.of(index.kind).get("load", _NOTHING) if index.exists() else _NOTHING
    if "segments" in done:
        return
    if not done["count"]:
        index.delete()
        index.create()
    clock = _Clock(index)
    for count in index.load(world, done["count"], size):
        done = clock.added(done) | {"count": count}
        results.put("kinds", index.kind, "load", value=done)
        click.echo(f"{time.strftime('%T')} {index.kind}: {count:,} in {done['seconds']:.0f} s")
    results.put("kinds", index.kind, "load", value=clock.added(done) | _weight(index))


def _merge(index: Index) -> dict[str, Any]:
    clock = _Clock(index)
    index.merge()
    return clock.added(_NOTHING) | _weight(index)


class _Clock:
    """Time that passed and CPU time that the node used, since it was last looked at."""

    def __init__(self, index: Index) -> None:
        self._client = index.client
        self._last = self._now()

    def _now(self) -> tuple[float, float]:
        return time.monotonic(), node_cpu(self._client)

    def added(self, done: Mapping[str, Any]) -> dict[str, Any]:
        """`done` with what came since added to its `seconds` and `cpu_seconds`."""
        (before, cpu_before), self._last = self._last, self._now()
        seconds = done["seconds"] + self._last[0] - before
        cpu = done["cpu_seconds"] + self._last[1] - cpu_before
        return {**done, "seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1)}


_NOTHING: dict[str, Any] = {"count": 0, "seconds": 0.0, "cpu_seconds": 0.0}


def _weight(index: Index) -> dict[str, Any]:
    return {"segments": index.segments(), "disk": index.disk(), "heap_mb": heap_mb(index.client)}


def machine() -> dict[str, Any]:
    """The machine that measures, in words and numbers."""
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cpu": cpu[0].split(": ")[1], "cores": os.cpu_count(), "memory_gib": round(memory / 2**30, 1)}
