"""What the tests share of Elasticsearch: one real node for all of them, and indices of their own."""

import os
import signal
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from imagesearch.elastic.documents import to_document
from imagesearch.elastic.mapping import IndexPlan, index_body
from imagesearch.records import Entry
from localnode import LocalNodeError, Node, build
from tests.shared import lifeline, once

# A node started with these has a trial licence, one without them the basic one.
TRIAL = {"xpack.license.self_generated.type": "trial"}


def built_or_lacking() -> None:
    """Build the node; where it cannot be built CI fails, and a user's machine skips with advice."""
    from tests.conftest import lacking  # which imports the fixtures below

    try:
        build()
    except LocalNodeError as error:
        lacking(str(error))


@pytest.fixture(scope="session")
def node() -> Node:
    """A running node that all tests share; each uses index names of its own."""
    return _running("node", {})


@pytest.fixture(scope="session")
def trial_node() -> Node:
    """A second one, with the trial licence; each test uses model ids of its own."""
    return _running("trial", TRIAL)


_started: list[Node] = []  # kept, since Python complains of processes that nobody waits for


def _running(name: str, settings: Mapping[str, str]) -> Node:
    built_or_lacking()

    def start(folder: Path) -> None:
        _started.append(Node(folder, settings=settings, lifeline=lifeline()))
        _started[-1].start()
        (folder / "port").write_text(str(_started[-1].port))

    folder = once(name, start)
    return Node(folder, int((folder / "port").read_text()))


@pytest.fixture(scope="session")
def elastic_url(node: Node) -> str:
    """Where the shared node answers."""
    return node.url


@pytest.fixture
def fresh_index(elastic_url: str) -> Iterator[str]:
    """An alias that no other test uses; what was made under it is deleted afterwards."""
    with index_at(elastic_url) as alias:
        yield alias


@contextmanager
def index_at(url: str) -> Iterator[str]:
    """The same on the node at `url`, for as long as needed."""
    alias = f"t{uuid.uuid4().hex[:12]}"
    yield alias
    names = requests.get(f"{url}/_cat/indices/{alias}*?format=json&h=index", timeout=30).json()
    for name in (row["index"] for row in names):
        requests.delete(f"{url}/{name}", timeout=30).raise_for_status()


# What came to the mapping after the first version of this program.
_NEW_FIELDS = "caption taken_at camera lens rating colours phash album orientation given".split()


def make_older_index(url: str, alias: str, old: Entry) -> None:
    """An index as the first version of this program made it, with `old` in it."""
    body = index_body(IndexPlan(), len(old.embedding), meta={"version": 1, "model": None})
    properties = body["mappings"]["properties"]
    for name in _NEW_FIELDS:
        del properties[name]
    del properties["words"]["properties"]["caption"]
    body["aliases"] = {alias: {"is_write_index": True}}
    requests.put(f"{url}/{alias}-000001", json=body, timeout=30).raise_for_status()
    document = {name: value for name, value in to_document(old).items() if name in properties}
    where = f"{url}/{alias}-000001/_doc/{old.picture.id}?refresh=true"
    requests.put(where, json=document, timeout=30).raise_for_status()


@contextmanager
def full_queue(node: Node, model_id: str) -> Iterator[None]:
    """While it lasts every inference of the model is refused (429): its process paused, its queue full."""
    url, process = f"{node.url}/_ml/trained_models/{model_id}", node.inference_pid(model_id)
    capacity = _deployment(url)["queue_capacity"]
    body = {"docs": [{"text_field": "waiting"}]}
    with ThreadPoolExecutor(capacity + 1) as pool:
        os.kill(process, signal.SIGSTOP)
        try:
            deadline = time.monotonic() + 60
            while _deployment(url)["nodes"][0]["number_of_pending_requests"] <= capacity:
                assert time.monotonic() < deadline, "the queue did not fill"
                pool.submit(requests.post, f"{url}/_infer", json=body, params={"timeout": "60s"}, timeout=90)
                time.sleep(0.1)
            yield
        finally:
            os.kill(process, signal.SIGCONT)


def _deployment(url: str) -> dict[str, Any]:
    stats = requests.get(f"{url}/_stats", timeout=30).json()["trained_model_stats"][0]
    deployment: dict[str, Any] = stats["deployment_stats"]
    return deployment
