"""docs/ingest.md holds what was measured of a million files, and the job holds what it promises of them."""

from pathlib import Path

from benchmarks.million import report

TEXT = report.DOCUMENT.read_text(encoding="utf-8")


def test_the_table_and_the_curve_are_those_of_the_results(tmp_path: Path) -> None:
    content = report.read()
    assert report.written(TEXT, content) == TEXT
    report.draw(content, tmp_path / "curve.svg")
    assert (tmp_path / "curve.svg").read_text() == report.CURVE.read_text()


def test_what_was_measured_is_what_was_promised() -> None:
    """Memory that does not grow, and a second run that is done at once."""
    content = report.read()
    first, second = content["first"], content["second"]
    assert (first["new"], first["failed"]) == (1_000_000, 0)
    assert (second["new"], second["unchanged"], second["failed"]) == (0, 1_000_000, 0)
    assert first["first_batch_decoded"] < 2
    assert second["seconds"] < 60
    assert max(first["peak_mib"], second["peak_mib"]) < 1024
