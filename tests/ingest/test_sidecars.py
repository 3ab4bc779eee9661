"""Files beside pictures: which belong to one, and what they say, as other programs write them."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from imagesearch.errors import BadMetadata
from imagesearch.records import Metadata, Place
from imagesearch.sources.beside import sidecar_names
from ingest.sidecars import read_sidecar
from tests.imagesearch.encoders import run

LONG = "IMG_20200102_030405_a_long_name_of_a_camera_app_0001.jpg"


@pytest.mark.parametrize(
    ("picture", "beside"),
    [
        ("a.jpg", "a.jpg.xmp"),
        ("a.jpg", "a.xmp"),
        ("a.jpg", "a.jpg.json"),
        ("a.jpg", "a.jpg.supplemental-metadata.json"),
        ("IMG_20200102_030405.jpg", "IMG_20200102_030405.jpg.supplemental-metadata.json"),
        ("PXL_20230102_030405678.MP.jpg", "PXL_20230102_030405678.MP.jpg.supplemental-met.json"),
        (LONG, LONG[:46] + ".json"),
        ("a(1).jpg", "a.jpg(1).json"),
        ("a(1).jpg", "a.jpg.supplemental-metadata(1).json"),
        ("a(1).jpg", "a(1).jpg.json"),
        ("a-edited.jpg", "a.jpg.json"),
        ("a-edited(1).jpg", "a.jpg(1).json"),
        ("README", "README.xmp"),
    ],
)
def test_what_belongs_to_a_picture(picture: str, beside: str) -> None:
    assert beside in sidecar_names(picture)


@pytest.mark.parametrize(
    ("picture", "beside"), [("a.jpg", "a.json"), ("a.jpg", "a.jpg(1).json"), ("a(1).jpg", "a.jpg.json")]
)
def test_what_does_not(picture: str, beside: str) -> None:
    assert beside not in sidecar_names(picture)


def test_that_of_the_very_file_counts_most() -> None:
    names = sidecar_names("a-edited.jpg")
    order = [
        names.index(name) for name in ("a.jpg.json", "a-edited.jpg.json", "a-edited.xmp", "a-edited.jpg.xmp")
    ]
    assert order == sorted(order)


def test_xmp_of_another_program(tmp_path: Path) -> None:
    file = tmp_path / "a.xmp"
    run("exiftool", "-q", "-XMP-dc:Title=Snow", "-XMP-dc:Subject=hill", "-XMP-xmp:Rating=4", file)
    assert read_sidecar(file, "its name") == Metadata(name="Snow", tags=("hill",), rating=4)


# As Google Takeout writes it, but for what is not used.
TAKEOUT = {
    "title": "a.jpg",
    "description": "Snow on the hill",
    "imageViews": "3",
    "creationTime": {"timestamp": "1525600000", "formatted": "6 May 2018, 09:46:40 UTC"},
    "photoTakenTime": {"timestamp": "1525583289", "formatted": "6 May 2018, 05:08:09 UTC"},
    "geoData": {
        "latitude": 46.5,
        "longitude": 7.25,
        "altitude": 0.0,
        "latitudeSpan": 0.0,
        "longitudeSpan": 0.0,
    },
    "people": [{"name": "Ann"}, {"name": "Bob"}],
    "url": "https://photos.google.com/photo/x",
}


def takeout(folder: Path, **changed: object) -> Path:
    file = folder / "a.jpg.json"
    file.write_text(json.dumps({**TAKEOUT, **changed}), encoding="utf-8")
    return file


def test_google_takeout(tmp_path: Path) -> None:
    assert read_sidecar(takeout(tmp_path), "its name") == Metadata(
        caption="Snow on the hill",
        tags=("Ann", "Bob"),
        taken_at=datetime(2018, 5, 6, 5, 8, 9, tzinfo=UTC),
        date=date(2018, 5, 6),
        place=Place(46.5, 7.25),
    )
    nowhere = takeout(tmp_path, geoData={"latitude": 0.0, "longitude": 0.0}, people=[], description="")
    assert read_sidecar(nowhere, "its name") == Metadata(
        taken_at=datetime(2018, 5, 6, 5, 8, 9, tzinfo=UTC), date=date(2018, 5, 6)
    )


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.xmp", b"<x", "is not XMP: "),
        ("a.xmp", b"hello", "is not XMP: "),
        ("a.json", b"{", "the file: Invalid JSON"),
        ("a.json", b"{}", "title: Field required"),
        ("a.json", b'{"title": "a", "photoTakenTime": {"timestamp": "soon"}}', "photoTakenTime.timestamp: "),
        ("a.json", b'{"title": "a", "photoTakenTime": {"timestamp": "99999999999999"}}', "photoTakenTime"),
        ("a.json", b" " * (17 * 2**20), "more than 16 MiB"),
        ("a.json", None, "cannot be read: No such file"),
    ],
)
def test_a_bad_one_is_named(name: str, content: bytes | None, says: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BadMetadata, match=f"The side-car file its name .*{says}"):
        read_sidecar(tmp_path / name, "its name")
