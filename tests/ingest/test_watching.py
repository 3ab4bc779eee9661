"""Watching folders, with real files and the system's own events; what is to be done is only written down."""

import logging
import os
import shutil
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from imagesearch.errors import BadSource, StoreUnreachable, WrongModel
from imagesearch.sources import PassedOver
from ingest.watching import Watch
from tests.conftest import tmpfs

SETTLE = 0.3


@dataclass
class Log:
    """What was asked to be brought in; with `error` it fails."""

    asked: list[str] = field(default_factory=list)
    error: Exception | None = None

    def __call__(self, paths: Sequence[str]) -> None:
        self.asked += paths
        if self.error:
            raise self.error


def wait_for(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@contextmanager
def watching(
    log: Log, *paths: Path, poll: bool = False, rescan: float = 3600, exclude: tuple[str, ...] = ()
) -> Iterator[None]:
    """A watch in a thread; when this starts, everything was looked through once."""
    stop = threading.Event()
    passed_over = PassedOver(exclude)
    watch = Watch([str(path) for path in paths], log, stop, SETTLE, rescan, poll, 0.5, passed_over)
    thread = threading.Thread(target=watch.run)
    thread.start()
    try:
        wait_for(lambda: set(log.asked) >= {str(path) for path in paths if path.exists()})
        log.asked.clear()
        yield
    finally:
        stop.set()
        thread.join(timeout=60)
        assert not thread.is_alive()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.png").write_bytes(b"a")
    return folder


@pytest.fixture(params=["events", "poll"])
def watched(request: pytest.FixtureRequest, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    monkeypatch.setattr("ingest.events._POLL_SECONDS", 0.2)
    log = Log()
    with watching(log, pictures, poll=request.param == "poll"):
        yield log


def test_all_is_looked_through_first_also_what_came_meanwhile(pictures: Path) -> None:
    log = Log()
    with watching(log, pictures):
        assert log.asked == []


def test_new_changed_and_deleted_files(watched: Log, pictures: Path) -> None:
    new, deep = pictures / "b.png", pictures / "sub" / "c.jpg"
    new.write_bytes(b"b")
    deep.write_bytes(b"c")
    wait_for(lambda: {str(new), str(deep)} <= set(watched.asked))
    watched.asked.clear()
    deep.write_bytes(b"more")
    wait_for(lambda: str(deep) in watched.asked)
    watched.asked.clear()
    new.unlink()
    wait_for(lambda: str(new) in watched.asked)


def test_a_file_that_is_written_slowly_is_taken_once_when_it_is_done(watched: Log, pictures: Path) -> None:
    slow = pictures / "slow.png"
    with slow.open("wb") as file:
        for _ in range(10):
            file.write(b"x" * 1000)
            file.flush()
            assert str(slow) not in watched.asked
            time.sleep(SETTLE / 2)
    wait_for(lambda: str(slow) in watched.asked)
    time.sleep(3 * SETTLE)
    assert watched.asked == [str(slow)]


def test_what_was_moved_is_both_places_at_a_time(watched: Log, pictures: Path) -> None:
    (pictures / "a.png").rename(pictures / "sub" / "z.png")
    wait_for(lambda: watched.asked)
    assert set(watched.asked) == {str(pictures / "a.png"), str(pictures / "sub" / "z.png")}


def test_a_new_folder_with_pictures_in_it(watched: Log, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "new/deep").mkdir(parents=True)
    (tmp_path / "new/deep/n.png").write_bytes(b"n")
    shutil.copytree(tmp_path / "new", pictures / "copied")
    (tmp_path / "new").rename(pictures / "moved")
    wanted = {str(pictures / f"{name}/deep/n.png") for name in ("copied", "moved")}
    wait_for(lambda: wanted <= set(watched.asked))
    later = pictures / "moved" / "deep" / "later.png"
    later.write_bytes(b"l")
    wait_for(lambda: str(later) in watched.asked)


def test_a_folder_that_goes(watched: Log, pictures: Path, tmp_path: Path) -> None:
    (pictures / "sub" / "b.png").write_bytes(b"b")
    wait_for(lambda: watched.asked)
    watched.asked.clear()
    (pictures / "sub").rename(tmp_path / "elsewhere")
    wait_for(lambda: str(pictures / "sub") in watched.asked)


def test_what_is_no_picture_is_left_alone(watched: Log, pictures: Path) -> None:
    for name in (".hidden.png", "notes.txt", "._a.png"):
        (pictures / name).write_bytes(b"x")
    (pictures / ".thumbs").mkdir()
    (pictures / ".thumbs" / "a.png").write_bytes(b"x")
    (pictures / "a.png").read_bytes()
    (pictures / "last.png").write_bytes(b"x")
    wait_for(lambda: watched.asked)
    assert watched.asked == [str(pictures / "last.png")]


def test_what_is_passed_over_is_left_alone(pictures: Path) -> None:
    log = Log()
    with watching(log, pictures, exclude=("raw",)):
        for name in ("@eaDir", "raw", "Ann.photoslibrary/resources", "sub/raw/deep"):
            (pictures / name).mkdir(parents=True)
            (pictures / name / "a.png").write_bytes(b"x")
        (pictures / "last.png").write_bytes(b"x")
        wait_for(lambda: log.asked)
        assert log.asked == [str(pictures / "last.png")]


def test_a_rescan_comes_by_itself(pictures: Path) -> None:
    log = Log()
    with watching(log, pictures, rescan=1):
        wait_for(lambda: log.asked.count(str(pictures)) >= 2)


def test_a_file_of_its_own(pictures: Path) -> None:
    """An archive, say: what happens beside it is nobody's business."""
    archive = pictures / "a.zip"
    zipfile.ZipFile(archive, "w").close()
    log = Log()
    with watching(log, archive):
        (pictures / "b.png").write_bytes(b"x")
        with zipfile.ZipFile(archive, "w") as packed:
            packed.writestr("a.png", "x")
        wait_for(lambda: log.asked)
        archive.unlink()
        time.sleep(3 * SETTLE)
        assert set(log.asked) == {str(archive)}
        log.asked.clear()
        zipfile.ZipFile(archive, "w").close()
        wait_for(lambda: log.asked == [str(archive)])


class TestASourceThatIsNotThere:
    def test_is_waited_for(self, pictures: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        log, later = Log(), tmp_path / "later"
        with watching(log, pictures, later):
            assert f"{later} is not there. It is waited for" in caplog.text
            later.mkdir()
            (later / "a.png").write_bytes(b"x")
            wait_for(lambda: str(later) in log.asked)
            (later / "b.png").write_bytes(b"x")
            wait_for(lambda: str(later / "b.png") in log.asked)
        assert caplog.text.count("is not there") == 1

    def test_any_more_is_not_asked_for(self, pictures: Path, tmp_path: Path) -> None:
        log = Log()
        with watching(log, pictures):
            pictures.rename(tmp_path / "away")
            pictures.mkdir()  # as empty as where a disk was mounted
            time.sleep(3 * SETTLE)
            assert log.asked == []
            pictures.rmdir()
            (tmp_path / "away").rename(pictures)
            wait_for(lambda: log.asked == [str(pictures)])
            (pictures / "b.png").write_bytes(b"x")
            wait_for(lambda: str(pictures / "b.png") in log.asked)

    def test_a_disk_that_is_unmounted(self, tmp_path: Path) -> None:
        log = Log()
        with tmpfs(tmp_path / "disk", "1m") as disk:
            (disk / "a.png").write_bytes(b"x")
            with watching(log, disk):
                os.system(f"umount --lazy {disk}")  # noqa: S605
                time.sleep(3 * SETTLE)
                assert log.asked == []
                os.system(f"mount -t tmpfs -o size=1m tmpfs {disk}")  # noqa: S605
                (disk / "b.png").write_bytes(b"x")
                wait_for(lambda: str(disk) in log.asked)


class TestErrors:
    @pytest.mark.parametrize("error", [StoreUnreachable("It is away."), BadSource("It is gone.")])
    def test_are_told_and_tried_again(
        self,
        pictures: Path,
        error: Exception,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        log, new = Log(), pictures / "b.png"
        with watching(log, pictures):
            log.error = error
            new.write_bytes(b"x")
            wait_for(lambda: log.asked.count(str(new)) >= 2)
            assert f"{error} It is tried again in" in caplog.text
            log.error = None
            log.asked.clear()
            wait_for(lambda: log.asked == [str(new)])
            (pictures / "c.png").write_bytes(b"x")
            wait_for(lambda: log.asked == [str(new), str(pictures / "c.png")])

    def test_that_no_waiting_mends_end_it(self, pictures: Path) -> None:
        with pytest.raises(WrongModel):
            Watch([str(pictures)], Log(error=WrongModel("Another model.")), threading.Event()).run()


def test_doubts_of_the_observer_lead_to_a_full_look(pictures: Path) -> None:
    log = Log()
    with watching(log, pictures):
        logging.getLogger("watchdog.observers.inotify_c").warning("Inotify queue overflowed")
        wait_for(lambda: log.asked == [str(pictures)])
