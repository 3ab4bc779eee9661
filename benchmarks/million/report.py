"""The results as a table and a curve of docs/ingest.md."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt

from benchmarks.knn.blocks import filled
from benchmarks.knn.curves import drawn
from benchmarks.million.results import FIRST, SECOND
from imagesearch.config import PROJECT

DOCUMENT = PROJECT / "docs" / "ingest.md"
CURVE = PROJECT / "docs" / "ingest-memory.svg"

_MOST_MIB = 1024

Content = Mapping[str, Any]


def written(text: str, content: Content) -> str:
    """The document with its table written anew."""
    return filled(text, {"million": table(content)})


def table(content: Content) -> str:
    """Both runs beside each other."""
    both, machine = (content[FIRST], content[SECOND]), content["machine"]
    counts = [f"{of['new']:,} / {of['unchanged']:,} / {of['failed']:,}" for of in both]
    decoded = f"{content[FIRST]['first_batch_decoded']:.1f} s"
    rows = [
        ("new / unchanged / failed", *counts),
        ("took", *(_duration(of["seconds"]) for of in both)),
        ("first batch decoded after", decoded, "nothing to decode"),
        ("most memory, all processes", *(f"{of['peak_mib']:,} MiB" for of in both)),
        ("of these, the main process", *(f"{of['peak_of_the_process_mib']:,} MiB" for of in both)),
    ]
    lines = [f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB.\n"]
    lines += ["| | first run | second run |", "|---|---:|---:|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"


def draw(content: Content, file: Path = CURVE) -> None:
    """The memory of all processes during the first run."""
    with drawn(file):
        _, panel = plt.subplots(figsize=(9, 3.2), layout="constrained")
        seconds, mib = zip(*content[FIRST]["curve"], strict=True)
        panel.plot([s / 60 for s in seconds], mib, color="#0b5fa5", linewidth=1.2)
        panel.axhline(_MOST_MIB, color="#a3195b", linewidth=1, linestyle="--")
        panel.set_ylim(0, 1.1 * _MOST_MIB)
        panel.set_xlabel("minutes")
        panel.set_ylabel("MiB")
        panel.set_title(f"Memory of all processes while {content[FIRST]['new']:,} files are brought in")
        panel.grid(color="#dddddd", linewidth=0.6)
        panel.spines[["top", "right"]].set_visible(False)
