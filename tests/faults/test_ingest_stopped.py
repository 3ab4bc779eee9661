"""The ingest itself is stopped in the middle: killed again and again, or asked to end."""

import json
import signal
from dataclasses import replace

import numpy as np
import pytest

from imagesearch.records import NO_FILTERS, Entry, Window
from localnode import Node
from tests.faults.bench import INTERRUPTED, Bench, assert_whole, found, wait_for_more
from tests.faults.conftest import MakeBench


def held(bench: Bench) -> dict[str, Entry]:
    """All that the store holds, by id."""
    with bench.place.opened() as store:
        pictures = [hit.picture for hit in store.browse(NO_FILTERS, Window(0, 10_000)).hits]
        vectors = store.embeddings([picture.id for picture in pictures])
    return {picture.id: Entry(picture, vectors[picture.id]) for picture in pictures}


@pytest.mark.long
def test_killed_again_and_again_it_ends_as_one_run_that_nothing_disturbed(
    hurt: Node, make_bench: MakeBench
) -> None:
    bench = make_bench(hurt.url, 120)
    metadata = bench.pictures.parent / "metadata.jsonl"
    rows = [{"path": name, "name": f"picture {name}", "tags": ["noise", name[:2]]} for name in bench.names]
    metadata.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    for more in (1, 7, 20, 31):
        with bench.ingesting("--metadata", metadata) as ingest:
            wait_for_more(bench.written, more, "pictures are written")
            ingest.process.kill()
            assert ingest.ended() == -signal.SIGKILL
        assert bench.refresh_interval() == "-1", "it was in its state of loading"
    known = bench.written()
    assert known < 120
    last = bench.ingest("--metadata", metadata)
    assert last.output.startswith(f"{120 - known} new, {known} unchanged"), last.output
    assert_whole(bench)
    undisturbed = replace(bench, place=replace(bench.place, index=f"{bench.index}-undisturbed"))
    assert undisturbed.ingest("--metadata", metadata).exit_code == 0
    one, other = held(bench), held(undisturbed)
    assert {id: entry.picture for id, entry in one.items()} == {id: e.picture for id, e in other.items()}
    for id, entry in one.items():
        # Of another batch size only the rounding differs.
        np.testing.assert_allclose(entry.embedding, other[id].embedding, atol=1e-5)


def test_asked_to_end_it_counts_what_it_did_and_leaves_the_index_as_it_serves(
    hurt: Node, make_bench: MakeBench
) -> None:
    bench = make_bench(hurt.url, 100)
    with bench.ingesting() as ingest:
        wait_for_more(bench.written, 10, "pictures are written")
        ingest.process.send_signal(signal.SIGTERM)  # what Docker and Kubernetes do
        assert ingest.ended() == INTERRUPTED
        assert "Interrupted. What is counted above is kept; run the same again to go on." in ingest.log
        assert "Traceback" not in ingest.log
        reported = int(ingest.said.split()[0])
    assert bench.refresh_interval() == "5s"
    assert found(bench)[:reported] == bench.names[:reported]
    assert reported <= len(found(bench)) <= reported + 1  # the request in hand may have got through
