"""The curves of recall, as pictures for the docs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

SORTS = {"picture": "Queries by picture", "text": "Queries in words"}
_COLOURS = {
    "hnsw": "#1b6e3c",
    "int8_hnsw": "#0b5fa5",
    "int4_hnsw": "#a3540a",
    "bbq_hnsw": "#a3195b",
    "usearch": "#6b6b6b",
    "embedded": "#111111",
}
_LOOK: Any = {"svg.fonttype": "none", "svg.hashsalt": "knn", "font.family": "sans-serif", "font.size": 10}


@dataclass(frozen=True)
class Line:
    """One curve: rows of one kind at one stage."""

    label: str
    kind: str
    rows: Sequence[Mapping[str, Any]]
    style: str = "-"


def draw(file: Path, lines: Sequence[Line]) -> None:
    """Recall@10 over num_candidates, queries by picture beside those in words, with standard errors.

    A line without rows, which was not measured, is left out.
    """
    with drawn(file):
        _, panels = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
        for panel, (sort, title) in zip(panels, SORTS.items(), strict=True):
            panel.set_title(title)
            for line in lines:
                if line.rows:
                    _line(panel, line, sort)
            _dress(panel)
        panels[0].set_ylabel("recall@10")
        if any(line.rows for line in lines):
            panels[1].legend(loc="lower right", fontsize=9)


@contextmanager
def drawn(file: Path) -> Iterator[None]:
    """Writes the figure that is made in the block: the same bytes for the same numbers."""
    with mpl.rc_context(_LOOK):
        yield
        plt.savefig(file, metadata={"Date": None, "Creator": None})
        plt.close()


def _line(panel: Axes, line: Line, sort: str) -> None:
    rows = sorted(
        (row for row in line.rows if row["queries"] == sort), key=lambda row: int(row["num_candidates"])
    )
    panel.errorbar(
        [row["num_candidates"] for row in rows],
        [row["at_10"] for row in rows],
        [row["at_10_error"] for row in rows],
        label=line.label,
        color=_COLOURS[line.kind],
        linestyle=line.style,
        marker="o",
        markersize=3,
        linewidth=1.5,
    )


def _dress(panel: Axes) -> None:
    ticks = (10, 20, 50, 100, 200, 500, 1000)
    panel.set_xscale("log")
    panel.set_xticks(ticks, [str(tick) for tick in ticks])
    panel.minorticks_off()
    panel.set_xlabel("num_candidates")
    panel.grid(color="#dddddd", linewidth=0.6)
    panel.spines[["top", "right"]].set_visible(False)
