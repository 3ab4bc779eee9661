"""docs/encoding.md holds what was measured, and what it says of it is so."""

import re
from typing import get_args

import pytest

from benchmarks.ingest import report
from benchmarks.ingest.pictures import SIZES, crops, folder_of
from benchmarks.knn.blocks import filled
from benchmarks.knn.measuring import Results
from imagesearch.config import Runtime
from imagesearch.runtimes.devices import fastest

TEXT = report.DOCUMENT.read_text(encoding="utf-8")
MEASURED = Results(report.RESULTS).content


def test_the_tables_are_those_of_the_results() -> None:
    assert report.written(TEXT, MEASURED) == TEXT


def test_every_runtime_is_described() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| .* \| .* \|$", TEXT.partition("## One model")[0], re.M)
    assert rows == ["RUNTIME", *get_args(Runtime)]


def test_what_auto_may_take_finds_the_same() -> None:
    """At least 0.95 of the ten best, on both models, of words and of pictures."""
    agreement = MEASURED["agreement"]
    assert len(agreement) == 2
    for of in agreement.values():
        for runtime in {"torch-bf16", fastest()} - {"torch"}:
            overlap = of["runtimes"][runtime]["overlap_at_10"]
            assert min(overlap[kind] for kind in overlap if kind != "directions") >= 0.95, runtime


def test_single_precision_is_the_loops() -> None:
    for of in MEASURED["speed"].values():
        assert of["lowest_cosine_to_loop"]["torch"] >= 0.999


def test_a_table_from_made_up_rates() -> None:
    of = {
        "pictures": {"loop": 3, "torch": 9, "rclip": 1_000},
        "per_second": {"loop": [1.0, 2.0], "torch": [4.0, 4.0], "rclip": [2.0, 2.0]},
        "encoding_alone": {"torch": [5.0, 4.0]},
        "lowest_cosine_to_loop": {"torch": 0.99951},
    }
    table = report.speed("some", of)
    assert "| `torch` | 9 | 4.0 | 3.00 [2.00, 4.00] | 2.00 [2.00, 2.00] | 90% [80%, 100%] | 0.9995 |" in table
    assert "| rclip | 1,000 | 2.0 | 1.50 [1.00, 2.00] | 1.00 [1.00, 1.00] |  |  |" in table


def test_pictures_follow_from_the_seed(tmp_path_factory: pytest.TempPathFactory) -> None:
    folders = [folder_of(tmp_path_factory.mktemp("made"), "640×480", 3) for _ in range(2)]
    one, other = ([file.read_bytes() for file in sorted(folder.iterdir())] for folder in folders)
    assert one == other
    assert len(set(one)) == 3
    assert next(crops(1, SIZES["12 megapixels"])).size == (4000, 3000)


def test_the_blocks_are_all_written() -> None:
    names = re.findall(r"<!-- ([\w ,%]+) -->\n", TEXT)
    assert filled(TEXT, dict.fromkeys(names, "x")).count("x\n<!-- end -->") == len(names) // 2
