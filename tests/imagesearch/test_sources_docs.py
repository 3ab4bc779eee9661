"""docs/sources.md is true: the archives and the stores that it names are those that are read."""

import re

from imagesearch.config import PROJECT
from imagesearch.pictures import picture_endings
from imagesearch.sources import source_at
from imagesearch.sources.found import MAX_FILE_MB
from imagesearch.sources.remote import PACKAGES, Remote
from imagesearch.sources.tars import MOST_UNPACKED, TAR_ENDINGS
from imagesearch.sources.zips import ZIP_ENDINGS

TEXT = (PROJECT / "docs" / "sources.md").read_text(encoding="utf-8")


def test_the_endings() -> None:
    rows = re.findall(r"^\| [^|]+ \| `(\.[^|]*)` \|", TEXT, re.M)
    assert {ending for row in rows for ending in row.split()} == picture_endings() - {".jxl"}
    assert ".jxl" in picture_endings()


def test_the_archives() -> None:
    (sentence,) = re.findall(r"Read are (.*?)\. ", TEXT, re.S)
    assert set(re.findall(r"`([^`]+)`", sentence)) == {*ZIP_ENDINGS, *TAR_ENDINGS}
    assert f"larger than {MAX_FILE_MB:,} MiB" in TEXT
    assert f"more than {MOST_UNPACKED} times its size" in TEXT


def test_the_object_stores() -> None:
    rows = re.findall(r"^\| (`\w+://[^|]*) \| `(\w+)` \|", TEXT, re.M)
    named = {scheme: package for urls, package in rows for scheme in re.findall(r"`(\w+)://", urls)}
    assert named == PACKAGES
    assert all(isinstance(source_at(f"{scheme}://bucket/folder"), Remote) for scheme in named)


def test_what_is_to_be_installed() -> None:
    for file in re.findall(r"pip install -r (\S+)", TEXT):
        assert (PROJECT / file).is_file()


def test_its_links_lead_somewhere() -> None:
    files = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert files
    assert all((PROJECT / "docs" / file).is_file() for file in files)
