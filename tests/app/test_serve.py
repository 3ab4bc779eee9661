"""The production server as a process: it says what is wrong before it starts, serves, and stops."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.serve import warm_up
from imagesearch.clip import open_model
from imagesearch.config import PROJECT
from imagesearch.search import Searcher
from localnode import Node
from localnode.node import free_port
from tests.conftest import environment, run_module
from tests.elastic import built_or_lacking
from tests.stores import Engine, Place
from tests.tls_proxy import TlsProxy


@dataclass(frozen=True)
class Server:
    """A running server process, what it said first, and its store."""

    process: subprocess.Popen[str]
    url: str
    said: str
    place: Place

    def get(self, path: str) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=250) as response:  # noqa: S310
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


@contextmanager
def running(folder: Path, pair: Path, place: Place, *command: str, **extra: str) -> Iterator[Server]:
    port = free_port()
    settings = {"MODEL": str(pair), "DATA": str(folder / "data"), "PORT": str(port), **place.environment}
    process = subprocess.Popen(
        command or (sys.executable, "-m", "app.serve"),
        cwd=PROJECT,
        env=environment(**settings, **extra),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    try:
        yield Server(process, f"http://127.0.0.1:{port}", process.stdout.readline(), place)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, pair: Path, engine: Engine, ingested: Place
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("serve")
    with engine.copy(ingested, folder / "store") as place, running(folder, pair, place) as made:
        yield made


def test_it_says_where_it_serves_and_nothing_else(server: Server) -> None:
    assert server.said == f"Serving on {server.url} (Ctrl-C stops it)\n"
    assert server.get("/health")[1]["pictures"] == 24


def test_what_another_process_ingests_is_found_at_once(
    engine: Engine, ingested: Place, pair: Path, gallery: Path, tmp_path: Path
) -> None:
    (tmp_path / "new").mkdir()
    shutil.copy(gallery / "circle" / "red.png", tmp_path / "new" / "newcomer.png")
    with engine.copy(ingested, tmp_path / "store") as place, running(tmp_path, pair, place) as server:
        assert server.get("/api/pictures?words=newcomer")[1]["total"] == 0
        done = run_module("ingest", tmp_path / "new", cwd=tmp_path, MODEL=str(pair), **place.environment)
        assert done.returncode == 0, done.stderr
        (new,) = server.get("/api/pictures?words=newcomer")[1]["results"]
        similar = server.get(new["links"]["similar"])[1]
        assert similar["results"][0]["path"] == "circle/red.png"
        assert server.get("/health")[1]["pictures"] == 25


def test_a_query_too_long_for_most_servers_gets_our_own_answer(server: Server) -> None:
    status, said = server.get("/api/search?q=" + "%E9%9B%AA" * 10_000)
    assert status == 400
    assert "10000 characters" in said["detail"]


def test_an_upload_over_the_cap_is_told_so(server: Server) -> None:
    request = urllib.request.Request(  # noqa: S310
        f"{server.url}/api/search",
        data=b"x" * 34_000_000,
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    with pytest.raises((urllib.error.HTTPError, urllib.error.URLError)) as raised:
        urllib.request.urlopen(request, timeout=60)  # noqa: S310
    if isinstance(raised.value, urllib.error.HTTPError):  # else the client saw only that we hung up
        with raised.value as error:
            assert error.code == 413
            assert json.load(error)["type"] == "/api/problems/upload-too-large"
    assert server.get("/health")[0] == 200


def refused(tmp_path: Path, *arguments: str, **extra: str) -> str:
    """What the server says when it does not start: one line, exit code 1."""
    done = run_module("app.serve", *arguments, cwd=tmp_path, DATA=str(tmp_path / "data"), **extra)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ")
    return line


def test_a_port_in_use(server: Server, pair: Path, tmp_path: Path) -> None:
    port = server.url.rsplit(":", 1)[1]
    line = refused(tmp_path, "--port", port, MODEL=str(pair))
    assert f"Port {port} is in use" in line
    assert "PORT=" in line
    assert "--port" in line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--port", "http"), "PORT"),
        (("--port", "70000"), "PORT"),
        (("--bind", "192.0.2.1"), "192.0.2.1"),
        (("--model", "nowhere"), "There is no model 'nowhere'"),
        (("--store", "/dev/null/store"), "/dev/null/store"),
    ],
)
def test_what_cannot_be_served(pair: Path, tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    assert says in refused(tmp_path, *arguments, MODEL=str(pair), PORT=str(free_port()))


def test_a_store_of_another_model(other_pair: Path, ingested: Place, tmp_path: Path) -> None:
    line = refused(tmp_path, *ingested.options, MODEL=str(other_pair), PORT=str(free_port()))
    assert "was made with the model" in line


def test_a_wrong_key_is_told_before_it_starts(elastic_url: str, pair: Path, tmp_path: Path) -> None:
    with TlsProxy(elastic_url, tmp_path / "tls") as proxy:
        line = refused(
            tmp_path,
            MODEL=str(pair),
            STORE=proxy.url,
            ELASTICSEARCH_CA=str(proxy.ca),
            ELASTICSEARCH_API_KEY="bm9ib2R5Om5vdGhpbmc=",
            PORT=str(free_port()),
        )
    assert "does not accept the key" in line
    assert "ELASTICSEARCH_API_KEY" in line


def test_an_engine_that_is_away_at_the_start_is_waited_for(tmp_path: Path, pair: Path, gallery: Path) -> None:
    built_or_lacking()
    node = Node(tmp_path / "node")
    place = Place(node.url)
    with running(tmp_path, pair, place, ELASTICSEARCH_PATIENCE="1") as made:
        assert f"Elasticsearch at {node.url} does not answer" in made.said
        wait_until(lambda: answers(made), "it answers")
        status, said = made.get("/health")
        assert (status, said["store"]["state"], said["pictures"]) == (200, "failing", None)
        assert made.get("/ready")[0] == 503
        assert made.get("/api/search?q=x")[1]["type"] == "/api/problems/store-unreachable"
        with node:
            wait_until(lambda: made.get("/ready")[0] == 200, "it is ready")
            assert made.get("/api/search?q=x")[1]["total"] == 0
            named = {"MODEL": str(pair), **place.environment}
            done = run_module("ingest", "--quiet", gallery, cwd=tmp_path, **named)
            assert done.returncode == 0, done.stderr
            assert made.get("/api/search?q=x")[1]["total"] == 24


def answers(server: Server) -> bool:
    try:
        return server.get("/health")[0] == 200
    except OSError:
        return False


def wait_until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.2)


def test_several_clients_at_once(server: Server) -> None:
    with ThreadPoolExecutor(6) as clients:
        answers = list(clients.map(server.get, ["/api/search?q=red&k=5"] * 12))
    assert {status for status, _ in answers} == {200}
    assert len({tuple(r["id"] for r in answer["results"]) for _, answer in answers}) == 1


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_told_to(tmp_path: Path, pair: Path, ingested: Place, stop: signal.Signals) -> None:
    with running(tmp_path, pair, ingested) as made:
        assert made.get("/ready")[0] == 200
        os.killpg(made.process.pid, stop)  # as Ctrl-C in a terminal does
        started = time.monotonic()
        assert made.process.wait(timeout=30) == 0
        assert time.monotonic() - started < 20
        assert made.process.stdout
        assert made.process.stdout.read() == ""
        with pytest.raises(OSError, match="refused"):
            made.get("/health")


def test_warming_up_leaves_the_picture_tower_alone(pair: Path, ingested: Place) -> None:
    model = open_model(str(pair))
    with ingested.opened() as store:
        warm_up(Searcher(store, model))
    assert "_computing" in vars(model.texts)
    assert "_computing" not in vars(model.pictures)


def test_flask_run_serves_it_too(tmp_path: Path, pair: Path, ingested: Place) -> None:
    flask = Path(sys.executable).with_name("flask")
    port = free_port()
    command = (str(flask), "--app", "app", "run", "--port", str(port))
    with running(tmp_path, pair, ingested, *command) as made:
        assert "Serving Flask app" in made.said
        url = f"http://127.0.0.1:{port}/health"
        for _ in range(200):
            try:
                with urllib.request.urlopen(url, timeout=10) as response:
                    assert json.load(response)["pictures"] == 24
                    return
            except OSError:
                time.sleep(0.1)
        pytest.fail("flask run did not answer")
