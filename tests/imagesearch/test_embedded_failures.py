"""What the embedded store says and keeps when the disk, the folder or another process is against it."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagesearch.embedded import EmbeddedStore
from imagesearch.embedded.database import DATABASE
from imagesearch.errors import StoreFull, StoreUnavailable
from imagesearch.records import NO_FILTERS
from imagesearch.store import open_store
from tests.conftest import environment, tmpfs
from tests.imagesearch.pieces import ALL, ask, entry, paths, random_units

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount or to become someone else")


def test_no_store_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"no store in .*nowhere\. Make one: python -m ingest"):
        open_store(str(tmp_path / "nowhere"))
    assert not (tmp_path / "nowhere").exists()


def test_the_home_folder_may_be_written_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    open_store("~/store", create=True).close()
    assert (tmp_path / "store" / DATABASE).exists()


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreUnavailable, match=r"cannot be used: File exists\. Check"):
        EmbeddedStore(tmp_path / "file", create=True)
    with pytest.raises(StoreUnavailable, match="There is no store in"):
        EmbeddedStore(tmp_path / "file")


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    for create in (True, False):
        with pytest.raises(StoreUnavailable, match="File name too long"):
            EmbeddedStore(tmp_path / ("x" * 300), create=create)


@pytest.mark.parametrize(
    "content", [b"This is a text file, not a database. " * 100, b"SQLite format 3\0" + b"\xff" * 4000]
)
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes) -> None:
    (tmp_path / DATABASE).write_bytes(content)
    with pytest.raises(StoreUnavailable, match=r"is damaged.*move the folder away and ingest again"):
        EmbeddedStore(tmp_path)
    assert (tmp_path / DATABASE).read_bytes() == content


def test_a_damaged_database_is_said_to_be_one(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path, create=True) as store:
        store.write([entry(f"{i}.png") for i in range(200)])
    with (tmp_path / DATABASE).open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom((tmp_path / DATABASE).stat().st_size - 4096))
    with pytest.raises(StoreUnavailable, match="is damaged"):
        EmbeddedStore(tmp_path).browse(NO_FILTERS, ALL)


def test_a_locked_store_says_so_and_comes_back(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path, create=True, busy_seconds=0.1) as store:
        store.write([entry("a.png")])
        other = sqlite3.connect(tmp_path / DATABASE, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match=r"locked by another process for 0\.1 s"):
            store.write([entry("b.png")])
        assert paths(store.knn(ask())) == ["a.png"], "readers go on"
        other.execute("COMMIT")
        other.close()
        store.write([entry("b.png")])
        assert store.count() == 2


def test_a_writer_waits_its_turn(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path, create=True, busy_seconds=20) as store:
        other = sqlite3.connect(tmp_path / DATABASE, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.3, other.execute, ["COMMIT"])
        release.start()
        began = time.monotonic()
        store.write([entry("b.png")])
        assert time.monotonic() - began > 0.2
        release.join()
        other.close()


def fill(store: EmbeddedStore) -> int:
    """Write until there is no room; how many writes were acknowledged, each of ten pictures."""
    vectors, acknowledged = random_units(10, 512), 0

    def write() -> None:
        nonlocal acknowledged
        while True:
            store.write([entry(f"{acknowledged}-{i}.png", v) for i, v in enumerate(vectors)])
            acknowledged += 1

    with pytest.raises(StoreFull, match=r"is full\. What was written before is kept\. Make room"):
        write()
    return acknowledged


def test_a_full_database_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path, create=True) as store:
        with store._db.connection() as db:
            db.execute("PRAGMA max_page_count = 200")
        written = fill(store)
        assert written > 3
        assert store.count() == store.knn(ask(random_units(1, 512)[0])).total == 10 * written
    with EmbeddedStore(tmp_path) as store:
        assert store.count() == 10 * written
        store.write([entry("more.png", random_units(1, 512)[0])])


def fill_up(disk: Path) -> None:
    """Leave no room on a disk."""
    subprocess.run(
        ["dd", "if=/dev/zero", f"of={disk / 'ballast'}", "bs=4096"], capture_output=True, check=False
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with tmpfs(tmp_path / "disk", "4m") as disk:
        yield disk


@as_root
def test_a_full_disk_keeps_what_was_acknowledged(small_disk: Path) -> None:
    with EmbeddedStore(small_disk / "store", create=True) as store:
        written = fill(store)
        assert written > 3
        assert store.count() == 10 * written
    with EmbeddedStore(small_disk / "store") as store:
        assert store.count() == store.knn(ask(random_units(1, 512)[0])).total == 10 * written


@as_root
def test_once_there_is_room_again_it_goes_on(small_disk: Path) -> None:
    with EmbeddedStore(small_disk / "store", create=True) as store:
        store.write([entry("a.png", random_units(1, 512)[0])])
        fill_up(small_disk)
        fill(store)
        before = store.count()
        (small_disk / "ballast").unlink()
        store.write([entry("more.png", random_units(1, 512)[0])])
        assert store.count() == before + 1


@as_root
def test_a_store_on_a_disk_that_is_already_full(small_disk: Path) -> None:
    fill_up(small_disk)
    with pytest.raises(StoreUnavailable, match=r"is full\.|cannot be used: No space left"):
        EmbeddedStore(small_disk, create=True)


AS_SOMEONE_ELSE = """
import os, sys
from pathlib import Path
from imagesearch.embedded import EmbeddedStore
from imagesearch.errors import StoreUnavailable
os.setgid(65534); os.setuid(65534)
try:
    with EmbeddedStore(Path(sys.argv[1]), create=sys.argv[2] == "create") as store:
        print(store.count())
except StoreUnavailable as error:
    print(error)
"""


def as_someone_else(folder: Path, how: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", AS_SOMEONE_ELSE, folder, how],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture
def locked_up() -> Iterator[Path]:
    """A folder that everybody can reach, owned by root; pytest's own are closed to others."""
    folder = Path("/tmp") / f"imagesearch-test-{os.getpid()}"  # noqa: S108
    folder.mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder)


@as_root
def test_a_folder_that_may_not_be_written(locked_up: Path) -> None:
    assert "cannot be used: Permission denied. Check its permissions" in as_someone_else(
        locked_up / "new", "create"
    )
    EmbeddedStore(locked_up / "store", create=True).close()
    assert "cannot be written" in as_someone_else(locked_up / "store", "open")


@as_root
def test_a_folder_that_may_not_be_looked_into(locked_up: Path) -> None:
    EmbeddedStore(locked_up / "store", create=True).close()
    (locked_up / "store").chmod(0o700)
    for how in ("open", "create"):
        assert "Check its permissions or name another" in as_someone_else(locked_up / "store", how)


def test_threads_leave_no_connections_behind(tmp_path: Path) -> None:
    """A server may answer every request in a thread of its own."""
    with EmbeddedStore(tmp_path, create=True) as store:
        for _ in range(50):
            thread = threading.Thread(target=store.count)
            thread.start()
            thread.join()
        assert open_files().count(tmp_path / DATABASE) == 1


def open_files() -> list[Path]:
    descriptors = list(Path("/proc/self/fd").iterdir())
    return [fd.readlink() for fd in descriptors if fd.is_symlink()]


def test_closing_lets_go_of_every_file(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, create=True)
    store.write([entry("a.png")])
    threads = [threading.Thread(target=store.knn, args=(ask(),)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    assert [file.name for file in tmp_path.iterdir()] == [DATABASE], "SQLite tidies its log away at the last"
    shutil.rmtree(tmp_path)
