"""Finding picture files: what is passed over, what links mean, what cannot be read."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagesearch.errors import BadPicture, BadSource
from imagesearch.pictures import picture_endings
from imagesearch.sources import FoundFile, Unreadable, open_source, source_at
from imagesearch.sources.folder import Folder
from tests.conftest import environment


def walk(path: Path) -> Iterator[FoundFile | Unreadable]:
    source, within = open_source(path)
    return source.walk(within)


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
    return {u.path: u.reason for u in walk(root) if isinstance(u, Unreadable) and u.source == str(root)}


def test_pictures_by_their_endings_in_sorted_order(tmp_path: Path) -> None:
    touch(tmp_path, "b.png", "a.JPG", "c.txt", "d", "e.jpeg.zip", "sub/f.webp", "sub/g.TIFF", "a b ü 雪.gif")
    assert found(tmp_path) == ["a b ü 雪.gif", "a.JPG", "b.png", "sub/f.webp", "sub/g.TIFF"]


def test_the_endings_of_the_common_formats_are_known() -> None:
    wanted = ".jpg .jpeg .png .gif .webp .avif .tif .tiff .bmp .jp2 .ico".split()
    assert set(wanted) <= picture_endings()
    # Of stereo pairs, large files and pyramids, otherwise spelled; and of JPEG XL, said to be unread.
    seldom = ".mpo .jps .pns .dib .jif .jfi .jfif .pjpeg .hif .btf .tf8 .ptif .j2c .apng .targa .jxl".split()
    assert set(seldom) <= picture_endings()
    assert not {".txt", ".pdf", ".eps", ".mp4", ".mpg", ""} & picture_endings()


def test_size_time_and_place_are_told(tmp_path: Path) -> None:
    touch(tmp_path, "sub/a.png")
    os.utime(tmp_path / "sub/a.png", ns=(1, 1_600_000_000_123_456_789))
    (file,) = walk(tmp_path)
    assert file == FoundFile(str(tmp_path), "sub/a.png", len("sub/a.png"), 1_600_000_000_123_456_789)
    assert file.location == str(tmp_path / "sub/a.png")


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
        assert [f.location for f in walk(Path(root))] == [str(tmp_path / "p/a.png")]


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
        assert [f.location for f in files] == [f"{tmp_path}/link/a.png", f"{tmp_path}/link/b.png"]


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
from imagesearch.pictures import picture_endings
from imagesearch.sources import Unreadable, open_source
picture_endings()
os.setgid(65534); os.setuid(65534)
source, within = open_source(sys.argv[1])
for found in source.walk(within):
    print(found.reason if isinstance(found, Unreadable) else "found", Path(found.location).name)
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


names = st.text(st.sampled_from("ab-. 0雪é~"), min_size=1, max_size=3)


@given(st.lists(st.lists(names, min_size=1, max_size=4), max_size=12))
def test_the_order_is_that_of_the_code_points_of_whole_paths(parts: list[list[str]]) -> None:
    """So that the walk and what a store lists can be held against each other line by line."""
    with tempfile.TemporaryDirectory() as folder:
        made = set()
        for path in parts:
            file = Path(folder, *(f"x{part}" for part in path[:-1]), f"x{path[-1]}.png")
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.touch()
            except OSError:
                continue  # a file stands where a folder should
            if file.is_file():
                made.add(file.relative_to(folder).as_posix())
        assert found(Path(folder)) == sorted(made)


def test_a_folder_of_many_levels(tmp_path: Path) -> None:
    """More than Python's functions may call each other."""
    deep = "/".join("d" * 1200)
    try:
        subprocess.run(["mkdir", "-p", deep], cwd=tmp_path, check=True)
        subprocess.run(["touch", f"{deep}/a.png"], cwd=tmp_path, check=True)
        assert found(tmp_path) == [f"{deep}/a.png"]
    finally:
        subprocess.run(["rm", "-rf", "d"], cwd=tmp_path, check=True)  # shutil cannot


class TestParts:
    def test_of_a_source_keep_its_paths(self, tmp_path: Path) -> None:
        touch(tmp_path, "sub/a.png", "sub/deep/b.png", "sub.png", "subway/c.png")
        source = Folder(tmp_path)
        assert [f.path for f in source.walk("sub")] == ["sub/a.png", "sub/deep/b.png"]
        assert [f.path for f in source.walk("sub/a.png")] == ["sub/a.png"]

    def test_that_are_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(BadSource, match="There is no folder or file"):
            list(Folder(tmp_path).walk("sub"))

    def test_show_through_links_what_the_whole_shows(self, tmp_path: Path) -> None:
        touch(tmp_path, "a.png", "sub/b.png")
        (tmp_path / "sub/up").symlink_to("..")
        (tmp_path / "sub/c.png").symlink_to("../a.png")
        assert [f.path for f in Folder(tmp_path).walk("sub")] == ["sub/b.png"]


class TestOneFile:
    def test_as_the_walk_finds_it(self, tmp_path: Path) -> None:
        touch(tmp_path, "sub/a.png")
        (file,) = walk(tmp_path)
        assert Folder(tmp_path).found("sub/a.png") == file

    @pytest.mark.parametrize(
        "path", ["b.png", "a.png/b.png", "x" * 300, "../a.png", "/etc/hostname", "a\0b", "sub"]
    )
    def test_that_is_not_there(self, tmp_path: Path, path: str) -> None:
        touch(tmp_path, "a.png", "sub/a.png")
        assert Folder(tmp_path).found(path) is None
        with pytest.raises(BadPicture), Folder(tmp_path).fetch(path):
            pass

    @pytest.mark.parametrize("path", ["", "a.png"])
    def test_of_a_source_that_is_gone_or_as_empty_as_an_unmounted_disk(
        self, tmp_path: Path, path: str
    ) -> None:
        (tmp_path / "empty").mkdir()
        for name in ("gone", "empty"):
            source = source_at(str(tmp_path / name))
            with pytest.raises(BadSource, match="Is a disk not mounted"):
                source.found(path)
        with pytest.raises(BadSource), Folder(tmp_path / "gone").fetch("a.png"):
            pass

    def test_that_cannot_be_told(self, tmp_path: Path) -> None:
        (tmp_path / "loop.png").symlink_to("loop.png")
        with pytest.raises(BadSource, match="cannot be told whether"):
            Folder(tmp_path).found("loop.png")

    def test_is_fetched_where_it_is(self, tmp_path: Path) -> None:
        touch(tmp_path, "a.png")
        with Folder(tmp_path).fetch("a.png") as file:
            assert file == tmp_path / "a.png"

    def test_that_is_a_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.png")
        with pytest.raises(BadPicture, match="not a regular file"), Folder(tmp_path).fetch("pipe.png"):
            pass
