"""What a run does to the store, file by file, and what it says of it."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imagesearch.records import NO_FILTERS, picture_id
from localnode import Node
from tests.conftest import bare_copy_of, make_pictures, noise, tmpfs
from tests.ingest.conftest import Bench
from tests.stores import Place, elastic_only, embedded_only, put_settings, red


def touch(file: Path, seconds: int = 5) -> None:
    """Another time of change."""
    os.utime(file, ns=(0, file.stat().st_mtime_ns + seconds * 10**9))


class TestSecondRun:
    def test_the_first_brings_in_everything(self, bench: Bench) -> None:
        assert bench.report() == "5 new, 0 unchanged, 0 updated, 0 removed, 0 failed; 5 encoded."
        held = bench.held()
        assert sorted(held) == [str(bench.pictures / f"{i:04}.png") for i in range(5)]
        one = held[str(bench.pictures / "0003.png")]
        assert one.id == picture_id(str(bench.pictures), "0003.png")
        assert (one.width, one.height, one.format) == (48, 40, "PNG")
        assert one.size == (bench.pictures / "0003.png").stat().st_size
        assert one.mtime_ns == (bench.pictures / "0003.png").stat().st_mtime_ns

    def test_the_second_encodes_nothing_and_changes_nothing(self, bench: Bench) -> None:
        bench.report()
        before = bench.held()
        assert bench.report() == "0 new, 5 unchanged, 0 updated, 0 removed, 0 failed; 0 encoded."
        assert bench.held() == before

    def test_the_second_does_not_even_read_the_pictures(self, bench: Bench) -> None:
        bench.report()
        for file in bench.pictures.iterdir():
            stat = file.stat()
            file.write_bytes(b"x" * stat.st_size)
            os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert bench.report().startswith("0 new, 5 unchanged")

    def test_another_batch_size_gives_the_same(self, bench: Bench) -> None:
        bench.report("--batch-size", 2, bench.pictures)
        other = bench.beside("other")
        other.report()
        assert bench.held() == other.held()
        for picture in bench.held().values():
            with bench.place.opened() as one, other.place.opened() as two:
                a, b = one.embedding(picture.id), two.embedding(picture.id)
            assert a is not None
            assert b is not None
            assert float(a @ b) == pytest.approx(1, abs=1e-5)

    def test_the_long_form_is_the_same_command(self, bench: Bench) -> None:
        result = bench.ingest("--batch-size", 3, bench.pictures)
        assert result.output.splitlines() == [
            "5 new, 0 unchanged, 0 updated, 0 removed, 0 failed; 5 encoded."
        ]


class TestChanges:
    def test_an_edited_file_is_encoded_again(self, bench: Bench) -> None:
        bench.report()
        noise(99, 60, 50).save(bench.pictures / "0001.png")
        touch(bench.pictures / "0001.png")
        assert bench.report() == "0 new, 4 unchanged, 1 updated, 0 removed, 0 failed; 1 encoded."
        assert bench.held()[str(bench.pictures / "0001.png")].width == 60

    def test_an_edit_of_the_same_size_is_seen_by_its_time(self, bench: Bench) -> None:
        (bench.pictures / "a.bmp").write_bytes(b"")
        noise(1).save(bench.pictures / "a.bmp")
        bench.report()
        noise(2).save(bench.pictures / "a.bmp")
        touch(bench.pictures / "a.bmp")
        assert "1 updated" in bench.report()

    def test_a_touched_file_is_not_encoded_again(self, bench: Bench) -> None:
        bench.report()
        touch(bench.pictures / "0001.png")
        assert bench.report() == "0 new, 5 unchanged, 0 updated, 0 removed, 0 failed; 0 encoded."
        mtime = bench.held()[str(bench.pictures / "0001.png")].mtime_ns
        assert mtime == (bench.pictures / "0001.png").stat().st_mtime_ns, "so that it is not read once more"

    def test_a_moved_file_keeps_its_metadata_and_is_not_encoded_again(self, bench: Bench) -> None:
        (bench.pictures.parent / "m.jsonl").write_text('{"path": "0001.png", "name": "Snow", "tags": ["t"]}')
        bench.report("--metadata", bench.pictures.parent / "m.jsonl", bench.pictures)
        (bench.pictures / "sub").mkdir()
        (bench.pictures / "0001.png").rename(bench.pictures / "sub/other.png")
        assert bench.report() == "0 new, 4 unchanged, 0 updated, 1 moved, 0 removed, 0 failed; 0 encoded."
        held = bench.held()
        assert len(held) == 5
        assert held[str(bench.pictures / "sub/other.png")].metadata.name == "Snow"
        assert bench.report().startswith("0 new, 5 unchanged")

    def test_a_copy_is_recognised(self, bench: Bench) -> None:
        bench.report()
        shutil.copy(bench.pictures / "0001.png", bench.pictures / "copy.png")
        assert bench.report() == (
            "1 new (1 recognised by content), 5 unchanged, 0 updated, 0 removed, 0 failed; 0 encoded."
        )
        with bench.place.opened() as store:
            one, other = (
                store.embedding(picture_id(str(bench.pictures), n)) for n in ("0001.png", "copy.png")
            )
        assert one is not None
        assert other is not None
        np.testing.assert_array_equal(one, other)

    def test_copies_within_one_run_are_encoded_once(self, bench: Bench) -> None:
        for i in range(4):
            shutil.copy(bench.pictures / "0000.png", bench.pictures / f"copy{i}.png")
        for size in (1, 2, 32):
            report = bench.beside(f"store{size}").report("--batch-size", size, bench.pictures)
            assert report.startswith("9 new (4 recognised by content)")
            assert report.endswith("; 5 encoded.")

    def test_one_of_two_copies_moves(self, bench: Bench) -> None:
        shutil.copy(bench.pictures / "0000.png", bench.pictures / "copy.png")
        bench.report()
        (bench.pictures / "copy.png").rename(bench.pictures / "moved.png")
        shutil.copy(bench.pictures / "0000.png", bench.pictures / "third.png")
        assert bench.report().startswith(
            "1 new (1 recognised by content), 5 unchanged, 0 updated, 1 moved, 0"
        )
        assert bench.names() == [*(f"{i:04}.png" for i in range(5)), "moved.png", "third.png"]

    def test_two_files_that_swap_names(self, bench: Bench) -> None:
        bench.report()
        a, b, aside = (bench.pictures / n for n in ("0000.png", "0001.png", "aside"))
        before = {p: bench.held()[str(p)].content_hash for p in (a, b)}
        a.rename(aside)
        b.rename(a)
        aside.rename(b)
        touch(a)
        touch(b)
        assert bench.report() == "0 new, 3 unchanged, 2 updated, 0 removed, 0 failed; 0 encoded."
        assert bench.held()[str(a)].content_hash == before[b]


class TestGone:
    def test_deleted_files_stay_until_asked_for(self, bench: Bench) -> None:
        bench.report()
        (bench.pictures / "0001.png").unlink()
        result = bench.ingest()
        assert result.output.splitlines() == [
            "0 new, 4 unchanged, 0 updated, 0 removed, 0 failed; 0 encoded.",
            "1 known pictures were not found. Remove them with --prune.",
        ]
        assert len(bench.held()) == 5
        assert bench.report("--prune", bench.pictures) == (
            "0 new, 4 unchanged, 0 updated, 1 removed, 0 failed; 0 encoded."
        )
        assert "0001.png" not in bench.names()

    def test_pruning_leaves_other_folders_alone(self, bench: Bench, tmp_path: Path) -> None:
        make_pictures(tmp_path / "others", 2, start=50)
        bench.report(bench.pictures, tmp_path / "others")
        shutil.rmtree(tmp_path / "others")
        (bench.pictures / "0000.png").unlink()
        assert "1 removed" in bench.report("--prune", bench.pictures)
        assert len(bench.held()) == 6

    def test_an_emptied_root_is_not_pruned(self, bench: Bench) -> None:
        bench.report()
        for file in bench.pictures.iterdir():
            file.unlink()
        result = bench.ingest("--prune", bench.pictures)
        assert result.exit_code == 0
        assert f"Nothing of {bench.pictures} was pruned: it holds no picture at all now" in result.output
        assert "0 removed" in result.output
        assert len(bench.held()) == 5
        assert "5 removed" in bench.report("--prune-missing-source", bench.pictures)
        assert bench.held() == {}

    def test_an_emptied_folder_that_was_ingested_for_itself_is_not_pruned_either(self, bench: Bench) -> None:
        make_pictures(bench.pictures / "usb", 2, start=10)
        bench.report(bench.pictures / "usb")
        bench.report()
        for file in (bench.pictures / "usb").iterdir():
            file.unlink()
        (bench.pictures / "0000.png").unlink()
        result = bench.ingest("--prune", bench.pictures)
        assert "1 removed" in result.output
        assert f"Nothing of {bench.pictures / 'usb'} was pruned" in result.output
        assert len(bench.held()) == 6

    def test_nothing_moves_out_of_what_is_missing_as_a_whole(self, bench: Bench, tmp_path: Path) -> None:
        bench.report()
        shutil.copytree(bench.pictures, tmp_path / "backup")
        for file in bench.pictures.iterdir():
            file.unlink()
        report = bench.report(bench.pictures, tmp_path / "backup")
        assert report.startswith("5 new (5 recognised by content), 0 unchanged")
        assert len(bench.held()) == 10

    def test_a_root_that_vanished_is_an_error(self, bench: Bench) -> None:
        bench.report()
        shutil.rmtree(bench.pictures)
        result = bench.ingest("--prune", bench.pictures)
        assert result.exit_code == 1
        assert f"There is no folder or file '{bench.pictures}'" in result.output
        assert len(bench.held()) == 5
        assert "5 removed" in bench.report("--prune-missing-source", bench.pictures)

    def test_a_path_that_never_was_is_an_error_whatever_is_pruned(self, bench: Bench) -> None:
        result = bench.ingest("--prune-missing-source", bench.pictures.parent / "typo")
        assert result.exit_code == 1
        assert "There is no folder or file" in result.output

    def test_pruning_spares_what_could_not_be_looked_into(self, bench: Bench) -> None:
        (bench.pictures / "sub").mkdir()
        noise(77).save(bench.pictures / "sub/a.png")
        bench.report()
        shutil.rmtree(bench.pictures / "sub")
        (bench.pictures / "sub").symlink_to("sub")
        result = bench.ingest("--prune", bench.pictures)
        assert "0 removed, 1 failed" in result.output
        assert "a.png" in bench.names()


class TestSources:
    @pytest.mark.parametrize(
        "order", [("", "sub"), ("sub", ""), ("sub/0010.png", ""), ("sub", "", "sub/deep")]
    )
    def test_nested_folders_bring_nothing_in_twice(self, bench: Bench, order: tuple[str, ...]) -> None:
        make_pictures(bench.pictures / "sub", 3, start=10)
        make_pictures(bench.pictures / "sub/deep", 2, start=20)
        for path in order:
            bench.report(bench.pictures / path)
        before = bench.held()
        assert len(before) == 10
        for path in order:
            assert bench.report(bench.pictures / path).startswith("0 new")
        assert bench.held() == before

    def test_nested_folders_in_one_run(self, bench: Bench) -> None:
        make_pictures(bench.pictures / "sub", 3, start=10)
        assert bench.report(bench.pictures / "sub", bench.pictures, bench.pictures).startswith("8 new")
        assert bench.report(bench.pictures, bench.pictures / "sub").startswith("0 new, 8 unchanged")

    def test_the_same_names_in_two_folders_do_not_collide(self, bench: Bench, tmp_path: Path) -> None:
        make_pictures(tmp_path / "others", 5, start=100)
        for i in range(5):
            (tmp_path / "others" / f"{100 + i:04}.png").rename(tmp_path / "others" / f"{i:04}.png")
        bench.report(bench.pictures, tmp_path / "others")
        assert len({p.id for p in bench.held().values()}) == 10

    def test_relative_paths_mean_the_same_files(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        bench.report()
        monkeypatch.chdir(bench.pictures)
        assert bench.report(".").startswith("0 new, 5 unchanged")

    def test_pruning_one_file(self, bench: Bench) -> None:
        bench.report()
        assert bench.report("--prune", bench.pictures / "0000.png") == (
            "0 new, 1 unchanged, 0 updated, 0 removed, 0 failed; 0 encoded."
        )
        assert len(bench.held()) == 5


class TestFailures:
    def test_each_is_named_with_its_reason_and_the_rest_comes_in(self, bench: Bench) -> None:
        (bench.pictures / "text.jpg").write_text("hello")
        (bench.pictures / "short.jpg").write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF\0" + b"\0" * 20)
        (bench.pictures / "gone.png").symlink_to("nowhere.png")
        os.mkfifo(bench.pictures / "pipe.png")
        (bench.pictures / os.fsdecode(b"caf\xe9.png")).write_bytes(b"x")
        result = bench.ingest()
        assert result.exit_code == 0
        lines = result.output.splitlines()
        assert lines[0] == "5 new, 0 unchanged, 0 updated, 0 removed, 5 failed; 5 encoded."
        at = f"failed: {bench.pictures}"
        assert sorted(lines[1:]) == [
            f"{at}/caf?.png: has a name that is not valid UTF-8; rename it",
            f"{at}/gone.png: No such file or directory",
            f"{at}/pipe.png: is not a regular file",
            f"{at}/short.jpg: is damaged or cut short, or JPEG of a kind that is not read here",
            f"{at}/text.jpg: is not a picture in a format that is read here",
        ]

    def test_strict_makes_failures_count(self, bench: Bench) -> None:
        assert bench.ingest("--strict", bench.pictures).exit_code == 0
        (bench.pictures / "text.jpg").write_text("hello")
        result = bench.ingest("--strict", bench.pictures)
        assert result.exit_code == 1
        assert "1 failed" in result.output

    def test_a_mended_file_comes_in_at_the_next_run(self, bench: Bench) -> None:
        (bench.pictures / "x.png").write_bytes(b"not yet")
        bench.report()
        noise(42).save(bench.pictures / "x.png")
        assert bench.report().startswith("1 new, 5 unchanged")

    def test_what_failed_is_not_tried_again_until_it_changes_or_that_is_asked(self, bench: Bench) -> None:
        broken = bench.pictures / "broken.png"
        broken.write_bytes(b"not yet")
        assert "1 failed" in bench.report()
        again = bench.ingest()
        assert again.output.splitlines() == [
            "0 new, 5 unchanged, 0 updated, 0 removed, 0 failed; 0 encoded.",
            "1 files failed before, have not changed and were not tried again: --retry-failed does, "
            "python -m ingest failures lists them.",
        ]
        assert bench.ingest("--strict", bench.pictures).exit_code == 1
        assert "1 failed" in bench.report("--retry-failed", bench.pictures)
        touch(broken)
        assert "1 failed" in bench.report()

    def test_the_list_of_failures(self, bench: Bench) -> None:
        reason = "is not a picture in a format that is read here"
        for name in ("b.png", "a.png"):
            (bench.pictures / name).write_bytes(b"x")
        bench.report()
        assert sorted(bench.failures()) == [f"{bench.pictures}/{n}: {reason}" for n in ("a.png", "b.png")]
        noise(42).save(bench.pictures / "b.png")
        bench.report()
        assert bench.failures() == [f"{bench.pictures}/a.png: {reason}"]
        (bench.pictures / "a.png").unlink()
        bench.report()
        assert bench.failures() == []

    def test_a_known_file_that_broke_is_kept_as_it_was(self, bench: Bench) -> None:
        bench.report()
        (bench.pictures / "0000.png").write_bytes(b"broken")
        assert "4 unchanged, 0 updated, 0 removed, 1 failed" in bench.report("--prune", bench.pictures)
        assert len(bench.held()) == 5

    def test_a_batch_of_nothing_but_failures(self, bench: Bench) -> None:
        for i in range(3):
            (bench.pictures / f"a{i}.png").write_bytes(b"broken")
        assert "5 new" in bench.report("--batch-size", 1, bench.pictures)

    def test_a_picture_over_the_cap(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MAX_MEGAPIXELS", "0.01")
        noise(7, 200, 200).save(bench.pictures / "large.png")
        result = bench.ingest()
        assert "large.png: has 200×200" in result.output
        assert "(MAX_MEGAPIXELS)" in result.output

    def test_an_empty_folder_is_fine(self, bench: Bench, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        assert bench.report(tmp_path / "empty").startswith("0 new, 0 unchanged")

    def test_no_path_at_all_is_wrong_usage(self, bench: Bench) -> None:
        assert bench.ingest("--strict").exit_code == 2


class TestPartsOfARun:
    def test_a_dry_run_only_counts(self, bench: Bench) -> None:
        assert bench.report("--dry-run", bench.pictures).startswith("5 new, 0 unchanged")
        assert not Path(bench.place.store).exists() or bench.held() == {}
        bench.report()
        make_pictures(bench.pictures, 2, start=5)
        touch(bench.pictures / "0001.png")
        (bench.pictures / "0002.png").unlink()
        result = bench.ingest("--dry-run", bench.pictures)
        assert result.output.splitlines()[0].startswith("2 new, 3 unchanged, 1 updated, 0 removed")
        assert "1 known pictures were not found" in result.output
        assert "A dry run: nothing was changed." in result.output
        assert len(bench.held()) == 5

    def test_a_limited_run_goes_on_where_it_was(self, bench: Bench) -> None:
        result = bench.ingest("--limit", 2, bench.pictures)
        assert result.output.splitlines() == [
            "2 new, 0 unchanged, 0 updated, 0 removed, 0 failed; 2 encoded.",
            "Ended after 2 files (--limit); run the same again to go on.",
        ]
        assert bench.report("--limit", 2, bench.pictures).startswith("2 new, 2 unchanged")
        assert bench.report("--limit", 2, "--prune", bench.pictures).startswith("1 new, 4 unchanged")

    def test_a_limited_run_removes_nothing_it_has_not_come_to(self, bench: Bench) -> None:
        bench.report()
        make_pictures(bench.pictures / "a", 3, start=50)
        assert "0 removed" in bench.report("--limit", 1, "--prune", bench.pictures)
        assert len(bench.held()) == 6

    def test_events_for_a_machine(self, bench: Bench) -> None:
        (bench.pictures / "broken.png").write_bytes(b"x")
        result = bench.ingest("--log", "json", bench.pictures)
        events = [json.loads(line) for line in result.output.splitlines()]
        failed, summary = events
        assert failed == {
            "event": "failed",
            "file": str(bench.pictures / "broken.png"),
            "reason": "is not a picture in a format that is read here",
        }
        assert summary["event"] == "summary"
        assert (summary["new"], summary["failed"], summary["encoded"]) == (5, 1, 5)

    def test_progress_is_told_to_a_machine(self, bench: Bench) -> None:
        result = bench.ingest_loudly("--log", "json", bench.pictures)
        events = [json.loads(line) for line in result.output.splitlines()]
        progress = [event for event in events if event["event"] == "progress"]
        assert progress[-1]["done"] == progress[-1]["total"] == 5
        assert progress[-1]["per_second"] > 0


class TestModels:
    def test_another_model_is_refused_with_nothing_written(self, bench: Bench, other_pair: Path) -> None:
        bench.report()
        before = bench.held()
        noise(5).save(bench.pictures / "new.png")
        (bench.pictures / "0000.png").unlink()
        result = replace(bench, pair=other_pair).ingest("--prune", bench.pictures)
        assert result.exit_code == 1
        assert "was made with the model" in result.output
        assert "--store <another folder>" in result.output
        assert bench.held() == before

    def test_a_damaged_model_does_not_bind_the_store(self, bench: Bench, tmp_path: Path) -> None:
        broken = bare_copy_of(bench.pair, tmp_path / "broken")
        weights = broken / "picture/0_CLIPModel/model.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
        result = replace(bench, pair=broken).ingest("--runtime", "torch", bench.pictures)
        assert result.exit_code == 1
        assert "cannot be loaded" in result.output
        assert bench.report().startswith("5 new")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with tmpfs(tmp_path / "disk", "1m") as disk:
        yield disk


@embedded_only
def test_a_full_disk_keeps_what_was_counted_and_goes_on_elsewhere(bench: Bench, small_disk: Path) -> None:
    make_pictures(bench.pictures, 300)
    on_disk = replace(bench, place=Place(str(small_disk / "store")))
    result = on_disk.ingest("--batch-size", 10, bench.pictures)
    assert result.exit_code == 1
    assert "is full. What was written before is kept. Make room and run the same again." in result.output
    counted = int(result.output.split(" new")[0])
    assert 0 < counted < 300
    assert len(on_disk.held()) == counted
    shutil.copytree(small_disk / "store", bench.place.store)
    assert bench.report().startswith(f"{300 - counted} new, {counted} unchanged")


@elastic_only
@pytest.mark.parametrize(
    ("block", "says"),
    [
        ("read_only_allow_delete", "over its flood-stage watermark"),
        ("write", "no writes while it is rebuilt"),
    ],
)
def test_an_index_that_takes_no_writes_says_why(
    bench: Bench, block: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.pictures.PATIENCE", 0.2)
    bench.report()
    make_pictures(bench.pictures, 6)
    put_settings(bench.place, **{f"blocks.{block}": True})
    result = bench.ingest()
    put_settings(bench.place, **{f"blocks.{block}": None})
    assert result.exit_code == 1
    assert says in result.output
    assert len(bench.held()) == 5
    assert bench.report().startswith("1 new, 5 unchanged")


@elastic_only
def test_a_red_index_says_so(bench: Bench, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.pictures.PATIENCE", 0.2)
    monkeypatch.setenv("ELASTICSEARCH_TIMEOUT", "2")
    bench.report()
    with red(bench.place, node):
        result = bench.ingest()
    assert result.exit_code == 1
    assert "its health is red" in result.output
    assert bench.report().startswith("0 new, 5 unchanged")


def test_the_store_is_whole_after_it_all(bench: Bench) -> None:
    bench.report()
    with bench.place.opened() as store:
        assert store.count(NO_FILTERS) == 5
        assert store.sources() == [str(bench.pictures)]
