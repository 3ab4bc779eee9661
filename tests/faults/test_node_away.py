"""The node is not there: at the start, in the middle, and for longer than anyone waits."""

import signal
import time
from pathlib import Path

import pytest

from imagesearch.elastic import ElasticStore
from imagesearch.store import open_store
from localnode import Node
from localnode.node import free_port
from tests.faults.bench import INTERRUPTED, assert_away, assert_whole, found, wait_for_more, wait_until
from tests.faults.conftest import After, MakeBench


def test_server_and_ingest_start_before_the_node(hurt: Node, make_bench: MakeBench, tmp_path: Path) -> None:
    bench = make_bench(hurt.url)
    hurt.stop()
    soon = {"ELASTICSEARCH_PATIENCE": "1"}
    with bench.serving(tmp_path / "data", **soon) as server, bench.ingesting() as ingest:
        server.wait()
        for path in ("/api/search?q=snow", "/api/pictures", "/?q=snow"):
            assert_away(server.get(path))
        assert f"Elasticsearch at {hurt.url} does not answer" in server.started.log
        assert "Traceback" not in server.started.log
        wait_until(lambda: "Trying again" in ingest.log, "the ingest says that it waits")
        assert f"Elasticsearch at {hurt.url} does not answer" in ingest.log
        assert ingest.running
        hurt.start()
        assert ingest.ended() == 0, ingest.log
        assert ingest.said.startswith("60 new, 0 unchanged")
        answer = server.get("/api/search?q=snow&k=60")
        assert answer.status == 200, server.started.log
        assert sorted(answer.paths) == bench.names
        assert server.get("/?q=snow").status == 200
        assert server.get("/health").body["pictures"] == 60
    assert_whole(bench)


def test_a_node_killed_in_the_middle_of_an_ingest_and_started_again(
    hurt: Node, make_bench: MakeBench
) -> None:
    bench = make_bench(hurt.url, 100)
    with bench.ingesting() as ingest:
        for _ in range(2):
            wait_for_more(bench.written, 20, "pictures are written")
            hurt.kill()
            assert ingest.running
            hurt.start()
        assert ingest.ended() == 0, ingest.log
        assert ingest.said.startswith("100 new, 0 unchanged, 0 updated, 0 removed, 0 failed; 100 encoded.")
        assert "Traceback" not in ingest.log
    assert_whole(bench)


def test_interrupted_while_it_waits_it_ends_at_once(hurt: Node, make_bench: MakeBench) -> None:
    bench = make_bench(hurt.url, 20)
    assert bench.ingest().exit_code == 0
    bench.add(100)
    with bench.ingesting() as ingest:
        wait_for_more(bench.written, 20, "pictures are written")
        hurt.kill()
        wait_until(lambda: "Trying again" in ingest.log, "the ingest says that it waits")
        ingest.process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        assert ingest.ended() == INTERRUPTED
        assert time.monotonic() - begun < 60
        assert "Interrupted. What is counted above is kept; run the same again to go on." in ingest.log
        assert "Traceback" not in ingest.log
        reported = int(ingest.said.split()[0])
    hurt.start()
    known = found(bench)
    assert 20 + reported <= len(known) <= 20 + reported + 2  # the requests in hand may have got through
    assert bench.ingest().output.startswith(f"{120 - len(known)} new, {len(known)} unchanged")
    assert_whole(bench)


def test_interrupted_before_the_node_ever_answered(make_bench: MakeBench) -> None:
    bench = make_bench(f"http://127.0.0.1:{free_port()}", 1)
    with bench.ingesting() as ingest:
        wait_until(lambda: "Trying again" in ingest.log, "the ingest says that it waits")
        ingest.process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        assert ingest.ended() == INTERRUPTED
        assert time.monotonic() - begun < 60
        assert "Traceback" not in ingest.log


def test_away_for_longer_than_an_ingest_is_patient(
    hurt: Node, make_bench: MakeBench, after: After, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.pictures.PATIENCE", 1)
    bench = make_bench(hurt.url, 10)
    after(4, hurt.kill)
    begun = time.monotonic()
    done = bench.ingest("--batch-size", 2)
    assert time.monotonic() - begun < 60
    assert done.exit_code == 1
    reported = int(done.output.split(" new")[0])
    assert 4 <= reported < 10
    assert f"Error: Elasticsearch at {hurt.url} does not answer" in done.output
    assert done.output.endswith("What is counted above is kept; run the same again to go on.\n")
    hurt.start()
    known = len(found(bench))
    assert reported <= known <= reported + 4, "the two batches in hand may have got through"
    assert bench.ingest().output.startswith(f"{10 - known} new, {known} unchanged")
    assert_whole(bench)


def test_the_list_of_what_is_known_is_read_anew_if_the_node_was_lost(
    hurt: Node, make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ElasticStore.scan, "__defaults__", (5,))  # pictures at a time
    bench = make_bench(hurt.url, 12)
    assert bench.ingest().exit_code == 0
    with open_store(bench.place.store, bench.settings(), patience=100) as store:
        listed = store.files(str(bench.pictures))
        first = next(listed)
        hurt.kill()
        hurt.start()
        paths = {first.path, *(state.path for state in listed)}
    assert sorted(paths) == bench.names
