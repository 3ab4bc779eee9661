import json
from pathlib import Path

from click.testing import CliRunner

from demo.derive_table import TABLE, main, rows

ENTRY = {
    "hexcode": "1F3D4",
    "annotation": "snow-capped mountain",
    "tags": "cold, mountain, snow",
    "openmoji_tags": "snow, alps",
    "group": "travel-places",
    "subgroups": "place-geographic",
    "openmoji_author": "Someone",
    "openmoji_date": "2018-04-18",
    "skintone": "",
}


def test_a_row_joins_both_lists_of_tags_and_reads_well() -> None:
    assert list(rows([ENTRY])) == [
        {
            "path": "1F3D4.png",
            "name": "snow-capped mountain",
            "tags": ["cold", "mountain", "snow", "alps"],
            "group": "Travel & places",
            "subgroup": "Place geographic",
            "author": "Someone",
            "date": "2018-04-18",
        }
    ]


def test_skin_tones_are_left_out_and_a_missing_date_is_null() -> None:
    toned = {**ENTRY, "skintone": "1"}
    undated = {**ENTRY, "openmoji_date": "", "group": "extras-openmoji"}
    (row,) = rows([toned, undated])
    assert row["date"] is None
    assert row["group"] == "Extras: OpenMoji"


def test_the_command_writes_sorted_lines(tmp_path: Path) -> None:
    source, output = tmp_path / "openmoji.json", tmp_path / "table.jsonl"
    source.write_text(json.dumps([ENTRY, {**ENTRY, "hexcode": "1F30D"}]))
    result = CliRunner().invoke(main, [str(source), "--output", str(output)])
    assert result.exit_code == 0, result.output
    lines = output.read_text().splitlines()
    assert [json.loads(line)["path"] for line in lines] == ["1F30D.png", "1F3D4.png"]


def test_the_table_in_the_repository_is_whole() -> None:
    table = [json.loads(line) for line in TABLE.read_text(encoding="utf-8").splitlines()]
    paths = [row["path"] for row in table]
    assert len(table) == 2465
    assert paths == sorted(set(paths))
    assert all(row["name"] and row["author"] and len(row["date"]) == 10 for row in table)
