"""Files beside a picture that describe it, on their way into the store."""

import json
import os
import zipfile
from pathlib import Path

from tests.ingest.conftest import Bench
from tests.s3 import Client, put, put_all

TAKEOUT = {
    "title": "0001.png",
    "description": "Snow above the valley",
    "geoData": {"latitude": 46.5, "longitude": 8},
}
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="{}"/></rdf:RDF></x:xmpmeta>'
)


def test_they_are_read_and_noticed_when_they_come_and_change(bench: Bench) -> None:
    one = str(bench.pictures / "0001.png")
    bench.report()
    (bench.pictures / "0001.png.json").write_text(json.dumps(TAKEOUT))
    later(bench.pictures / "0001.png.json", 5)
    assert bench.report().startswith("0 new, 4 unchanged, 1 updated")
    assert bench.held()[one].metadata.caption == "Snow above the valley"
    assert bench.held()[one].metadata.place is not None
    (bench.pictures / "0001.xmp").write_text(XMP.format(4))
    later(bench.pictures / "0001.xmp", 10)
    bench.report()
    assert bench.held()[one].metadata.rating == 4
    (bench.pictures / "0001.xmp").write_text(XMP.format(2))
    later(bench.pictures / "0001.xmp", 20)
    bench.report()
    assert bench.held()[one].metadata.rating == 2
    assert bench.held()[one].metadata.caption == "Snow above the valley"
    before = bench.held()
    assert "0 updated" in bench.report()
    assert bench.held() == before
    (bench.pictures / "0001.xmp").write_text(XMP.format(3))
    later(bench.pictures / "0001.xmp", -1_000_000)
    bench.report()
    assert bench.held()[one].metadata.rating == 3, "also if it is older than the picture"


def later(file: Path, seconds: int) -> None:
    os.utime(file, ns=(0, file.stat().st_mtime_ns + seconds * 10**9))


def test_one_that_cannot_be_read_is_named_and_the_picture_comes_in(bench: Bench) -> None:
    (bench.pictures / "0001.xmp").write_text("no XML at all")
    result = bench.ingest()
    assert result.output.startswith("5 new, 0 unchanged, 0 updated, 0 removed, 0 failed")
    assert f"The side-car file {bench.pictures / '0001.xmp'} is not XMP" in result.output


def test_they_are_found_in_archives(bench: Bench, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(bench.pictures / "0001.png", "album/0001.png")
        archive.writestr("album/0001.png.json", json.dumps(TAKEOUT))
    bench.report(tmp_path / "a.zip")
    assert bench.held()[f"{tmp_path}/a.zip/album/0001.png"].metadata.caption == "Snow above the valley"
    assert bench.report(tmp_path / "a.zip").startswith("0 new, 1 unchanged")


def test_they_are_found_in_object_stores(bench: Bench, s3: Client, bucket: str) -> None:
    put_all(s3, f"{bucket}/album", bench.pictures)
    put(s3, f"{bucket}/album/0001.png.json", json.dumps(TAKEOUT).encode())
    assert bench.report(bucket).startswith("5 new")
    assert bench.held()[f"{bucket}/album/0001.png"].metadata.caption == "Snow above the valley"
    assert bench.report(bucket).startswith("0 new, 5 unchanged, 0 updated")
    put(s3, f"{bucket}/album/0001.xmp", XMP.format(4).encode())
    assert bench.report(bucket).startswith("0 new, 4 unchanged, 1 updated")
    assert bench.held()[f"{bucket}/album/0001.png"].metadata.rating == 4
    put(s3, f"{bucket}/album/0001.xmp", b"no XML at all")
    result = bench.ingest(bucket)
    assert f"The side-car file {bucket}/album/0001.xmp is not XMP" in result.output
    assert result.output.startswith("0 new, 5 unchanged, 0 updated, 0 removed, 0 failed")


def test_what_is_given_counts_more_and_outlasts_an_edit(bench: Bench) -> None:
    (bench.pictures / "0001.xmp").write_text(XMP.format(4))
    (bench.pictures.parent / "m.jsonl").write_text('{"path": "0001.png", "rating": 5, "name": "Given"}\n')
    bench.report("--metadata", bench.pictures.parent / "m.jsonl", bench.pictures)
    one = bench.pictures / "0001.png"
    assert bench.held()[str(one)].metadata.rating == 5
    one.write_bytes((bench.pictures / "0002.png").read_bytes())
    later(one, 5)
    bench.report()
    assert bench.held()[str(one)].metadata.name == "Given"
    assert bench.held()[str(one)].metadata.rating == 5
