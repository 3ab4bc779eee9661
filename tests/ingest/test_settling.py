"""When changed files are read: real files, and a clock that the tests turn."""

import os
from pathlib import Path

import pytest

from ingest.settling import Settling, gathered


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "a.png").write_bytes(b"1")
    return str(tmp_path / "a.png")


def test_a_file_that_stands_still_is_due_once(file: str) -> None:
    settling = Settling(2)
    settling.touch(file, now=10)
    assert settling.due(11.9) == []
    assert settling.due(12) == [file]
    assert settling.due(20) == []


def test_every_event_starts_the_wait_anew(file: str) -> None:
    settling = Settling(2)
    settling.touch(file, now=10)
    settling.touch(file, now=11)
    assert settling.due(12.5) == []
    assert settling.due(13) == [file]


@pytest.mark.parametrize("what", ["size", "time"])
def test_a_change_that_nobody_told_of_starts_it_anew(file: str, what: str) -> None:
    settling = Settling(2)
    settling.touch(file, now=10)
    if what == "size":
        state = os.stat(file)  # noqa: PTH116
        Path(file).write_bytes(b"12")
        os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    else:
        os.utime(file, ns=(1, 1))
    assert settling.due(12) == []
    assert settling.due(13.9) == []
    assert settling.due(14) == [file]


def test_a_file_that_is_gone_has_to_stay_gone(file: str) -> None:
    settling = Settling(2)
    content = Path(file).read_bytes()
    Path(file).unlink()
    settling.touch(file, now=10)
    Path(file).write_bytes(content)  # as programs save
    assert settling.due(12) == []
    Path(file).unlink()
    settling.touch(file, now=13)
    assert settling.due(15) == [file]


def test_each_file_waits_for_itself_in_the_order_of_the_first_touch(tmp_path: Path) -> None:
    settling = Settling(2)
    one, two, three = (str(tmp_path / name) for name in ("z", "a", "m"))
    for now, path in enumerate((one, two, three), 10):
        settling.touch(path, now)
    settling.touch(one, 10.5)
    assert settling.due(13) == [one, two]
    assert settling.due(14) == [three]


def test_a_folder_can_be_forgotten(tmp_path: Path) -> None:
    settling = Settling(0)
    for name in ("pics", "pics/a.png", "pics2/a.png"):
        settling.touch(str(tmp_path / name), 0)
    settling.forget(str(tmp_path / "pics"))
    assert settling.due(1) == [str(tmp_path / "pics2/a.png")]


class TestGathered:
    def test_a_few_are_brought_in_one_by_one(self) -> None:
        assert list(gathered(["/p/b.png", "/p/a.png", "/p/b.png"])) == [["/p/b.png", "/p/a.png"]]

    def test_what_is_below_another_is_left_out(self) -> None:
        assert list(gathered(["/p/x/a.png", "/p/x", "/p/xy/a.png"])) == [["/p/x", "/p/xy/a.png"]]

    def test_of_a_folder_with_many_all_of_it(self) -> None:
        many = [f"/p/x/{i}.png" for i in range(4)]
        assert list(gathered([*many, "/p/a.png"], most=3)) == [["/p/x", "/p/a.png"]]
        assert list(gathered([*many[:3], "/p/a.png"], most=3)) == [many[:3], ["/p/a.png"]]

    def test_nothing(self) -> None:
        assert list(gathered([])) == []
