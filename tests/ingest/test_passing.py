"""What is passed over: recycle bins, previews and thumbnails, and what the user leaves out."""

import re
import zipfile
from pathlib import Path

import pytest

from imagesearch.config import PROJECT
from imagesearch.sources.passing import USUAL
from tests.conftest import noise
from tests.ingest.conftest import Bench

OTHERS = [
    "@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg",
    "2019/@eaDir/b.jpg",
    "#recycle/c.jpg",
    "$RECYCLE.BIN/S-1-5-21/d.jpg",
    "$Recycle.Bin/d.jpg",
    ".Trash-1000/files/e.jpg",
    "Ann.photoslibrary/resources/derivatives/f.jpg",
    "Ann.photoslibrary/private/g.jpg",
    "Catalog Previews.lrdata/0/h.jpg",
    "Old.photolibrary/Thumbnails/i.jpg",
    "session/CaptureOne/Cache/Previews/j.jpg",
    "appdata_oc1/preview/k.jpg",
    "ann/files_trashbin/files/l.jpg",
    "lost+found/m.jpg",
    "System Volume Information/n.jpg",
    "@Recycle/o.jpg",
    "._p.jpg",
]
WANTED = [
    "Ann.photoslibrary/originals/0/1.jpg",
    "Old.photolibrary/Masters/2.jpg",
    "resources/3.jpg",
    "recycle/4.jpg",
    "Cache/5.jpg",
    "preview/6.jpg",
    "lrdata/7.jpg",
    "a.photoslibrary-resources/8.jpg",
    "x@eaDir/9.jpg",
]


def make(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        noise(len(path)).save(folder / path)


def held(bench: Bench, source: Path) -> set[str]:
    return {picture.path for picture in bench.held().values() if picture.source == str(source)}


@pytest.mark.parametrize("packed", [False, True])
def test_what_programs_keep_for_themselves(bench: Bench, tmp_path: Path, packed: bool) -> None:
    source = tmp_path / "library"
    make(source, *OTHERS, *WANTED)
    if packed:
        with zipfile.ZipFile(tmp_path / "library.zip", "w") as archive:
            for path in (*OTHERS, *WANTED):
                archive.write(source / path, path)
        source = tmp_path / "library.zip"
    bench.report(source)
    assert held(bench, source) == set(WANTED)


def test_a_library_of_photos_that_is_named_itself(bench: Bench, tmp_path: Path) -> None:
    library = tmp_path / "Ann.photoslibrary"
    make(library, "originals/0/1.jpg", "resources/derivatives/2.jpg")
    bench.report(library)
    assert held(bench, library) == {"originals/0/1.jpg"}


@pytest.mark.parametrize("name", ["@eaDir", "Ann.photoslibrary/resources", "raw"])
def test_what_is_named_itself_comes_in(bench: Bench, tmp_path: Path, name: str) -> None:
    make(tmp_path / name, "sub/a.jpg")
    bench.report("--exclude", "raw", tmp_path / name)
    assert held(bench, tmp_path / name) == {"sub/a.jpg"}


@pytest.mark.parametrize(
    ("glob", "left_out"),
    [
        ("raw", {"raw/a.jpg", "2019/raw/b.jpg", "2019/raw/deep/c.jpg"}),
        ("RAW/", {"raw/a.jpg", "2019/raw/b.jpg", "2019/raw/deep/c.jpg"}),
        ("2019/raw", {"2019/raw/b.jpg", "2019/raw/deep/c.jpg"}),
        ("raw/?.jpg", {"raw/a.jpg", "2019/raw/b.jpg"}),
        ("*_[sx].jpg", {"2019/d_s.jpg"}),
        ("caf\u00e9", {"cafe\u0301/e.jpg"}),
        ("ra", set()),
        ("library/raw", {"raw/a.jpg"}),
    ],
)
def test_what_the_user_leaves_out(bench: Bench, tmp_path: Path, glob: str, left_out: set[str]) -> None:
    paths = {"raw/a.jpg", "2019/raw/b.jpg", "2019/raw/deep/c.jpg", "2019/d_s.jpg", "cafe\u0301/e.jpg"}
    make(tmp_path / "library", *paths)
    bench.report("--exclude", glob, tmp_path / "library")
    assert held(bench, tmp_path / "library") == paths - left_out


def test_an_absolute_path_and_several_patterns(bench: Bench, tmp_path: Path) -> None:
    make(tmp_path / "library", "raw/a.jpg", "2019/raw/b.jpg", "c.jpg")
    bench.report("--exclude", tmp_path / "library/raw", "--exclude", "c.*", tmp_path / "library")
    assert held(bench, tmp_path / "library") == {"2019/raw/b.jpg"}


def test_what_came_in_earlier_is_gone(bench: Bench) -> None:
    make(bench.pictures, "raw/a.jpg", "raw/only/b.jpg")
    (bench.pictures / "raw/bad.jpg").write_bytes(b"no picture")
    bench.report()
    assert len(bench.failures()) == 1
    result = bench.ingest("--exclude", "raw", bench.pictures)
    assert "2 known pictures were not found. Remove them with --prune." in result.output
    assert "2 removed" in bench.report("--prune", "--exclude", "raw", bench.pictures)
    assert len(bench.held()) == 5
    assert bench.failures() == []


def test_also_where_nothing_of_it_is_left(bench: Bench) -> None:
    make(bench.pictures, "raw/a.jpg")
    bench.report()
    (bench.pictures / "raw/a.jpg").unlink()
    assert "1 removed" in bench.report("--prune", "--exclude", "raw", bench.pictures)


def test_a_copy_of_what_is_left_out_is_a_picture_of_its_own(bench: Bench) -> None:
    make(bench.pictures, "raw/a.jpg")
    bench.report()
    (bench.pictures / "a.jpg").write_bytes((bench.pictures / "raw/a.jpg").read_bytes())
    assert bench.report("--exclude", "raw", bench.pictures).startswith("1 new (1 recognised by content)")


@pytest.mark.parametrize("glob", ["", "/"])
def test_nothing_is_no_pattern(bench: Bench, glob: str) -> None:
    result = bench.ingest("--exclude", glob, bench.pictures)
    assert result.exit_code == 2
    assert "Name files or folders, such as 'raw'" in result.output


def test_the_list_is_documented() -> None:
    text = (PROJECT / "docs/sources.md").read_text(encoding="utf-8")
    table = text.split("<!-- passed over -->")[1].split("<!-- end -->")[0]
    names = [name for row in table.splitlines()[3:] for name in re.findall("`([^`]+)`", row.split("|")[1])]
    assert sorted(names) == sorted(USUAL)
