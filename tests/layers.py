"""The layers of the tests: which test is of which, what one may cost, and what each run took.

Every run leaves what its tests took in test-results/times.jsonl; `python -m tests.layers` adds it up. A test
is of the first layer below whose mark it bears: it takes minutes; it drives a browser; it started a process
of its own; it asks a node of Elasticsearch; none of these.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

# Seconds that one test may take, besides what it shares with others, while all cores are busy.
BUDGETS = {"long": 240.0, "page": 15.0, "process": 30.0, "node": 10.0, "plain": 5.0}
TIMES = Path("test-results/times.jsonl")
_NODES = {"node", "trial_node", "elastic_url", "hurt"}


class Layers:
    """The plugin that keeps the times, and names the tests that took longer than their layer allows."""

    def __init__(self, config: pytest.Config) -> None:
        self._worker = hasattr(config, "workerinput")
        self._started = 0
        self._seconds: dict[str, dict[str, float]] = defaultdict(dict)
        self._over: list[str] = []
        if not self._worker:
            TIMES.parent.mkdir(exist_ok=True)
            TIMES.write_text("")
        sys.addaudithook(self._hear)

    def _hear(self, event: str, _: tuple[object, ...]) -> None:
        if event == "subprocess.Popen":
            self._started += 1

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None]:
        """Note the layer: a process that fixtures started is not the test's own."""
        before = self._started
        try:
            yield
        finally:
            item.user_properties.append(("layer", layer(item, starts=self._started > before)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add a phase of a test, and with the last one write all."""
        if self._worker:
            return
        seconds = self._seconds[report.nodeid]
        seconds[report.when or ""] = round(report.duration, 3)
        if report.when != "teardown":
            return
        name = re.sub(r"@[^]]*$", "", report.nodeid)  # the group that made one worker run it
        known: dict[str, Any] = dict(report.user_properties)
        row = {"test": name, "layer": known.get("layer", "skipped"), **self._seconds.pop(report.nodeid)}
        with TIMES.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        took, budget = row.get("call", 0.0), BUDGETS.get(row["layer"])
        if budget and took > budget:
            self._over.append(f"{took:.0f} s, {row['layer']} ({budget:.0f} s): {name}")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name them."""
        if self._over:
            terminalreporter.section("tests that took longer than their layer allows (CONTRIBUTING.md)")
            for line in sorted(self._over):
                terminalreporter.line(line)


def layer(item: pytest.Item, *, starts: bool) -> str:
    """Which one a test is of; `starts` says whether it started a process."""
    fixtures = set(getattr(item, "fixturenames", ()))
    if item.get_closest_marker("long"):
        return "long"
    if "browser" in fixtures:
        return "page"
    if starts:
        return "process"
    callspec = getattr(item, "callspec", None)
    engine = callspec.params.get("engine") if callspec else None
    return "node" if fixtures & _NODES or engine == "elasticsearch" else "plain"


def _report(slowest: int = 25) -> Iterator[str]:
    rows = [json.loads(line) for line in TIMES.read_text(encoding="utf-8").splitlines()]
    yield f"{'layer':10}{'tests':>7}{'setup s':>10}{'call s':>10}{'teardown s':>12}"
    for name in [*BUDGETS, "skipped"]:
        of = [row for row in rows if row["layer"] == name]
        sums = [sum(row.get(phase, 0.0) for row in of) for phase in ("setup", "call", "teardown")]
        yield f"{name:10}{len(of):7}{sums[0]:10.0f}{sums[1]:10.0f}{sums[2]:12.0f}"
    yield ""
    for row in sorted(rows, key=lambda row: -_whole(row))[:slowest]:
        yield f"{_whole(row):7.1f} s  {row['layer']:8} {row['test']}"


def _whole(row: dict[str, Any]) -> float:
    return sum(float(row.get(phase, 0.0)) for phase in ("setup", "call", "teardown"))


if __name__ == "__main__":
    print("\n".join(_report()))
