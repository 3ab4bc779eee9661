"""Three nodes that are one cluster, and one of them is killed."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from localnode import Cluster, Node
from tests.elastic import built_or_lacking
from tests.faults.bench import Answer, Bench, Server, assert_away, assert_whole, wait_for_more, wait_until
from tests.faults.conftest import MakeBench

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    built_or_lacking()
    # It notices a node that hangs after 9 seconds, not 30.
    soon = {f"cluster.fault_detection.{role}_check.timeout": "3s" for role in ("follower", "leader")}
    with Cluster(tmp_path_factory.mktemp("cluster"), nodes=3, settings=soon) as running:
        yield running


def holder(cluster: Cluster, bench: Bench) -> Node:
    """The node that takes the writes of the bench's index first."""
    (primary,) = (row["node"] for row in bench.rows(f"shards/{bench.index}") if row["prirep"] == "p")
    return cluster.nodes[int(primary.removeprefix("node-"))]


def master(cluster: Cluster, bench: Bench) -> Node:
    (chosen,) = bench.rows("master")
    return cluster.nodes[int(chosen["node"].removeprefix("node-"))]


@contextmanager
def searching(server: Server, path: str, threads: int = 4) -> Iterator[list[Answer]]:
    """Searches by several at once, again and again; gives all the answers."""
    enough, answers = threading.Event(), list[Answer]()

    def ask() -> None:
        while not enough.is_set():
            answers.append(server.get(path))

    with ThreadPoolExecutor(threads) as pool:
        asking = [pool.submit(ask) for _ in range(threads)]
        try:
            yield answers
        finally:
            enough.set()
    for each in asking:
        each.result()


def assert_right_or_away(answer: Answer, right: object) -> None:
    if answer.status == 200:
        assert answer.body["results"] == right
    else:
        assert_away(answer)


def test_a_node_killed_during_searches(cluster: Cluster, make_bench: MakeBench, tmp_path: Path) -> None:
    bench = make_bench(",".join(cluster.urls), 40)
    assert bench.ingest().exit_code == 0
    cluster.wait_until_green()
    with bench.serving(tmp_path / "data") as server:
        server.wait()
        query = "/api/search?q=snow&k=40"
        before = server.get(query).body["results"]
        assert sorted(result["path"] for result in before) == bench.names
        for find in (holder, master):
            node = find(cluster, bench)
            with searching(server, query) as answers:
                wait_for_more(answers.__len__, 20, "answers")
                node.kill()
                wait_for_more(answers.__len__, 100, "searches")
                assert server.get(query).status == 200, "it is well again while the node is away"
            for answer in answers:
                assert_right_or_away(answer, before)
            node.start()
            cluster.wait_until_green()
        assert "Traceback" not in server.started.log


@pytest.mark.parametrize("find", [holder, master])
def test_a_node_killed_during_an_ingest(
    cluster: Cluster, make_bench: MakeBench, find: Callable[[Cluster, Bench], Node]
) -> None:
    bench = make_bench(",".join(cluster.urls), 10)
    assert bench.ingest().exit_code == 0
    # Else the node that is killed may be the only one that has what was written.
    cluster.wait_until_green()
    bench.add(200)
    node = find(cluster, bench)
    with bench.ingesting() as ingest:
        wait_for_more(bench.written, 10, "pictures are written")
        assert ingest.running
        node.kill()
        assert ingest.ended() == 0, ingest.log
    assert ingest.said.startswith("200 new, 10 unchanged, 0 updated, 0 removed, 0 failed; 200 encoded.")
    assert "Traceback" not in ingest.log
    assert_whole(bench)
    node.start()
    cluster.wait_until_green()
    assert_whole(bench)


def test_a_node_that_hangs(cluster: Cluster, make_bench: MakeBench, tmp_path: Path) -> None:
    bench = make_bench(",".join(cluster.urls), 40)
    more = make_bench(",".join(cluster.urls), 60)
    assert bench.ingest().exit_code == 0
    cluster.wait_until_green()
    soon = {"ELASTICSEARCH_TIMEOUT": "3", "ELASTICSEARCH_PATIENCE": "3"}
    node = holder(cluster, bench)
    with bench.serving(tmp_path / "data", **soon) as server:
        server.wait()
        query = "/api/search?q=snow&k=40"
        before = server.get(query).body["results"]
        with searching(server, query) as answers, more.ingesting(**soon) as ingest:
            wait_for_more(more.written, 5, "pictures are written")
            node.pause()
            assert ingest.ended() == 0, ingest.log
            wait_until(lambda: server.get(query).status == 200, "searches are answered while it hangs")
            node.resume()
            wait_for_more(answers.__len__, 20, "answers")
        for answer in answers:
            assert_right_or_away(answer, before)
        assert "Traceback" not in server.started.log
    assert ingest.said.startswith("60 new, 0 unchanged")
    cluster.wait_until_green()
    assert_whole(bench)
    assert_whole(more)


def test_without_copies_the_lost_part_is_waited_for(
    cluster: Cluster, make_bench: MakeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPLICAS", "0")
    monkeypatch.setattr("ingest.pictures.PATIENCE", 3)
    bench = make_bench(",".join(cluster.urls), 20)
    assert bench.ingest().exit_code == 0
    bench.add(20)
    node = holder(cluster, bench)
    node.kill()
    with bench.serving(tmp_path / "data", ELASTICSEARCH_PATIENCE="1") as server:
        done = bench.ingest()
        assert done.exit_code == 1
        assert "health is red: a part of an index is missing" in done.output, done.output
        server.wait()
        answer = server.get("/api/search?q=snow&k=40")
        assert_away(answer)
        assert answer.body["type"] == "/api/problems/store-degraded"
        node.start()
        wait_until(lambda: server.get("/api/search?q=snow").status == 200, "searches are answered again")
    done = bench.ingest()
    assert done.output.startswith("20 new, 20 unchanged"), done.output
    assert_whole(bench)
