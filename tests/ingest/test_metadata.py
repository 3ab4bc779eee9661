"""The metadata file: what it brings, what it changes later, and what is said of a line that does not fit."""

import datetime
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from imagesearch.errors import BadMetadata
from imagesearch.records import Metadata
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


def test_every_field(tmp_path: Path) -> None:
    assert read_metadata(write(tmp_path, FULL, {"path": "x"})) == {
        "0001.png": Metadata("Snow 雪\u2028山", ("b", "a"), "g", "s", "Ann", datetime.date(2019, 2, 28)),
        "x": Metadata(),
    }


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
