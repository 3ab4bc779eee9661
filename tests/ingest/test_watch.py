"""`python -m ingest watch` as a process: what happens to files happens to the store, within seconds."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import environment, lacking, make_pictures, noise
from tests.ingest.conftest import Bench


@dataclass(frozen=True)
class Watcher:
    process: "subprocess.Popen[str]"
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


@contextmanager
def watching(bench: Bench, *options: str, prefix: tuple[str, ...] = (), new: int = 5) -> Iterator[Watcher]:
    """The command on the bench's pictures, when it has brought in what is there."""
    log = bench.pictures.parent / "watch.log"
    command = [*prefix, sys.executable, "-m", "ingest", "watch", "--settle", "0.3", *options]
    command += ["--model", str(bench.pair), *bench.place.options, str(bench.pictures)]
    with (
        log.open("w") as out,
        subprocess.Popen(
            command, stdout=out, stderr=out, env=environment(PYTHONUNBUFFERED="1"), text=True
        ) as process,
    ):
        watcher = Watcher(process, log)
        try:
            wait_for(lambda: re.search(f"^{new} new", watcher.said, re.M), watcher)
            yield watcher
        finally:
            process.kill()


def wait_for(happened: Callable[[], object], watcher: Watcher) -> None:
    deadline = time.monotonic() + 120
    while not happened():
        assert watcher.process.poll() is None, watcher.said
        assert time.monotonic() < deadline, watcher.said
        time.sleep(0.2)


def names(bench: Bench) -> list[str]:
    bench.place.refresh()
    return bench.names()


def test_what_happens_to_files_happens_to_the_store(bench: Bench) -> None:
    first = ["0000.png", "0001.png", "0002.png", "0003.png", "0004.png"]
    with watching(bench) as watcher:
        assert names(bench) == first
        make_pictures(bench.pictures / "sub", 1, start=5)
        wait_for(lambda: names(bench) == [*first, "0005.png"], watcher)
        before = bench.held()[str(bench.pictures / "0001.png")].content_hash
        noise(99).save(bench.pictures / "0001.png")
        wait_for(lambda: bench.held()[str(bench.pictures / "0001.png")].content_hash != before, watcher)
        (bench.pictures / "0001.png.json").write_text('{"title": "0001.png", "description": "Snow"}')
        wait_for(lambda: bench.held()[str(bench.pictures / "0001.png")].metadata.caption, watcher)
        (bench.pictures / "0002.png").rename(bench.pictures / "sub" / "moved.png")
        (bench.pictures / "0003.png").unlink()
        wait_for(
            lambda: names(bench) == ["0000.png", "0001.png", "0004.png", "0005.png", "moved.png"], watcher
        )
        wait_for(lambda: "1 moved" in watcher.said, watcher)
        assert watcher.stop() == 0
    sources = {picture.source for picture in bench.held().values()}
    assert sources == {str(bench.pictures)}


def test_a_folder_that_vanishes_keeps_its_pictures(bench: Bench) -> None:
    with watching(bench) as watcher:
        bench.pictures.rename(bench.pictures.parent / "away")
        wait_for(lambda: "It is waited for; its pictures stay." in watcher.said, watcher)
        (bench.pictures.parent / "away").rename(bench.pictures)
        make_pictures(bench.pictures, 1, start=5)
        wait_for(lambda: "0005.png" in names(bench), watcher)
        assert len(names(bench)) == 6
        assert watcher.stop(signal.SIGINT) == 0


@pytest.mark.parametrize("linked", [True, False])
def test_a_folder_inside_whose_disk_is_away_keeps_its_pictures(bench: Bench, linked: bool) -> None:
    usb, disk = bench.pictures / "usb", bench.pictures.parent / "disk"
    make_pictures(disk, 2, start=5)
    if linked:
        usb.symlink_to(disk)
    else:
        disk.rename(usb)
    with watching(bench, "--rescan-minutes", "0.02", new=7) as watcher:
        (disk if linked else usb).rename(disk.with_name("away"))
        if not linked:
            usb.mkdir()
        (bench.pictures / "0000.png").unlink()
        wait_for(lambda: f"Nothing of {usb} was pruned" in watcher.said, watcher)
        wait_for(lambda: "0000.png" not in names(bench), watcher)
        assert names(bench) == [f"000{i}.png" for i in range(1, 7)]
        assert watcher.stop() == 0


def test_what_is_left_out_stays_out(bench: Bench) -> None:
    make_pictures(bench.pictures / "raw", 2, start=5)
    bench.report()
    with watching(bench, "--exclude", "raw", new=0) as watcher:
        make_pictures(bench.pictures / "raw", 1, start=7)
        make_pictures(bench.pictures, 1, start=8)
        wait_for(lambda: "0008.png" in names(bench), watcher)
        assert names(bench) == [*(f"000{i}.png" for i in range(5)), "0008.png"]
        assert watcher.stop() == 0


def test_events_that_were_lost_are_made_up_for(bench: Bench) -> None:
    """The system's queue overflows while the process sleeps; no rescan is near."""
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    with watching(bench) as watcher:
        watcher.process.send_signal(signal.SIGSTOP)
        for i in range(most // 2 + 100):
            (bench.pictures / f"{i}.txt").touch()
        make_pictures(bench.pictures, 1, start=5)
        watcher.process.send_signal(signal.SIGCONT)
        wait_for(lambda: "0005.png" in names(bench), watcher)
        assert watcher.stop() == 0


def test_too_many_folders_for_the_system_are_told(bench: Bench) -> None:
    for i in range(20):
        (bench.pictures / f"folder{i}").mkdir()
    few = 'echo 10 > /proc/sys/user/max_inotify_watches && exec "$@"'
    prefix = ("unshare", "--user", "--map-root-user", "sh", "-c", few, "sh")
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        lacking("This test takes a user namespace: sudo sysctl kernel.unprivileged_userns_clone=1.")
    with watching(bench, "--rescan-minutes", "0.05", prefix=prefix) as watcher:
        wait_for(lambda: "sudo sysctl fs.inotify.max_user_watches=" in watcher.said, watcher)
        for i in (0, 19):
            make_pictures(bench.pictures / f"folder{i}", 1, start=5 + i)
        wait_for(lambda: {"0005.png", "0024.png"} <= set(names(bench)), watcher)
        assert watcher.stop() == 0


def test_a_mistake_ends_it_at_once(bench: Bench, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "ingest",
        "watch",
        "--model",
        "none",
        "--store",
        str(tmp_path / "s"),
        str(tmp_path),
    ]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")


@pytest.mark.parametrize("arguments", [[], ["--settle", "0", "."], ["--rescan-minutes", "0", "."]])
def test_wrong_usage(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "ingest", "watch", *arguments]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 2
