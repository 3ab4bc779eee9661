import json
from pathlib import Path

from benchmarks.evaluation import Row, Table
from benchmarks.report import as_json, markdown, write
from benchmarks.shares import Share

TABLES = [Table("Names", [Row("en", {1: Share(8, 10, 0.0004), 10: Share(9, 10, 0.0041)})])]
COSINES = {"pictures": 1.0, "texts": 0.999999}


def test_markdown_shows_share_interval_and_chance() -> None:
    text = markdown("demo", TABLES, COSINES)
    assert "| en | 10 | 0.800 [0.490, 0.943] (0.0004) | 0.900 [0.596, 0.982] (0.0041) |" in text
    assert "- pictures: 1.000000\n- texts: 0.999999\n" in text


def test_both_forms_are_written(tmp_path: Path) -> None:
    write(tmp_path / "results", "demo", "text\n", as_json("demo", TABLES, COSINES))
    assert (tmp_path / "results" / "model-demo.md").read_text() == "text\n"
    data = json.loads((tmp_path / "results" / "model-demo.json").read_text())
    assert data["tables"]["Names"]["en"]["@10"]["share"] == 0.9
