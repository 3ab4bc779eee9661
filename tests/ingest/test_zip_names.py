"""Names in zip files as programs of many kinds write them, read as unzip reads them."""

import io
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import noise
from tests.ingest.conftest import Bench

DOS, UNIX, UTF8 = 0, 3, 0x800
KYOTO = "旅行/京都.jpg"


class Member(NamedTuple):
    name: bytes
    extra: bytes = b""
    system: int = DOS
    flags: int = 0


def unicode_path(name: bytes, path: bytes, version: int = 1) -> bytes:
    field = struct.pack("<BI", version, zlib.crc32(name)) + path
    return struct.pack("<HH", 0x7075, len(field)) + field


def pack(file: Path, members: list[Member]) -> None:
    """A zip file written byte by byte: zipfile writes no such names."""
    out, central = io.BytesIO(), b""
    for i, (name, extra, system, flags) in enumerate(members):
        picture = io.BytesIO()
        noise(i).save(picture, "JPEG")
        content, at = picture.getvalue(), out.tell()
        checked = zlib.crc32(content), len(content), len(content), len(name), len(extra)
        header = struct.pack("<HHHHHIIIHH", 20, flags, 0, 0x6000, 0x4C26, *checked)
        out.write(b"PK\3\4" + header + name + extra + content)
        made_by = b"PK\1\2" + struct.pack("<BB", 20, system)
        central += made_by + header + struct.pack("<HHHII", 0, 0, 0, 0, at) + name + extra
    end = struct.pack("<HHHHIIH", 0, 0, len(members), len(members), len(central), out.tell(), 0)
    file.write_bytes(out.getvalue() + central + b"PK\5\6" + end)


def brought_in(bench: Bench, folder: Path, *members: Member) -> tuple[set[str], str]:
    """The paths in the store after ingesting an archive of `members`, and the report."""
    pack(folder / "a.zip", list(members))
    report = bench.ingest(folder / "a.zip")
    assert report.exit_code == 0, report.output
    return {picture.path for picture in bench.held().values()}, report.output


RAW = KYOTO.encode("cp932")
GARBLED = RAW.decode("cp437")


@pytest.mark.parametrize(
    ("extra", "path"),
    [
        (unicode_path(RAW, KYOTO.encode()), KYOTO),
        (struct.pack("<HH", 0x5455, 5) + b"\1abcd" + unicode_path(RAW, KYOTO.encode()), KYOTO),
        (unicode_path(b"renamed.jpg", KYOTO.encode()), GARBLED),
        (unicode_path(RAW, KYOTO.encode(), version=2), GARBLED),
        (unicode_path(RAW, b"\xff.jpg"), GARBLED),
        (unicode_path(RAW, b""), GARBLED),
        (struct.pack("<HH", 0x7075, 3) + b"\1ab", GARBLED),
        (b"\x75", GARBLED),
        (b"", GARBLED),
    ],
)
def test_the_unicode_path_counts_where_it_is_of_this_name(
    bench: Bench, tmp_path: Path, extra: bytes, path: str
) -> None:
    assert brought_in(bench, tmp_path, Member(RAW, extra))[0] == {path}


def test_it_counts_for_other_systems_and_marked_names_too(bench: Bench, tmp_path: Path) -> None:
    marked = "ü.jpg".encode()
    assert brought_in(
        bench,
        tmp_path,
        Member(RAW, unicode_path(RAW, KYOTO.encode()), UNIX),
        Member(marked, unicode_path(marked, marked), flags=UTF8),
        Member("雪.jpg".encode()),
    )[0] == {KYOTO, "ü.jpg", "雪.jpg"}


def test_backslashes_separate_folders_as_windows_means_them(bench: Bench, tmp_path: Path) -> None:
    snow = "アルバム\\雪.jpg".encode()
    paths, _ = brought_in(
        bench,
        tmp_path,
        Member(b"album\\sub\\windows.jpg"),
        Member(snow, flags=UTF8),
        Member(
            "旅行\\京都.jpg".encode("cp932"), unicode_path("旅行\\京都.jpg".encode("cp932"), b"a\\kyoto.jpg")
        ),
        Member(b"__MACOSX\\._windows.jpg"),
        Member(b"album\\.hidden\\x.jpg"),
        Member(b"folder.jpg\\"),
        Member(b"of/unix\\dos.jpg"),
        Member(b"a\\b.jpg", system=UNIX),
    )
    assert paths == {
        "album/sub/windows.jpg",
        "アルバム/雪.jpg",
        "a/kyoto.jpg",
        "of/unix\\dos.jpg",
        "a\\b.jpg",
    }


def test_the_albums_are_folders(bench: Bench, tmp_path: Path) -> None:
    brought_in(bench, tmp_path, Member(b"album\\sub\\windows.jpg"))
    assert [picture.album for picture in bench.held().values()] == ["album/sub"]


@pytest.mark.parametrize("name", [b"..\\..\\x.jpg", b"\\x.jpg", b"a\\..\\x.jpg"])
def test_none_leads_out(bench: Bench, tmp_path: Path, name: bytes) -> None:
    hidden = unicode_path(b"y.jpg", name.replace(b"\\", b"/"))
    paths, report = brought_in(bench, tmp_path, Member(name), Member(b"y.jpg", hidden))
    assert paths == set()
    assert "leads out of the archive" in report
