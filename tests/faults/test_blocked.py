"""The index takes no more writes, in the middle of an ingest."""

from collections.abc import Callable

import pytest
import requests

from localnode import Node
from tests.faults.bench import Bench, assert_whole, found, wait_until
from tests.faults.conftest import After, MakeBench

WATERMARK = "cluster.routing.allocation.disk"


def put(url: str, settings: dict[str, object]) -> None:
    requests.put(url, json=settings, timeout=60).raise_for_status()


def assert_nothing_acknowledged_is_lost(bench: Bench, said: str, mend: Callable[[], object]) -> None:
    """What was reported before the block is found while it lasts; when it is gone, the same again goes on."""
    reported = int(said.split(" new", maxsplit=1)[0])
    assert 20 <= reported < 40
    known = found(bench)
    assert known[:reported] == bench.names[:reported]
    assert bench.ingest().exit_code == 1
    mend()
    again = bench.ingest()
    assert again.output.startswith(f"{40 - len(known)} new, {len(known)} unchanged"), again.output
    assert_whole(bench)


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ("write", "takes no writes while it is rebuilt"),
        ("read_only_allow_delete", "over its flood-stage watermark"),
        ("read_only", "is blocked"),
    ],
)
def test_a_block(hurt: Node, make_bench: MakeBench, after: After, block: str, says: str) -> None:
    bench = make_bench(hurt.url, 40)
    settings = f"{hurt.url}/{bench.index}/_settings"
    after(20, lambda: put(settings, {f"index.blocks.{block}": True}))
    done = bench.ingest("--batch-size", 10)
    assert done.exit_code == 1
    assert says in done.output
    assert_nothing_acknowledged_is_lost(
        bench, done.output, lambda: put(settings, {f"index.blocks.{block}": None})
    )


@pytest.mark.long
def test_a_disk_over_its_flood_stage_watermark(hurt: Node, make_bench: MakeBench, after: After) -> None:
    bench = make_bench(hurt.url, 40)

    def blocked() -> bool:
        return "read_only_allow_delete" in str(bench.ask(f"{bench.index}/_settings"))

    def watermarks(**levels: str | None) -> None:
        """Elasticsearch looks at its disk every ten seconds, and blocks and unblocks by itself."""
        settings = {f"{WATERMARK}.watermark.{level}": percent for level, percent in levels.items()}
        fixed = {f"{WATERMARK}.threshold_enabled": True, "cluster.info.update.interval": "10s"}
        put(f"{hurt.url}/_cluster/settings", {"persistent": {**fixed, **settings}})

    def fill() -> None:
        watermarks(low="0.001%", high="0.002%", flood_stage="0.003%")
        wait_until(blocked, "the block of the flood stage")

    def make_room() -> None:
        watermarks(low=None, high=None, flood_stage=None)
        wait_until(lambda: not blocked(), "the end of the block")

    after(20, fill)
    try:
        done = bench.ingest("--batch-size", 10)
        assert done.exit_code == 1
        assert "so the index takes no more writes. Searches go on. Make room on that disk" in done.output
        assert_nothing_acknowledged_is_lost(bench, done.output, make_room)
    finally:
        put(f"{hurt.url}/_cluster/settings", {"persistent": {f"{WATERMARK}.*": None, "cluster.info.*": None}})
