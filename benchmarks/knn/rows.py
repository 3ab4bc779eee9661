"""Reading what was measured."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.knn.curves import Line
from imagesearch.config import PROJECT

RESULTS = PROJECT / "benchmarks" / "results"
Row = Mapping[str, Any]
Content = Mapping[str, Any]


def read(size: int) -> Content:
    """What was measured with `size` pictures; nothing if that was not measured."""
    file = RESULTS / f"knn-{size}.json"
    content: Content = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"kinds": {}}
    return content


def as_the_application_asks(content: Content, kind: str, stage: str, scope: str = "all") -> list[Row]:
    """As many neighbours as candidates, each scored exactly; of the embedded stores, all there is."""
    rows: Sequence[Row] = content["kinds"].get(kind, {}).get(stage, [])
    return [row for row in rows if row["scope"] == scope and (_local(kind) or _paged(row))]


def plain(content: Content, kind: str, queries: str, num_candidates: int) -> list[Row]:
    """k of 10, by how far was rescored."""
    rows: Sequence[Row] = content["kinds"].get(kind, {}).get("merged", [])
    wanted = (queries, num_candidates, 10, "all")
    found = {
        row["oversample"]: row
        for row in rows
        if (row["queries"], row["num_candidates"], row["k"], row["scope"]) == wanted
    }
    return list(found.values())


def at(rows: Sequence[Row], queries: str, num_candidates: int) -> Row | None:
    """The one for this sort of query and num_candidates."""
    found = [row for row in rows if (row["queries"], row["num_candidates"]) == (queries, num_candidates)]
    return found[0] if found else None


def line(content: Content, kind: str, stage: str, label: str, style: str = "-") -> Line:
    """A curve."""
    return Line(label, kind, as_the_application_asks(content, kind, stage), style)


def _paged(row: Row) -> bool:
    return bool(row["k"] == row["num_candidates"] and row["oversample"] in (None, 1.0))


def _local(kind: str) -> bool:
    return kind in ("embedded", "usearch")
