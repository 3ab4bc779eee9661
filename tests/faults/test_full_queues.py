"""More at a time than the node takes: its queues are as short as can be, and full."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from imagesearch.encoders import Model
from imagesearch.store import open_store
from localnode import Node
from tests.elastic import built_or_lacking
from tests.faults.bench import AWAY, Bench, assert_whole, wait_until
from tests.faults.conftest import MakeBench
from tests.imagesearch.pieces import entry

# One search of ours is several tasks at a time: with less room it would stand in its own way.
SHORT = {
    "thread_pool.write.size": "1",
    "thread_pool.write.queue_size": "1",
    "thread_pool.search.size": "1",
    "thread_pool.search.queue_size": "4",
}
AT_ONCE = 8


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node that does one thing at a time and lets one wait."""
    built_or_lacking()
    with Node(tmp_path_factory.mktemp("narrow") / "node", settings=SHORT) as node:
        yield node


def rejected(bench: Bench, pool: str) -> int:
    """How many tasks the node has refused for want of room."""
    (node,) = bench.ask(f"_nodes/stats/thread_pool?filter_path=nodes.*.thread_pool.{pool}")["nodes"].values()
    return int(node["thread_pool"][pool]["rejected"])


@contextmanager
def writing(bench: Bench, threads: int) -> Iterator[set[str]]:
    """Others that write at the same time, as fast as they can; gives the paths that were acknowledged."""
    enough, acknowledged = threading.Event(), set[str]()

    def write(writer: int) -> None:
        with open_store(bench.place.store, bench.settings(), patience=100) as store:
            for batch in range(1_000):
                if enough.is_set():
                    return
                entries = [entry(f"{writer}-{batch}-{i}.png") for i in range(20)]
                store.write(entries)
                acknowledged.update(e.picture.path for e in entries)

    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(write, i) for i in range(threads)]
        yield acknowledged
        enough.set()
    for each in running:
        each.result()


def test_ingest_goes_on_when_the_queue_of_writes_is_full(narrow: Node, make_bench: MakeBench) -> None:
    bench = make_bench(narrow.url, 30)
    others = make_bench(narrow.url, 0)
    with writing(others, threads=4) as acknowledged:
        wait_until(lambda: rejected(bench, "write"), "a write is refused")
        before = rejected(bench, "write")
        done = bench.ingest("--batch-size", 5)
        assert rejected(bench, "write") > before
    assert done.exit_code == 0, done.output
    assert done.output.startswith("30 new, 0 unchanged, 0 updated, 0 removed, 0 failed; 30 encoded.")
    assert_whole(bench)
    with others.place.opened() as store:
        assert sorted(state.path for state in store.files("/pictures")) == sorted(acknowledged)


def asking(app: Flask, path: str, times: int) -> list[tuple[int, dict[str, object]]]:
    """The answers to the same question, asked by several at once."""

    def ask(_: int) -> tuple[int, dict[str, object]]:
        answer = app.test_client().get(path)
        return answer.status_code, answer.get_json(force=True)

    with ThreadPoolExecutor(AT_ONCE) as clients:
        return list(clients.map(ask, range(times)))


@pytest.mark.parametrize("patience", [0, 60])
def test_searches_when_their_queue_is_full(
    narrow: Node, make_bench: MakeBench, model: Model, tmp_path: Path, patience: int
) -> None:
    bench = make_bench(narrow.url, 20)
    assert bench.ingest().exit_code == 0
    app = create_app(bench.settings(data=tmp_path / "data", elasticsearch_patience=patience), model)
    like = app.test_client().get("/api/pictures").get_json()["results"][0]["links"]["similar"]
    alone = app.test_client().get(like).get_json()["results"]
    before = rejected(bench, "search")
    answers: list[tuple[int, dict[str, object]]] = []

    def overrun() -> bool:
        answers.extend(asking(app, like, 4 * AT_ONCE))
        return rejected(bench, "search") > before

    wait_until(overrun, "a search is refused")
    assert len(alone) == 19
    assert all(body["results"] == alone for status, body in answers if status == 200)
    refused = [body for status, body in answers if status != 200]
    assert all(body["type"] in AWAY and body["status"] == 503 for body in refused)
    assert bool(refused) is (patience == 0)
    app.extensions["services"].store.close()
