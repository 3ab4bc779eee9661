"""What the tests of faults share: the doors as processes, and what has to be true when the fault is over."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
import requests
from click.testing import CliRunner, Result

from imagesearch.config import PROJECT, Settings
from imagesearch.records import NO_FILTERS, FloatArray, Knn, Window
from ingest.__main__ import main
from localnode.node import free_port
from tests.conftest import environment, make_pictures
from tests.stores import Place

# What python -m ingest ends with when it was interrupted.
INTERRUPTED = 130


def wait_until(true: Callable[[], object], what: str, seconds: float = 120) -> None:
    """Look again and again until `true` says so; fails, naming `what`, if that takes too long."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def wait_for_more(counted: Callable[[], int], more: int, what: str) -> None:
    """Until the count has grown so much."""
    goal = counted() + more
    wait_until(lambda: counted() >= goal, f"{more} more {what}")


@dataclass(frozen=True)
class Bench:
    """A folder of pictures, a tiny model pair, and a place in Elasticsearch of their own."""

    pair: Path
    pictures: Path
    place: Place

    @property
    def index(self) -> str:
        """The alias."""
        return self.place.index

    @property
    def names(self) -> list[str]:
        """The files there are, in order."""
        return sorted(file.name for file in self.pictures.iterdir())

    def add(self, count: int) -> None:
        """So many more pictures."""
        make_pictures(self.pictures, count, start=len(self.names))

    def ingest(self, *options: object) -> Result:
        """The command line of ingest on the folder, within this process, to its end."""
        given = ("pictures", "--quiet", "--model", self.pair, *self.place.options, *options, self.pictures)
        return CliRunner().invoke(main, [str(word) for word in given])

    @contextmanager
    def ingesting(self, *options: object, **settings: str) -> Iterator["Started"]:
        """The same, started: a request to write for each picture, so that there is much of a middle."""
        command = ("-m", "ingest", "--quiet", "--batch-size", "1", *map(str, options), str(self.pictures))
        with started(self, *command, **settings) as process:
            yield process

    @contextmanager
    def serving(self, folder: Path, **settings: str) -> Iterator["Server"]:
        """`python -m app.serve`, started; what it keeps is below `folder`."""
        port = free_port()
        more = {"PORT": str(port), "DATA": str(folder), **settings}
        with started(self, "-m", "app.serve", **more) as process:
            yield Server(process, f"http://127.0.0.1:{port}")

    def settings(self, **more: object) -> Settings:
        """The settings of an application within the tests."""
        return self.place.settings(model=str(self.pair), **more)

    def ask(self, path: str) -> dict[str, Any]:
        """What Elasticsearch itself says, from the first node that answers; nothing if it has no answer."""
        found: dict[str, Any] = self._asked(path) or {}
        return found

    def rows(self, table: str) -> list[dict[str, str]]:
        """One of its tables (`_cat`)."""
        found: list[dict[str, str]] = self._asked(f"_cat/{table}?format=json") or []
        return found

    def _asked(self, path: str) -> Any:  # noqa: ANN401  # JSON
        for url in self.place.store.split(","):
            with suppress(requests.RequestException):
                answer = requests.get(f"{url}/{path}", timeout=60)
                return answer.json() if answer.ok else None
        return None

    def written(self) -> int:
        """How many documents Elasticsearch has taken since it started, whether they are shown yet or not."""
        counted = self.ask(f"{self.index}/_stats/indexing").get("_all")
        return int(counted["primaries"]["indexing"]["index_total"]) if counted and counted["primaries"] else 0

    def refresh_interval(self) -> str:
        """How often the index shows what was written."""
        (only,) = self.ask(f"{self.index}/_settings").values()
        return str(only["settings"]["index"]["refresh_interval"])


@dataclass(frozen=True)
class Started:
    """A process that runs, and the files that hold what it said."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def ended(self, seconds: float = 250) -> int:
        """Its exit code, once it has ended."""
        return self.process.wait(seconds)

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    @property
    def said(self) -> str:
        """What it reported."""
        return self.out.read_text(encoding="utf-8")

    @property
    def log(self) -> str:
        """What it said beside that."""
        return self.err.read_text(encoding="utf-8")


@contextmanager
def started(bench: Bench, *arguments: str, **settings: str) -> Iterator[Started]:
    """A Python process with the settings of `bench`; ended at the end, if it still runs."""
    folder = bench.pictures.parent
    number = len(list(folder.glob("*.out")))
    out, err = folder / f"{number}.out", folder / f"{number}.err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = _spawn(
            arguments,
            environment(MODEL=str(bench.pair), **bench.place.environment, **settings),
            stdout,
            stderr,
        )
    try:
        yield Started(process, out, err)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()


def _spawn(
    arguments: tuple[str, ...], env: dict[str, str], out: IO[bytes], err: IO[bytes]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *arguments], cwd=PROJECT, env=env, stdout=out, stderr=err)


@dataclass(frozen=True)
class Answer:
    """What the server answered: JSON from the API, else the text of the page."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def paths(self) -> list[str]:
        """The pictures that were found, in their order."""
        return [result["path"] for result in self.body["results"]]


@dataclass(frozen=True)
class Server:
    """A server process."""

    started: Started
    url: str

    def get(self, path: str) -> Answer:
        """What a GET of `path` gives, whether it is well or not."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=100) as response:  # noqa: S310  # our own
                return _answer(response)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error)

    def wait(self) -> None:
        """Until it says that it serves."""
        wait_until(lambda: "Serving on" in self.started.said or not self.started.running, "the server")
        assert self.started.running, self.started.log


def _answer(response: HTTPResponse | urllib.error.HTTPError) -> Answer:
    text = response.read().decode()
    is_json = "json" in response.headers["Content-Type"]
    return Answer(response.status or 0, dict(response.headers), json.loads(text) if is_json else text)


# What an answer may say while nodes are killed, paused or overrun.
AWAY = {f"/api/problems/{name}" for name in ("store-unreachable", "store-degraded", "store-busy")}


def assert_away(answer: Answer) -> None:
    """A clear word that the pictures cannot be had just now, and when to ask again."""
    assert answer.status == 503
    assert answer.headers["Retry-After"]
    if isinstance(answer.body, str):
        assert "The pictures are away for a moment" in answer.body
        assert "data-retry" in answer.body
    else:
        assert answer.body["type"] in AWAY
        assert "Try again in a few seconds" in answer.body["detail"]


def assert_whole(bench: Bench) -> None:
    """Every file is found, once, by browsing and by searching; the index is set as when it serves."""
    with bench.place.opened() as store:
        browsed = store.browse(NO_FILTERS, Window(0, 10_000))
        ranked = store.knn(Knn(_anything(), window=Window(0, 10_000)))
    for page in (browsed, ranked):
        assert sorted(hit.picture.path for hit in page.hits) == bench.names
        assert page.total == len(bench.names)
    assert bench.refresh_interval() == "5s"


def found(bench: Bench) -> list[str]:
    """The paths of what a search finds now, in order."""
    with bench.place.opened() as store:
        return sorted(hit.picture.path for hit in store.browse(NO_FILTERS, Window(0, 10_000)).hits)


def _anything() -> FloatArray:
    vector = np.zeros(512, dtype=np.float32)
    vector[0] = 1
    return vector
