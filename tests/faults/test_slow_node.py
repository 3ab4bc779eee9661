"""A node that answers nothing for a while, its connections open: SIGSTOP."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from imagesearch.encoders import Model
from localnode import Node
from tests.faults.bench import assert_whole, wait_until
from tests.faults.conftest import After, MakeBench


def pause(node: Node, seconds: float) -> None:
    """Stop the node, and let it go on by itself."""
    node.pause()
    threading.Timer(seconds, node.resume).start()


def test_requests_of_an_ingest_that_time_out_are_sent_again(
    hurt: Node, make_bench: MakeBench, after: After, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELASTICSEARCH_TIMEOUT", "1")
    bench = make_bench(hurt.url, 40)
    after(16, lambda: pause(hurt, seconds=6))
    done = bench.ingest("--batch-size", 8)
    assert done.exit_code == 0, done.output
    assert done.output.startswith("40 new, 0 unchanged, 0 updated, 0 removed, 0 failed; 40 encoded.")
    assert_whole(bench)


@pytest.fixture
def api(hurt: Node, make_bench: MakeBench, model: Model, tmp_path: Path) -> Iterator[FlaskClient]:
    """The application on 20 pictures; it gives up soon."""
    bench = make_bench(hurt.url, 20)
    assert bench.ingest().exit_code == 0
    soon = {"elasticsearch_timeout": 1, "elasticsearch_patience": 1}
    app = create_app(bench.settings(data=tmp_path / "data", **soon), model)
    yield app.test_client()
    app.extensions["services"].store.close()


def test_a_search_that_gets_no_answer_says_so_soon(hurt: Node, api: FlaskClient) -> None:
    like = api.get("/api/pictures").get_json()["results"][0]["links"]["similar"]
    before = api.get(like).get_json()["results"]
    assert len(before) == 19
    hurt.pause()
    begun = time.monotonic()
    answer = api.get(like)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert answer.get_json()["type"] == "/api/problems/store-unreachable"
    health = api.get("/health")
    assert health.status_code == 200
    assert health.get_json()["store"]["state"] == "failing"
    assert time.monotonic() - begun < 25  # one request may take 30 with the usual settings
    hurt.resume()
    wait_until(lambda: api.get(like).status_code == 200, "searches are answered again")
    assert api.get(like).get_json()["results"] == before
