"""The metadata file: what it brings, what it changes later, and what is said of a line that does not fit."""

import datetime
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from imagesearch.errors import BadMetadata
from imagesearch.records import Metadata, Place
from ingest.metadata import read_metadata
from tests.conftest import make_pictures
from tests.ingest.conftest import Bench


def write(folder: Path, *rows: Mapping[str, object]) -> Path:
    file = folder / "metadata.jsonl"
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return file


FULL = {
    "path": "0001.png",
    "name": "Snow 雪\u2028山",
    "tags": ["b", "a", "b"],
    "group": "g",
    "subgroup": "s",
    "author": "Ann",
    "date": "2019-02-28",
}
MORE = {
    "path": "0001.png",
    "caption": "On the hill",
    "taken_at": "2019-02-28T23:30:00+01:00",
    "camera": "Canon EOS 5D",
    "lens": "50 mm",
    "latitude": 46.5,
    "longitude": -7.25,
    "rating": 0,
}
MORE_SAID = Metadata(
    date=datetime.date(2019, 2, 28),
    caption="On the hill",
    taken_at=datetime.datetime(2019, 2, 28, 23, 30, tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
    camera="Canon EOS 5D",
    lens="50 mm",
    place=Place(46.5, -7.25),
    rating=0,
)


def test_every_field(tmp_path: Path) -> None:
    assert read_metadata(write(tmp_path, FULL, {"path": "x"})) == {
        "0001.png": Metadata("Snow 雪\u2028山", ("b", "a"), "g", "s", "Ann", datetime.date(2019, 2, 28)),
        "x": Metadata(),
    }


def test_the_fields_of_photographs(tmp_path: Path) -> None:
    assert read_metadata(write(tmp_path, MORE)) == {"0001.png": MORE_SAID}


def in_csv(folder: Path, *lines: str) -> Path:
    file = folder / "metadata.CSV"
    file.write_text("\r\n".join(lines), encoding="utf-8-sig", newline="")
    return file


class TestCsv:
    def test_every_field(self, tmp_path: Path) -> None:
        names = "path,name,tags,group,subgroup,author,date"
        cells = '0001.png,"Snow, 雪",b; a ;b;,g,s,Ann,2019-02-28'
        assert read_metadata(in_csv(tmp_path, names, cells, "x" + "," * 6, "")) == {
            "0001.png": Metadata("Snow, 雪", ("b", "a"), "g", "s", "Ann", datetime.date(2019, 2, 28)),
            "x": Metadata(),
        }

    def test_the_fields_of_photographs(self, tmp_path: Path) -> None:
        file = in_csv(tmp_path, ",".join(MORE), ",".join(map(str, MORE.values())))
        assert read_metadata(file) == {"0001.png": MORE_SAID}

    def test_columns_may_come_in_any_order_and_hold_line_breaks(self, tmp_path: Path) -> None:
        file = in_csv(tmp_path, "caption,path", '"a', 'b",1.png')
        assert read_metadata(file)["1.png"].caption == "a\r\nb"

    @pytest.mark.parametrize(
        ("names", "cells", "says"),
        [
            ("path,titel", "a,b", "titel: Extra inputs"),
            ("name", "a", "path: Field required"),
            ("path,name", ",b", "path: Field required"),
            ("path,date", "a,28.2.2019", "date: "),
            ("path,rating", "a,6", "rating: Input should be less than or equal to 5"),
            ("path,latitude,longitude", "a,91,0", "latitude: "),
            ("path,latitude", "a,46", "the line: .*'latitude' and 'longitude' go together"),
            ("path,name", "a,b,c", "more than the first line has columns: "),
        ],
    )
    def test_a_bad_line_is_named(self, tmp_path: Path, names: str, cells: str, says: str) -> None:
        with pytest.raises(BadMetadata, match=f"line 2: {says}.*The first line names the columns"):
            read_metadata(in_csv(tmp_path, names, cells))

    def test_quotes_that_do_not_end(self, tmp_path: Path) -> None:
        with pytest.raises(BadMetadata, match="cannot be read: unexpected end of data"):
            read_metadata(in_csv(tmp_path, "path", '"a'))


def test_empty_lines_windows_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b'\xef\xbb\xbf{"path": "a"}\r\n\r\n{"path": "b"}\r\n')
    assert list(read_metadata(tmp_path / "m")) == ["a", "b"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "the line: Invalid JSON"),
        ("[]", "the line: "),
        ("{}", "path: Field required"),
        ('{"path": 3}', "path: "),
        ('{"path": "a", "tags": "one"}', "tags: "),
        ('{"path": "a", "date": "28.2.2019"}', "date: "),
        ('{"path": "a", "date": "2019-02-30"}', "date: "),
        ('{"path": "a", "latitude": 1}', "the line: .*go together"),
        ('{"path": "a", "date": "2019-01-01", "taken_at": "2019-01-02T00:00:00"}', "the line: .*not the day"),
        ('{"path": "a", "titel": "x"}', "titel: Extra inputs"),
        ('{"path": "\\ud800"}', "the line: "),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, says: str) -> None:
    (tmp_path / "m").write_text('{"path": "fine.png"}\n' + line)
    with pytest.raises(BadMetadata, match=f"m, line 2: {says}.*YYYY-MM-DD"):
        read_metadata(tmp_path / "m")


@pytest.mark.parametrize("content", [None, b"caf\xe9"])
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    if content:
        (tmp_path / "m").write_bytes(content)
    with pytest.raises(BadMetadata, match="cannot be read"):
        read_metadata(tmp_path / "m")


class TestIngesting:
    def test_it_comes_in_with_the_pictures(self, bench: Bench, tmp_path: Path) -> None:
        bench.report("--metadata", write(tmp_path, FULL), bench.pictures)
        known = bench.held()[str(bench.pictures / "0001.png")].metadata
        assert (known.name, known.tags, known.date) == (
            "Snow 雪\u2028山",
            ("b", "a"),
            datetime.date(2019, 2, 28),
        )
        assert bench.held()[str(bench.pictures / "0002.png")].metadata == Metadata()

    def test_what_changed_in_it_later_is_updated_and_nothing_encoded(
        self, bench: Bench, tmp_path: Path
    ) -> None:
        bench.report("--metadata", write(tmp_path, FULL), bench.pictures)
        changed = write(tmp_path, {**FULL, "name": "Ice"}, {"path": "0002.png", "tags": ["t"]})
        assert bench.report("--metadata", changed, bench.pictures) == (
            "0 new, 3 unchanged, 2 updated, 0 removed, 0 failed; 0 encoded."
        )
        assert bench.held()[str(bench.pictures / "0001.png")].metadata.name == "Ice"
        assert bench.held()[str(bench.pictures / "0002.png")].metadata.tags == ("t",)
        assert bench.report("--metadata", changed, bench.pictures).startswith("0 new, 5 unchanged, 0 updated")

    def test_it_stays_when_the_file_is_not_given_again(self, bench: Bench, tmp_path: Path) -> None:
        bench.report("--metadata", write(tmp_path, FULL), bench.pictures)
        assert bench.report().startswith("0 new, 5 unchanged")
        assert bench.held()[str(bench.pictures / "0001.png")].metadata.author == "Ann"

    def test_paths_are_relative_to_the_folder_that_is_given(self, bench: Bench, tmp_path: Path) -> None:
        make_pictures(bench.pictures / "sub", 2, start=10)
        bench.report()
        metadata = write(tmp_path, {"path": "0010.png", "name": "below"})
        assert "1 updated" in bench.report("--metadata", metadata, bench.pictures / "sub")
        assert bench.held()[str(bench.pictures / "sub/0010.png")].metadata.name == "below"

    def test_a_bad_file_stops_before_anything_is_done(self, bench: Bench, tmp_path: Path) -> None:
        (tmp_path / "m").write_text("{}")
        result = bench.ingest("--metadata", tmp_path / "m", bench.pictures)
        assert result.exit_code == 1
        assert "line 1: path: Field required" in result.output
        with bench.place.opened(create=True) as store:
            assert store.identity() is None

    def test_rows_that_name_no_picture_are_told(self, bench: Bench, tmp_path: Path) -> None:
        metadata = write(tmp_path, FULL, {"path": "typo.png"}, {"path": "typo2.png"})
        result = bench.ingest("--metadata", metadata, bench.pictures)
        assert result.exit_code == 0
        assert "2 rows of the metadata name no file that was found, the first 'typo.png'." in result.output
