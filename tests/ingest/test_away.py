"""A part of a source whose disk is away: a link that leads nowhere, or an empty folder."""

import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import make_pictures, noise, tmpfs
from tests.ingest.conftest import Bench


@pytest.fixture(params=["link", "mount point", "link to a part of a disk"])
def disk(request: pytest.FixtureRequest, bench: Bench, tmp_path: Path) -> "Disk":
    """A folder `usb` in the library with three pictures; they are brought in with the other five."""
    outside, usb = tmp_path / "outside", bench.pictures / "usb"
    made = Disk(usb, outside, request.param == "mount point")
    if made.mounted:
        usb.mkdir()
    else:
        usb.symlink_to(outside / "photos" if request.param == "link to a part of a disk" else outside)
    (outside / "photos").mkdir(parents=True)
    made.plug_in()
    make_pictures(usb, 1, start=10)
    make_pictures(usb / "deep/er", 2, start=11)
    assert bench.report().startswith("8 new")
    return made


class Disk:
    """What lies at `usb`: a link to `outside` or below, or all of that where it is mounted."""

    def __init__(self, usb: Path, outside: Path, mounted: bool) -> None:
        self.usb, self.outside, self.mounted = usb, outside, mounted
        self._away = outside.with_name("away")

    def unplug(self) -> None:
        if self.mounted:
            self.usb.rename(self.outside)
            self.usb.mkdir()
        else:
            self.outside.rename(self._away)

    def plug_in(self) -> None:
        if self.mounted:
            self.usb.rmdir()
            self.outside.rename(self.usb)
        elif self._away.exists():
            self._away.rename(self.outside)


def test_its_pictures_stay_and_are_known_when_it_is_back(bench: Bench, disk: Disk) -> None:
    before = bench.held()
    disk.unplug()
    (bench.pictures / "0000.png").unlink()
    result = bench.ingest("--prune", bench.pictures)
    assert result.exit_code == 0, result.output
    failed = 0 if disk.mounted else 1
    assert result.output.splitlines()[0] == (
        f"0 new, 4 unchanged, 0 updated, 1 removed, {failed} failed; 0 encoded."
    )
    assert (
        f"Nothing of {disk.usb} was pruned: it holds no picture at all now. Is a disk not mounted? If it is "
        "really empty, remove them: python -m ingest --prune-missing-source."
    ) in result.output
    told = f"failed: {disk.usb}: is a link to what is not there; is a disk not mounted?"
    assert (told in result.output) == (not disk.mounted)
    disk.plug_in()
    assert bench.report("--prune", bench.pictures) == (
        "0 new, 7 unchanged, 0 updated, 0 removed, 0 failed; 0 encoded."
    )
    del before[str(bench.pictures / "0000.png")]
    assert bench.held() == before


def test_what_is_really_gone_goes_when_that_is_said(bench: Bench, disk: Disk) -> None:
    disk.unplug()
    assert "3 removed" in bench.report("--prune-missing-source", bench.pictures)
    assert len(bench.held()) == 5


def test_removing_the_link_or_the_empty_folder_says_it_too(bench: Bench, disk: Disk) -> None:
    disk.unplug()
    if disk.mounted:
        disk.usb.rmdir()
    else:
        disk.usb.unlink()
    assert "3 removed" in bench.report("--prune", bench.pictures)
    assert len(bench.held()) == 5


def test_failures_in_it_are_remembered(bench: Bench, disk: Disk) -> None:
    (disk.usb / "bad.png").write_bytes(b"no picture")
    bench.report()
    listed = bench.failures()
    disk.unplug()
    bench.report("--prune", bench.pictures)
    assert bench.failures() == listed
    assert "bad.png" in listed[0]


def test_a_part_asked_for_by_itself(bench: Bench, disk: Disk) -> None:
    disk.unplug()
    bench.ingest("--prune", disk.usb)
    assert len(bench.held()) == 8


def test_in_a_hidden_folder_that_was_asked_for(bench: Bench, tmp_path: Path) -> None:
    make_pictures(tmp_path / "outside", 2, start=10)
    bench.report()
    (bench.pictures / ".mine").mkdir()
    (bench.pictures / ".mine/usb").symlink_to(tmp_path / "outside")
    noise(77).save(bench.pictures / ".mine/a.png")
    bench.report(bench.pictures / ".mine")
    (tmp_path / "outside").rename(tmp_path / "away")
    assert "0 removed" in bench.report("--prune", bench.pictures / ".mine")
    assert len(bench.held()) == 8


def test_a_copy_of_what_is_behind_a_link_moves_nothing(bench: Bench, disk: Disk) -> None:
    shutil.copy(disk.usb / "0010.png", bench.pictures / "copy.png")
    disk.unplug()
    bench.report("--prune", bench.pictures)
    assert len(bench.held()) == (8 if disk.mounted else 9)


def test_what_was_moved_out_of_a_folder_that_is_empty_now(bench: Bench) -> None:
    make_pictures(bench.pictures / "inbox", 2, start=10)
    bench.report()
    for file in (bench.pictures / "inbox").iterdir():
        file.rename(bench.pictures / file.name)
    result = bench.ingest("--prune", bench.pictures)
    assert result.output.splitlines() == [
        "0 new, 5 unchanged, 0 updated, 2 moved, 0 removed, 0 failed; 0 encoded."
    ]
    assert len(bench.held()) == 7


@pytest.mark.parametrize("left", [".DS_Store", None])
def test_hidden_files_alone_are_nothing(bench: Bench, left: str | None) -> None:
    (file,) = make_pictures(bench.pictures / "sub", 1, start=10)
    bench.report()
    file.unlink()
    (file.parent / (left or "notes.txt")).write_text("x")
    assert f"{0 if left else 1} removed" in bench.report("--prune", bench.pictures)


def test_what_is_missing_of_one_source_spares_nothing_of_another(bench: Bench, tmp_path: Path) -> None:
    make_pictures(tmp_path / "others", 2, start=50)
    bench.report(bench.pictures, tmp_path / "others")
    (bench.pictures / "0000.png").unlink()
    assert "1 removed" in bench.report("--prune", bench.pictures, tmp_path / "others")


def test_a_disk_that_is_unmounted(bench: Bench) -> None:
    with tmpfs(bench.pictures / "usb", "1m") as usb:
        noise(77).save(usb / "a.png")
        bench.report()
        os.system(f"umount --lazy {usb}")  # noqa: S605
        result = bench.ingest("--prune", bench.pictures)
        assert f"Nothing of {usb} was pruned" in result.output
        assert "a.png" in bench.names()
        os.system(f"mount -t tmpfs -o size=1m tmpfs {usb}")  # noqa: S605
