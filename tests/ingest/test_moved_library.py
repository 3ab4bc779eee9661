"""A library that is at another place now: what was given for its pictures comes along."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from imagesearch.entries import merged
from imagesearch.records import Entry, Metadata
from tests.conftest import make_pictures
from tests.ingest.conftest import Bench

GIVEN = Metadata(caption="The first one", tags=("given",))


@pytest.fixture
def described(bench: Bench, tmp_path: Path) -> Bench:
    """Two of the five pictures are described: one by a file of metadata, one by the API."""
    rows = tmp_path / "m.jsonl"
    rows.write_text(json.dumps({"path": "0001.png", "tags": ["listed"]}))
    bench.report("--metadata", rows, bench.pictures)
    first = bench.held()[str(bench.pictures / "0000.png")]
    with bench.place.opened() as store:
        vector = store.embedding(first.id)
        assert vector is not None
        given = merged(first.given, GIVEN)
        store.write([Entry(replace(first, metadata=given, given=given), vector)])
    bench.place.refresh()
    return bench


def said(bench: Bench, folder: Path) -> dict[str, tuple[str, ...]]:
    """The tags of the pictures in `folder` that have some."""
    held = bench.held().values()
    return {p.path: p.metadata.tags for p in held if p.source == str(folder) and p.metadata.tags}


ALL = {"0000.png": ("given",), "0001.png": ("listed",)}


@pytest.mark.parametrize("emptied", [False, True])
@pytest.mark.parametrize("order", [1, -1])
def test_it_moves_once_it_is_said_that_the_old_place_is_gone(
    described: Bench, tmp_path: Path, emptied: bool, order: int
) -> None:
    old, new = described.pictures, tmp_path / "new"
    old.rename(new)
    if emptied:
        old.mkdir()
    report = described.report("--prune-missing-source", *[old, new][::order])
    assert report == "0 new, 0 unchanged, 0 updated, 5 moved, 0 removed, 0 failed; 0 encoded."
    assert said(described, new) == ALL
    assert len(described.held()) == 5
    assert described.report("--prune", new).startswith("0 new, 5 unchanged")


def test_what_has_no_copy_at_the_new_place_goes(described: Bench, tmp_path: Path) -> None:
    described.pictures.rename(tmp_path / "new")
    (tmp_path / "new/0004.png").unlink()
    report = described.report("--prune-missing-source", described.pictures, tmp_path / "new")
    assert report == "0 new, 0 unchanged, 0 updated, 4 moved, 1 removed, 0 failed; 0 encoded."
    assert len(described.held()) == 4


def test_it_is_there_twice_until_then_and_nothing_given_is_lost(described: Bench, tmp_path: Path) -> None:
    old, new = described.pictures, tmp_path / "new"
    old.rename(new)
    assert described.report(new).startswith("5 new (5 recognised by content)")
    assert len(described.held()) == 10
    assert said(described, new) == said(described, old) == ALL
    assert "5 removed" in described.report("--prune-missing-source", old)
    assert said(described, new) == ALL
    assert described.held()[f"{new}/0000.png"].given == GIVEN


def test_a_part_behind_a_link_moves_too(bench: Bench, tmp_path: Path) -> None:
    make_pictures(tmp_path / "outside", 2, start=10)
    (bench.pictures / "usb").symlink_to(tmp_path / "outside")
    bench.report()
    (tmp_path / "outside").rename(bench.pictures / "inside")
    assert "2 moved, 0 removed" in bench.report("--prune-missing-source", bench.pictures)
    assert len(bench.held()) == 7


def test_a_copy_of_what_is_there_gets_nothing_of_it(described: Bench, tmp_path: Path) -> None:
    shutil.copytree(described.pictures, tmp_path / "copy")
    described.report("--prune-missing-source", described.pictures, tmp_path / "copy")
    assert len(described.held()) == 10
    assert said(described, tmp_path / "copy") == {}
