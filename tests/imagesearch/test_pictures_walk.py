"""Finding picture files: what is passed over, what links mean, what cannot be read."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagesearch.errors import BadSource
from imagesearch.pictures import FoundFile, Unreadable, picture_endings, walk
from tests.conftest import environment


def touch(root: Path, *paths: str) -> None:
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(path.encode())


def found(root: Path) -> list[str]:
    """The paths found; fails on anything unreadable."""
    files = list(walk(root))
    assert all(isinstance(f, FoundFile) for f in files), files
    return [f.path for f in files if isinstance(f, FoundFile)]


def unreadable(root: Path) -> dict[str, str]:
    return {str(u.location.relative_to(root)): u.reason for u in walk(root) if isinstance(u, Unreadable)}


def test_pictures_by_their_endings_in_sorted_order(tmp_path: Path) -> None:
    touch(tmp_path, "b.png", "a.JPG", "c.txt", "d", "e.jpeg.zip", "sub/f.webp", "sub/g.TIFF", "a b ü 雪.gif")
    assert found(tmp_path) == ["a b ü 雪.gif", "a.JPG", "b.png", "sub/f.webp", "sub/g.TIFF"]


def test_the_endings_of_the_common_formats_are_known() -> None:
    wanted = ".jpg .jpeg .png .gif .webp .avif .tif .tiff .bmp .jp2 .ico".split()
    assert set(wanted) <= picture_endings()
    assert not {".txt", ".pdf", ".eps", ".mp4", ".mpg", ".svg", ""} & picture_endings()


def test_size_time_and_place_are_told(tmp_path: Path) -> None:
    touch(tmp_path, "sub/a.png")
    os.utime(tmp_path / "sub/a.png", ns=(1, 1_600_000_000_123_456_789))
    (file,) = walk(tmp_path)
    assert file == FoundFile(str(tmp_path), "sub/a.png", len("sub/a.png"), 1_600_000_000_123_456_789)
    assert file.location == tmp_path / "sub/a.png"


def test_hidden_files_and_what_a_mac_leaves_behind_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "._a.png", ".hidden.png", ".thumbs/a.png", "__MACOSX/a.png", "sub/._b.jpg")
    assert found(tmp_path) == ["a.png"]


def test_a_hidden_folder_may_be_asked_for(tmp_path: Path) -> None:
    touch(tmp_path, ".mine/a.png")
    assert found(tmp_path / ".mine") == ["a.png"]


def test_one_file_is_below_its_folder(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b.png")
    (file,) = walk(tmp_path / "a.png")
    assert isinstance(file, FoundFile)
    assert (file.source, file.path) == (str(tmp_path), "a.png")


def test_relative_and_home_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "p/a.png")
    monkeypatch.chdir(tmp_path / "p")
    monkeypatch.setenv("HOME", str(tmp_path))
    for root in (".", "../p", "~/p"):
        assert [f.location for f in walk(Path(root))] == [tmp_path / "p/a.png"]


@pytest.mark.parametrize("name", ["none", "none/at/all", "x" * 300, "loop"])
def test_a_path_that_is_not_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(BadSource, match=r"There is no folder or file .*Check the path"):
        list(walk(tmp_path / name))


class TestLinks:
    def test_to_a_folder_outside(self, tmp_path: Path) -> None:
        touch(tmp_path, "root/a.png", "outside/b.png")
        (tmp_path / "root/link").symlink_to(tmp_path / "outside")
        assert found(tmp_path / "root") == ["a.png", "link/b.png"]

    def test_two_to_the_same_folder_are_followed_once(self, tmp_path: Path) -> None:
        touch(tmp_path, "root/a.png", "outside/b.png")
        (tmp_path / "root/link1").symlink_to(tmp_path / "outside")
        (tmp_path / "root/link2").symlink_to(tmp_path / "outside")
        assert found(tmp_path / "root") == ["a.png", "link1/b.png"]

    def test_to_a_folder_inside_changes_no_path(self, tmp_path: Path) -> None:
        touch(tmp_path, "z/b.png")
        (tmp_path / "a-link").symlink_to("z")
        assert found(tmp_path) == ["z/b.png"]

    def test_in_a_circle(self, tmp_path: Path) -> None:
        touch(tmp_path, "root/sub/a.png", "sibling/b.png")
        (tmp_path / "root/sub/up").symlink_to("..")
        (tmp_path / "root/self").symlink_to(".")
        (tmp_path / "root/top").symlink_to(tmp_path)
        assert sorted(found(tmp_path / "root")) == ["sub/a.png", "top/sibling/b.png"]

    def test_to_themselves(self, tmp_path: Path) -> None:
        touch(tmp_path, "a.png")
        for name in ("loop", "loop.png"):
            (tmp_path / name).symlink_to(name)
        assert [f.path for f in walk(tmp_path) if isinstance(f, FoundFile)] == ["a.png"]
        assert unreadable(tmp_path) == dict.fromkeys(
            ("loop", "loop.png"), "Too many levels of symbolic links"
        )

    def test_to_a_file_outside(self, tmp_path: Path) -> None:
        touch(tmp_path, "root/a.png", "outside/b")
        (tmp_path / "root/b.png").symlink_to(tmp_path / "outside/b")
        assert found(tmp_path / "root") == ["a.png", "b.png"]

    def test_to_a_file_inside_that_is_found_anyway(self, tmp_path: Path) -> None:
        touch(tmp_path, "sub/a.png")
        (tmp_path / "best.png").symlink_to("sub/a.png")
        assert found(tmp_path) == ["sub/a.png"]

    @pytest.mark.parametrize("target", [".git/annex/objects/a.png", "__MACOSX/a.png", "blob"])
    def test_to_a_file_inside_that_is_not_found_otherwise(self, tmp_path: Path, target: str) -> None:
        """As in a folder that git-annex keeps."""
        touch(tmp_path, target)
        (tmp_path / "photo.png").symlink_to(target)
        assert found(tmp_path) == ["photo.png"]

    def test_broken(self, tmp_path: Path) -> None:
        (tmp_path / "inside.png").symlink_to("gone.png")
        (tmp_path / "outside.png").symlink_to(tmp_path.parent / "gone.png")
        (tmp_path / "text.txt").symlink_to("gone.txt")
        assert unreadable(tmp_path) == dict.fromkeys(
            ("inside.png", "outside.png"), "No such file or directory"
        )

    def test_the_root_itself(self, tmp_path: Path) -> None:
        touch(tmp_path, "real/a.png", "real/b.png")
        (tmp_path / "real/c.png").symlink_to("a.png")
        (tmp_path / "link").symlink_to("real")
        files = list(walk(tmp_path / "link"))
        assert [f.location for f in files] == [tmp_path / "link/a.png", tmp_path / "link/b.png"]


def test_what_is_no_file_is_told_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    touch(tmp_path, "folder.png/a.png")
    assert unreadable(tmp_path) == {"pipe.png": "is not a regular file"}
    assert [f.path for f in walk(tmp_path) if isinstance(f, FoundFile)] == ["folder.png/a.png"]


def test_a_pipe_as_the_root(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(BadSource):
        list(walk(tmp_path / "pipe.png"))


def test_a_name_that_is_not_text_is_told(tmp_path: Path) -> None:
    touch(tmp_path, "good.png")
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(b"x")
    files = list(walk(tmp_path))
    assert [f.path for f in files if isinstance(f, FoundFile)] == ["good.png"]
    assert [u.reason for u in files if isinstance(u, Unreadable)] == [
        "has a name that is not valid UTF-8; rename it"
    ]


WALK = """
import os, sys
from pathlib import Path
from imagesearch.pictures import Unreadable, picture_endings, walk
picture_endings()
os.setgid(65534); os.setuid(65534)
for found in walk(Path(sys.argv[1])):
    print(found.reason if isinstance(found, Unreadable) else "found", found.location.name)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can reach; pytest's own are closed to others."""
    folder = Path("/tmp") / f"imagesearch-walk-{os.getpid()}"  # noqa: S108
    folder.mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become someone else")
def test_what_may_not_be_read_is_told_and_the_rest_goes_on(open_folder: Path) -> None:
    touch(open_folder, "a.png", "shut/b.png", "listed/c.png", "listed/sub/d.png", "z.png", "hidden/e.png")
    (open_folder / "shut").chmod(0o700)
    (open_folder / "listed").chmod(0o744)
    (open_folder / "link").symlink_to(open_folder / "hidden" / "sub")
    (open_folder / "hidden").chmod(0o700)
    done = subprocess.run(
        [sys.executable, "-c", WALK, open_folder],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "found a.png",
        "Permission denied hidden",
        "Permission denied link",
        "Permission denied c.png",
        "Permission denied sub",
        "Permission denied shut",
        "found z.png",
    ]
