"""docs/ingest.md holds what was measured of a million files, and the job holds what it promises of them."""

from pathlib import Path

from benchmarks.knn.measuring import Results
from benchmarks.million import report
from benchmarks.million.results import RESULTS

TEXT = report.DOCUMENT.read_text(encoding="utf-8")
MEASURED = Results(RESULTS).content


def test_the_table_and_the_curve_are_those_of_the_results(tmp_path: Path) -> None:
    assert report.written(TEXT, MEASURED) == TEXT
    report.draw(MEASURED, tmp_path / "curve.svg")
    assert (tmp_path / "curve.svg").read_text() == report.CURVE.read_text()


def test_what_was_measured_is_what_was_promised() -> None:
    """Memory that does not grow, and a second run that is done at once."""
    first, second = MEASURED["first"], MEASURED["second"]
    assert (first["new"], first["failed"]) == (1_000_000, 0)
    assert (second["new"], second["unchanged"], second["failed"]) == (0, 1_000_000, 0)
    assert first["first_batch_decoded"] < 2
    assert second["seconds"] < 60
    assert max(first["peak_mib"], second["peak_mib"]) < 1024
