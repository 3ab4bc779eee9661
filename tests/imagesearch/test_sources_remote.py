"""Pictures in an object store, against moto's S3: a real client, real requests, a server in memory."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imagesearch.errors import BadPicture, BadSource
from imagesearch.sources import FoundFile, Unreadable, open_source, remote, source_at
from imagesearch.sources import found as rules
from imagesearch.sources.remote import Info, Remote, pages_of_s3, whole_listing
from localnode.node import free_port
from tests.conftest import environment
from tests.s3 import CREDENTIALS, Client, put, put_all

Listing = Callable[[Client, str], Iterable[tuple[str, Info]]]

FILES = {
    "b.png": b"of b",
    "a/z.JPG": b"of z",
    "a.png": b"x",
    "a b/c.gif": b"space",
    "a/a.jpg.xmp": b"beside it",
    ".hidden/c.png": b"hidden",
    "ü 雪 %20+&?#.gif": b"of snow",
}
SHOWN = ["a b/c.gif", "a.png", "a/z.JPG", "b.png", "ü 雪 %20+&?#.gif"]


@pytest.fixture
def source(s3: Client, bucket: str) -> Remote:
    for name, content in FILES.items():
        put(s3, f"{bucket}/mine/{name}", content)
    put(s3, f"{bucket}/mine/marker/", b"")
    put(s3, f"{bucket}/mine-not/d.png", b"another's")
    return Remote(f"{bucket}/mine")


def paths(source: Remote, within: str = "") -> list[str]:
    return [f.path for f in source.walk(within) if isinstance(f, FoundFile)]


def content(source: Remote, path: str) -> bytes:
    with source.fetch(path) as file:
        return file.read_bytes()


def test_objects_are_found_as_in_a_folder(source: Remote) -> None:
    assert paths(source) == SHOWN
    (one,) = source.walk("b.png")
    assert isinstance(one, FoundFile)
    assert (one.source, one.path, one.size) == ("s3://pictures/mine", "b.png", 4)
    assert one.location == "s3://pictures/mine/b.png"


def test_one_looks_the_same_in_a_listing_and_alone(source: Remote) -> None:
    for found in source.walk():
        assert isinstance(found, FoundFile)
        assert source.found(found.path) == found


def test_a_part(source: Remote) -> None:
    assert paths(source, "a") == ["a/z.JPG"]
    with pytest.raises(BadSource, match="There is nothing at s3://pictures/mine/c"):
        list(source.walk("c"))


def test_a_whole_bucket(source: Remote, bucket: str) -> None:
    whole = Remote(f"{bucket}/")
    assert whole.root == bucket
    assert paths(whole) == sorted(["mine-not/d.png", *(f"mine/{path}" for path in SHOWN)])


def test_contents_are_copies_that_go_again(source: Remote) -> None:
    with source.fetch("a/z.JPG") as file:
        assert (file.read_bytes(), file.suffix) == (b"of z", ".JPG")
    assert not file.exists()
    assert {path: content(source, path) for path in SHOWN} == {path: FILES[path] for path in SHOWN}
    assert content(source, "a/a.jpg.xmp") == b"beside it"


def test_a_large_object_from_several_threads(s3: Client, source: Remote) -> None:
    large = os.urandom(12 << 20)
    put(s3, f"{source.root}/large.png", large)
    with ThreadPoolExecutor(4) as pool:
        sums = set(pool.map(lambda _: hashlib.sha256(content(source, "large.png")).digest(), range(8)))
    assert sums == {hashlib.sha256(large).digest()}


@pytest.mark.parametrize("path", ["c.png", "a", "marker", "../mine-not/d.png", "mine/b.png"])
def test_what_is_not_there(source: Remote, path: str) -> None:
    assert source.found(path) is None
    with pytest.raises(BadPicture):
        content(source, path)


def test_an_object_that_was_replaced_at_once_by_one_of_the_same_size(s3: Client, source: Remote) -> None:
    seen = set()
    for text in (b"1", b"2", b"3"):
        put(s3, f"{source.root}/b.png", text)
        found = source.found("b.png")
        assert found
        seen.add(found.mtime_ns)
    assert len(seen) == 3


@pytest.mark.parametrize("near", [2, 1000])
def test_what_lies_beside_a_picture_as_in_a_folder(
    s3: Client, source: Remote, tmp_path: Path, near: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_NEAR", near)
    for name in ("c.jpg", "c.xmp", "c.jpg.json", "c-edited.jpg", "d/e.png", "d/e.PNG", "d/e.png.xmp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    put_all(s3, f"{source.root}/some", tmp_path)
    there = {f.path: f.beside for f in source.walk("some") if isinstance(f, FoundFile)}
    folder, _ = open_source(tmp_path)
    assert there == {
        f"some/{f.path}": tuple(f"some/{path}" for path in f.beside)
        for f in folder.walk()
        if isinstance(f, FoundFile)
    }
    assert there["some/c.jpg"] == ("some/c.jpg.json", "some/c.xmp")
    for found in source.walk("some"):
        assert isinstance(found, FoundFile)
        assert source.found(found.path) == found


def test_keys_that_are_no_paths(s3: Client, source: Remote) -> None:
    put(s3, f"{source.root}/a/../../b.png", b"x")
    (wrong,) = (f for f in source.walk() if isinstance(f, Unreadable))
    assert (wrong.path, "leads out" in wrong.reason) == ("a/../../b.png", True)


def test_objects_that_are_too_large(s3: Client, source: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_FILE_MB", 1)
    put(s3, f"{source.root}/c.png", bytes((1 << 20) + 1))
    (wrong,) = (f for f in source.walk() if isinstance(f, Unreadable))
    assert (wrong.path, "more than the 1 MiB" in wrong.reason) == ("c.png", True)
    with pytest.raises(BadPicture, match="more than the 1 MiB"):
        content(source, "c.png")


def test_more_than_a_page(s3: Client, source: Remote) -> None:
    """The server gives three at a time."""
    names = [f"{i:05}.png" for i in range(10)]
    for name in reversed(names):
        put(s3, f"{source.root}/many/{name}", b"x")
    assert paths(source, "many") == [f"many/{name}" for name in names]


def test_other_stores_are_listed_to_the_same_effect(s3: Client, source: Remote) -> None:
    """Through what every file system of fsspec has; S3 is the one that can be had here."""

    def listed(how: Listing) -> list[tuple[str, int]]:
        return [(name, info.get("size", info.get("Size"))) for name, info in how(s3, "pictures/mine/")]

    assert listed(whole_listing) == listed(pages_of_s3)
    assert len(listed(pages_of_s3)) == len(FILES)


class TestWhatIsNotThereAsAWhole:
    @pytest.mark.usefixtures("s3")
    def test_a_bucket(self) -> None:
        for source in (Remote("s3://none"), Remote("s3://none/folder")):
            for ask in (lambda s: list(s.walk()), lambda s: s.found("a.png"), lambda s: content(s, "a.png")):
                with pytest.raises(BadSource, match="There is nothing at s3://none"):
                    ask(source)

    def test_an_empty_one(self, bucket: str) -> None:
        with pytest.raises(BadSource, match="There is nothing at s3://pictures"):
            Remote(bucket).found("a.png")

    @pytest.mark.parametrize("missing", ["server", "credentials"])
    def test_the_way_to_it(
        self, s3: Client, missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        type(s3).clear_instance_cache()
        if missing == "server":
            monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
        else:
            for name in CREDENTIALS:
                monkeypatch.delenv(name)
            monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
            monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
            monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        source = Remote("s3://pictures")
        for ask in (
            lambda: list(source.walk()),
            lambda: source.found("a.png"),
            lambda: content(source, "a.png"),
        ):
            with pytest.raises(BadSource, match=r"s3://pictures .*docs/sources\.md") as caught:
                ask()
            assert not [value for value in CREDENTIALS.values() if value in str(caught.value)]


class TestUrls:
    @pytest.mark.parametrize(
        "url",
        ["s3://key:hunter2@bucket/a", "s3://hunter2@bucket", "gs://hunter2:x@bucket/b"],
    )
    def test_with_credentials_are_refused_and_not_repeated(self, url: str) -> None:
        for opened in (open_source, source_at):
            with pytest.raises(BadSource, match="Leave user name and password out") as caught:
                opened(url)
            assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize("url", ["http://host/a.zip", "file:///etc", "ftp://a/b", "zip://x::s3://a/b"])
    def test_of_other_kinds_are_refused(self, url: str) -> None:
        with pytest.raises(BadSource, match="Name a folder, an archive, or one of s3://"):
            open_source(url)

    @pytest.mark.parametrize("url", ["s3://", "s3:///a", "s3://bucket/../other"])
    def test_without_a_bucket(self, url: str) -> None:
        with pytest.raises(BadSource, match="the name of a bucket"):
            open_source(url)

    def test_are_the_same_with_and_without_a_slash(self) -> None:
        source, within = open_source("S3://bucket/folder/")
        assert (source.root, within, source.divisible) == ("s3://bucket/folder", "", True)
        assert source_at(source.root).root == source.root


def test_a_missing_package_is_named() -> None:
    """Google's is not among those that the tests install."""
    with pytest.raises(BadSource, match="take the package gcsfs, which is not installed: pip install gcsfs"):
        list(Remote("gs://bucket").walk())


def test_naming_a_source_loads_no_client() -> None:
    code = (
        "import sys; from imagesearch.sources import *; source_at('s3://a/b'); print('s3fs' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
