"""Pictures in zip and tar files: the same from either, and nothing that a hostile one can do."""

import bz2
import gzip
import io
import lzma
import os
import struct
import subprocess
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from imagesearch.errors import BadPicture, BadSource
from imagesearch.sources import FoundFile, Sources, Unreadable, open_source, source_at
from imagesearch.sources import found as rules
from imagesearch.sources.archive import Archive
from tests.conftest import tmpfs

FILES = {
    "b.png": b"of b",
    "a/z.JPG": b"of z",
    "a.png": b"",
    "a/a.jpg.xmp": b"beside it",
    "notes.txt": b"text",
    ".hidden/c.png": b"hidden",
    "__MACOSX/._b.png": b"a Mac's",
    "ü 雪.gif": b"of snow",
}
SHOWN = ["a.png", "a/z.JPG", "b.png", "ü 雪.gif"]
KINDS = ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz", "A.ZIP"]

Make = Callable[[Path, dict[str, bytes]], Archive]


def make(file: Path, files: dict[str, bytes] = FILES) -> Archive:
    """An archive of the kind that its name says."""
    if file.suffix.lower() == ".zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in files.items():
                packed.writestr(
                    zipfile.ZipInfo(name, (2024, 5, 17, 12, 30, 2)), content, zipfile.ZIP_DEFLATED
                )
    else:
        packers: dict[str, Callable[..., Any]] = {".tar": Path.open, ".bz2": bz2.open, ".xz": lzma.open}
        packer = packers.get(file.suffix, gzip.open)
        with packer(file, "wb") as out, tarfile.open(fileobj=out, mode="w") as tar:
            for name, content in files.items():
                add(tar, name, content)
    return Archive(file)


def add(tar: tarfile.TarFile, name: str, content: bytes = b"", **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mtime = len(content), 1_715_949_002
    for field, value in fields.items():
        setattr(info, field, value)
    tar.addfile(info, io.BytesIO(content))
    return info


def paths(archive: Archive, within: str = "") -> list[str]:
    files = list(archive.walk(within))
    assert all(isinstance(f, FoundFile) for f in files), files
    return [f.path for f in files]


def refused(archive: Archive) -> dict[str, str]:
    return {f.path: f.reason for f in archive.walk() if isinstance(f, Unreadable)}


def content(archive: Archive, path: str) -> bytes:
    with archive.fetch(path) as file:
        return file.read_bytes()


@pytest.fixture(params=KINDS)
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    return make(tmp_path / request.param)


def test_members_are_found_as_in_a_folder(archive: Archive) -> None:
    assert paths(archive) == SHOWN
    (one, *_) = archive.walk("b.png")
    assert isinstance(one, FoundFile)
    assert (one.source, one.path, one.size) == (archive.root, "b.png", 4)
    assert one.mtime_ns // 10**9 == 1_715_949_002
    assert one.location == f"{archive.root}/b.png"
    assert archive.found("b.png") == one


def test_a_part(archive: Archive) -> None:
    assert paths(archive, "a") == ["a/z.JPG"]
    with pytest.raises(BadSource, match="There is no 'c'"):
        list(archive.walk("c"))


def test_contents_are_copies_that_go_again(archive: Archive) -> None:
    with archive.fetch("a/z.JPG") as file:
        assert (file.read_bytes(), file.suffix) == (b"of z", ".JPG")
    assert not file.exists()
    list(archive.walk())
    assert {path: content(archive, path) for path in SHOWN} == {path: FILES[path] for path in SHOWN}


def test_what_lies_beside_a_picture_can_be_had(archive: Archive) -> None:
    assert archive.found("a/a.jpg.xmp")
    assert content(archive, "a/a.jpg.xmp") == b"beside it"


@pytest.mark.parametrize("path", ["c.png", "a", "../b.png", "/b.png", ""])
def test_what_is_not_there(archive: Archive, path: str) -> None:
    assert archive.found(path) is None
    with pytest.raises(BadPicture, match="not in the archive"):
        content(archive, path)


def test_several_threads_at_once(archive: Archive) -> None:
    list(archive.walk())
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda i: content(archive, SHOWN[i % 4]), range(64))) == [
            FILES[SHOWN[i % 4]] for i in range(64)
        ]


def test_an_archive_that_is_written_anew_is_read_anew(archive: Archive) -> None:
    list(archive.walk())
    assert content(archive, "b.png") == b"of b"
    other = make(Path(archive.root).with_name(f"other-{Path(archive.root).name}"), {"b.png": b"another"})
    os.replace(other.root, archive.root)  # noqa: PTH105
    assert content(archive, "b.png") == b"another"
    assert paths(archive) == ["b.png"]


def test_one_that_is_gone(archive: Archive) -> None:
    os.unlink(archive.root)  # noqa: PTH108
    for ask in (archive.walk, lambda: archive.found("b.png"), lambda: content(archive, "b.png")):
        with pytest.raises(BadSource, match="cannot be read: No such file"):
            list(ask())  # type: ignore[arg-type]
    with pytest.raises(BadSource, match="There is no folder or file"):
        open_source(archive.root)


def test_a_member_of_the_same_size_and_date_is_told_apart_in_a_zip(tmp_path: Path) -> None:
    before, after = (make(tmp_path / f"{i}.zip", {"b.png": b"%d" % i}).found("b.png") for i in (1, 2))
    assert before
    assert after
    assert before.mtime_ns // 10**9 == after.mtime_ns // 10**9
    assert before.mtime_ns != after.mtime_ns


@pytest.mark.parametrize(
    ("program", "name"),
    [
        (["zip", "-qr"], "a.zip"),
        (["tar", "-cf"], "a.tar"),
        (["tar", "-czf"], "a.tar.gz"),
        (["tar", "-cf"], "dots.tar"),
    ],
)
def test_what_other_programs_pack(tmp_path: Path, program: list[str], name: str) -> None:
    folder = tmp_path / "pictures"
    for path, data in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    long = "/".join(["x" * 60] * 4) + "/d.png"
    (folder / long).parent.mkdir(parents=True)
    (folder / long).write_bytes(b"deep")
    what = ["."] if name.startswith("dots") else sorted(p.name for p in folder.iterdir())
    subprocess.run([*program, tmp_path / name, *what], cwd=folder, check=True)
    packed = Archive(tmp_path / name)
    assert paths(packed) == sorted([*SHOWN, long])
    assert content(packed, long) == b"deep"
    assert content(packed, "ü 雪.gif") == b"of snow"


class TestWhatAPersonNames:
    def test_an_archive_is_a_source_a_folder_of_that_name_is_not(self, tmp_path: Path) -> None:
        make(tmp_path / "a.zip")
        (tmp_path / "b.zip").mkdir()
        source, within = open_source(tmp_path / "a.zip")
        assert (type(source), within) == (Archive, "")
        assert not source.divisible
        for at in (open_source(tmp_path / "b.zip")[0], source_at(str(tmp_path / "b.zip"))):
            assert at.divisible
        assert isinstance(source_at(str(tmp_path / "gone.tar.gz")), Archive)

    def test_archives_in_folders_are_not_looked_into(self, tmp_path: Path) -> None:
        make(tmp_path / "a.zip")
        source, _ = open_source(tmp_path)
        assert list(source.walk()) == []

    def test_opened_once(self, tmp_path: Path) -> None:
        sources = Sources()
        root = make(tmp_path / "a.zip").root
        assert sources.at(root) is sources.at(root)
        assert sources.at(str(tmp_path)).divisible


class TestHostileZips:
    def test_names_that_lead_out(self, tmp_path: Path) -> None:
        names = ["../up.png", "/etc/root.png", "a/../../b.png", "fine.png"]
        archive = make(tmp_path / "a.zip", dict.fromkeys(names, b"x"))
        reason = "has a name that leads out of the archive or bucket"
        assert refused(archive) == dict.fromkeys(names[:3], reason)
        for name in names[:3]:
            assert archive.found(name) is None
            with pytest.raises(BadPicture, match="leads out"):
                content(archive, name)
        assert content(archive, "fine.png") == b"x"

    def test_links(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
            info = zipfile.ZipInfo("link.png")
            info.create_system, info.external_attr = 3, 0o120777 << 16
            packed.writestr(info, "/etc/hostname")
        archive = Archive(tmp_path / "a.zip")
        assert "is a link" in refused(archive)["link.png"]

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_of_several_of_a_name_the_last_counts(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
            for text in ("first", "second"):
                packed.writestr("./a.png" if text == "first" else "a.png", text)
        archive = Archive(tmp_path / "a.zip")
        assert paths(archive) == ["a.png"]
        assert content(archive, "a.png") == b"second"

    def test_encrypted_members(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(b"x")
        subprocess.run(["zip", "-q", "-P", "secret", "a.zip", "a.png"], cwd=tmp_path, check=True)
        assert "is encrypted" in refused(Archive(tmp_path / "a.zip"))["a.png"]

    def test_a_method_that_is_not_read(self, tmp_path: Path) -> None:
        archive = patched(tmp_path / "a.zip", method=9)
        assert "is packed by a method that is not read here (9)" in refused(archive)["b.png"]

    def test_members_that_are_too_large(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rules, "MAX_FILE_MB", 1)
        archive = make(tmp_path / "a.zip", {"big.png": bytes((1 << 20) + 1), "fits.png": bytes(1 << 20)})
        assert refused(archive) == {"big.png": "has 1 MiB, more than the 1 MiB that are fetched"}
        assert len(content(archive, "fits.png")) == 1 << 20

    def test_a_bomb_that_claims_to_be_small_ends_at_what_it_claims(self, tmp_path: Path) -> None:
        archive = patched(tmp_path / "a.zip", data=bytes(10_000_000), size=1_000)
        assert paths(archive) == ["b.png"]
        with pytest.raises(BadPicture, match="is damaged in the archive"):
            content(archive, "b.png")

    def test_damage(self, tmp_path: Path) -> None:
        file = tmp_path / "a.zip"
        make(file, {"a.png": os.urandom(5_000), "b.png": b"good"})
        data = bytearray(file.read_bytes())
        data[2_000:2_010] = bytes(10)
        file.write_bytes(data)
        archive = Archive(file)
        with pytest.raises(BadPicture, match="is damaged in the archive"):
            content(archive, "a.png")
        assert content(archive, "b.png") == b"good"

    @pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"no zip at all" * 100])
    def test_what_is_no_zip_is_a_failure_of_its_own(self, tmp_path: Path, data: bytes) -> None:
        (tmp_path / "a.zip").write_bytes(data)
        archive = Archive(tmp_path / "a.zip")
        (found,) = archive.walk()
        assert isinstance(found, Unreadable)
        assert found.location == archive.root
        assert "is damaged or no zip file" in found.reason
        with pytest.raises(BadSource, match="is damaged or no zip file"):
            archive.found("a.png")

    def test_a_date_that_is_none(self, tmp_path: Path) -> None:
        archive = patched(tmp_path / "a.zip", date=0)
        found = archive.found("b.png")
        assert found
        assert found.mtime_ns < 10**9


def patched(file: Path, data: bytes = b"x", **fields: int) -> Archive:
    """A zip file of one member, `b.png`, whose headers lie."""
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(data) + packer.flush()
    told = {"method": 8, "size": len(data), "date": 0x58B1, **fields}
    values = (told["method"], 0, told["date"], zlib.crc32(data), len(packed), told["size"], 5)
    local = struct.pack("<4s2H", b"PK\3\4", 20, 0) + struct.pack("<HHHIIIH", *values) + bytes(2) + b"b.png"
    central = (
        struct.pack("<4s3H", b"PK\1\2", 20, 20, 0) + struct.pack("<HHHIIIH", *values) + bytes(16) + b"b.png"
    )
    body = local + packed
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(central), len(body), 0)
    file.write_bytes(body + central + end)
    return Archive(file)


class TestHostileTars:
    @pytest.fixture
    def hostile(self, tmp_path: Path) -> Callable[..., Archive]:
        def pack(write: Callable[[tarfile.TarFile], object], name: str = "a.tar") -> Archive:
            with tarfile.open(tmp_path / name, "w:gz" if name.endswith("gz") else "w") as tar:
                write(tar)
            return Archive(tmp_path / name)

        return pack

    def test_names_that_lead_out(self, hostile: Callable[..., Archive]) -> None:
        names = ["../up.png", "/etc/root.png"]
        archive = hostile(lambda tar: [add(tar, name, b"x") for name in [*names, "fine.png"]])
        assert refused(archive) == dict.fromkeys(names, "has a name that leads out of the archive or bucket")
        assert content(archive, "fine.png") == b"x"

    def test_what_is_no_file(self, hostile: Callable[..., Archive]) -> None:
        def write(tar: tarfile.TarFile) -> None:
            add(tar, "soft.png", type=tarfile.SYMTYPE, linkname="/etc/hostname")
            add(tar, "hard.png", type=tarfile.LNKTYPE, linkname="../secret")
            add(tar, "pipe.png", type=tarfile.FIFOTYPE)
            add(tar, "disk.png", type=tarfile.BLKTYPE)
            add(tar, "folder.png", type=tarfile.DIRTYPE)

        reasons = refused(hostile(write))
        link = "is a link; of archives only files themselves are read"
        none = "is not a regular file"
        assert reasons == {"disk.png": none, "hard.png": link, "pipe.png": none, "soft.png": link}

    def test_of_several_of_a_name_the_last_counts(self, hostile: Callable[..., Archive]) -> None:
        archive = hostile(lambda tar: [add(tar, "a.png", text) for text in (b"first", b"second")])
        assert paths(archive) == ["a.png"]
        assert content(archive, "a.png") == b"second"

    def test_a_name_that_is_not_text(self, hostile: Callable[..., Archive]) -> None:
        archive = hostile(lambda tar: add(tar, os.fsdecode(b"caf\xe9.png"), b"x"))
        assert list(refused(archive).values()) == ["has a name that is not valid UTF-8; rename it"]

    def test_members_that_are_too_large(
        self, hostile: Callable[..., Archive], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rules, "MAX_FILE_MB", 1)
        archive = hostile(lambda tar: add(tar, "a.png", bytes((1 << 20) + 1)))
        assert "more than the 1 MiB" in refused(archive)["a.png"]

    def test_one_that_is_cut_short_gives_what_it_has(self, hostile: Callable[..., Archive]) -> None:
        archive = hostile(lambda tar: [add(tar, f"{i}.png", os.urandom(5_000)) for i in range(3)])
        with Path(archive.root).open("r+b") as file:
            file.truncate(9_000)
        first, *rest = archive.walk()
        assert isinstance(first, Unreadable)
        assert (first.path, "is damaged or cut short" in first.reason) == ("", True)
        assert [f.path for f in rest] == ["0.png", "1.png"]
        assert len(content(archive, "0.png")) == 5_000
        with pytest.raises(BadPicture, match="cut short"):
            content(archive, "1.png")

    def test_a_compressed_one_that_is_cut_short(self, hostile: Callable[..., Archive]) -> None:
        archive = hostile(lambda tar: [add(tar, f"{i}.png", os.urandom(50_000)) for i in range(3)], "a.tgz")
        with Path(archive.root).open("r+b") as file:
            file.truncate(80_000)
        first, *rest = archive.walk()
        assert isinstance(first, Unreadable)
        assert [f.path for f in rest] == ["0.png", "1.png"]
        assert len(content(archive, "0.png")) == 50_000
        with pytest.raises(BadPicture, match="cut short"):
            content(archive, "1.png")

    def test_a_bomb(self, hostile: Callable[..., Archive]) -> None:
        archive = hostile(lambda tar: add(tar, "a.png", bytes(80_000_000)), "a.tar.gz")
        assert Path(archive.root).stat().st_size < 400_000
        first, *rest = archive.walk()
        assert isinstance(first, Unreadable)
        assert "unpacks to more than 200 times its size" in first.reason
        for found in rest:
            with pytest.raises((BadPicture, BadSource)):
                content(archive, found.path)

    def test_a_header_that_eats_memory(self, hostile: Callable[..., Archive]) -> None:
        def write(tar: tarfile.TarFile) -> None:
            add(tar, "a.png", b"good")
            add(tar, "long", bytes(60_000_000), type=tarfile.GNUTYPE_LONGNAME)

        first, *rest = hostile(write, "a.tar.gz").walk()
        assert isinstance(first, Unreadable)
        assert "has a header that is far too long" in first.reason
        assert [f.path for f in rest] == ["a.png"]

    @pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz"])
    def test_what_is_no_tar(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_bytes(b"no tar at all" * 1000)
        (found,) = Archive(tmp_path / name).walk()
        assert isinstance(found, Unreadable)
        assert "is damaged" in found.reason


def test_a_compressed_tar_is_unpacked_once_and_only_if_it_was_walked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make(tmp_path / "a.tar.gz")
    assert content(archive, "b.png") == b"of b"
    list(archive.walk())
    assert content(archive, "b.png") == b"of b"
    Path(archive.root).open("r+b").close()
    state = os.stat(archive.root)  # noqa: PTH116
    Path(archive.root).write_bytes(bytes(state.st_size))  # what is unpacked needs it no more
    os.utime(archive.root, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert content(archive, "a/z.JPG") == b"of z"


def test_threads_that_come_first_together_unpack_it_once(tmp_path: Path) -> None:
    archive = make(tmp_path / "a.tar.xz", {f"{i}.png": os.urandom(100_000) for i in range(20)})
    names = paths(archive)
    start = threading.Barrier(8)

    def read(i: int) -> int:
        start.wait()
        return sum(len(content(archive, name)) for name in names[i::8])

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(read, range(8))) == 2_000_000


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk, which takes root")
@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_a_full_disk_is_not_the_pictures_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    archive = make(tmp_path / name, {"a.png": os.urandom(2 << 20)})
    list(archive.walk())
    with tmpfs(tmp_path / "small", "1m") as folder:
        monkeypatch.setattr("tempfile.tempdir", str(folder))
        with pytest.raises(BadSource, match=r"cannot be unpacked into .*small: No space left"):
            content(archive, "a.png")
        assert list(folder.iterdir()) == []
