"""How far a run is, for whoever watches it: a line in a terminal, JSON lines, or nothing."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from typing import Literal, Protocol

from tqdm import tqdm

from imagesearch.errors import BadSource
from imagesearch.sources import FoundFile
from ingest.plan import Survey
from ingest.report import Report

# For how many seconds back the rate is said.
_WINDOW = 60
_LINE_SECONDS = 0.5
_JSON_SECONDS = 5.0


@dataclass(frozen=True)
class State:
    """How far a run is: files gone through, of how many (None while that is being counted).

    `per_second` is over the last minute; `seconds_left` follows from it.
    """

    done: int
    total: int | None
    failed: int
    per_second: float
    seconds_left: float | None


class Bar(Protocol):
    """What counts towards a total; tqdm is one."""

    def update(self, n: float = 1) -> object: ...


class ProgressBar(Protocol):
    """Starts showing progress towards a total."""

    def __call__(self, total: int) -> AbstractContextManager[Bar]: ...


class Progress(Protocol):
    """Follows a run and shows how far it is."""

    def following(self, survey: Survey, report: Report) -> AbstractContextManager[None]: ...


class Silent:
    """Shows nothing."""

    def following(self, survey: Survey, report: Report) -> AbstractContextManager[None]:  # noqa: ARG002
        return nullcontext()


class Watching:
    """Hands the state of a run to `show`, every so many seconds and at its end."""

    def __init__(self, seconds: float, show: Callable[[State], None]) -> None:
        self._seconds = seconds
        self._show = show

    @contextmanager
    def following(self, survey: Survey, report: Report) -> Iterator[None]:
        meter, over = _Meter(survey, report), threading.Event()

        def watch() -> None:
            while not over.wait(self._seconds):
                self._show(meter.state())

        counter = threading.Thread(target=meter.count, daemon=True)
        watcher = threading.Thread(target=watch, daemon=True)
        counter.start()
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()
            meter.give_up()
            self._show(meter.state())


class Line:
    """One line in a terminal."""

    @contextmanager
    def following(self, survey: Survey, report: Report) -> Iterator[None]:
        form = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} {postfix}"
        with tqdm(bar_format=form, postfix="", leave=False) as bar:

            def show(state: State) -> None:
                bar.n, bar.total = state.done, state.total or state.done
                bar.set_postfix_str(in_words(state))

            with Watching(_LINE_SECONDS, show).following(survey, report):
                yield


def json_lines(echo: Callable[[str], None]) -> Watching:
    """A line of JSON every few seconds."""

    def show(state: State) -> None:
        echo(json.dumps({"event": "progress", **asdict(state)}))

    return Watching(_JSON_SECONDS, show)


def chosen(
    log: Literal["text", "json"], *, quiet: bool, terminal: bool, echo: Callable[[str], None]
) -> Progress:
    """The progress to show: none that nobody would see."""
    if quiet or (log == "text" and not terminal):
        return Silent()
    return json_lines(echo) if log == "json" else Line()


def in_words(state: State) -> str:
    """The rate, the time left and the failures."""
    said = [f"{state.per_second:.1f}/s"]
    if state.total is None:
        said.append("still counting")
    elif state.seconds_left is not None:
        said.append(f"{_duration(state.seconds_left)} left")
    if state.failed:
        said.append(f"{state.failed} failed")
    return ", ".join(said)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


class _Meter:
    """Measures a run from outside it."""

    def __init__(self, survey: Survey, report: Report) -> None:
        self._survey = survey
        self._report = report
        self._counted = 0
        self._whole = False
        self._leave = False
        self._past = deque([(time.monotonic(), 0)])

    def count(self) -> None:
        """Count the files of the run; may take long."""
        share = self._survey.asked.share
        for root in self._survey.roots:
            with suppress(BadSource):
                for found in root.source.walk(root.within):
                    if self._leave:
                        return
                    self._counted += isinstance(found, FoundFile) and share.holds(found.location)
        self._whole = True

    def give_up(self) -> None:
        """No total is needed any more."""
        self._leave = True

    def state(self) -> State:
        """The state now."""
        now, done = time.monotonic(), self._survey.settled + self._report.tried
        self._past.append((now, done))
        while len(self._past) > 2 and self._past[1][0] < now - _WINDOW:
            self._past.popleft()
        since, before = self._past[0]
        rate = (done - before) / max(now - since, 1e-9)
        total = max(self._counted, done) if self._whole else None
        left = (total - done) / rate if total is not None and rate > 0 else None
        return State(
            done, total, self._report.failed, round(rate, 1), None if left is None else round(left, 1)
        )
