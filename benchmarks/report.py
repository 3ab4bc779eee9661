"""The tables of an evaluation as markdown for people and JSON for programs."""

import json
from pathlib import Path
from typing import Any

from benchmarks.evaluation import Row, Table
from benchmarks.shares import Share


def markdown(name: str, tables: list[Table], cosines: dict[str, float]) -> str:
    """Return the whole report."""
    intro = (
        f"# The model `{name}` on the demo gallery\n\n"
        "2,465 pictures. Each figure: share [95 % interval, Wilson] (chance).\n"
    )
    parts = [_table(table) for table in tables]
    fidelity = "".join(f"- {kind}: {cosine:.6f}\n" for kind, cosine in cosines.items())
    heading = "## Lowest cosine to plain sentence-transformers"
    return "\n".join([intro, *parts, heading, "", fidelity])


def _table(table: Table) -> str:
    ks = list(table.rows[0].shares)
    head = "| | queries | " + " | ".join(f"@{k}" for k in ks) + " |\n"
    rule = "|---|---:|" + "---|" * len(ks) + "\n"
    return f"## {table.title}\n\n{head}{rule}" + "".join(_line(row) for row in table.rows)


def _line(row: Row) -> str:
    total = next(iter(row.shares.values())).total
    return f"| {row.label} | {total:,} | " + " | ".join(_cell(s) for s in row.shares.values()) + " |\n"


def _cell(share: Share) -> str:
    low, high = share.interval
    return f"{share.value:.3f} [{low:.3f}, {high:.3f}] ({share.chance:.4f})"


def as_json(name: str, tables: list[Table], cosines: dict[str, float]) -> str:
    """Return the same as JSON."""
    content = {
        "model": name,
        "tables": {table.title: {row.label: _shares(row) for row in table.rows} for table in tables},
        "lowest_cosine_to_sentence_transformers": cosines,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _shares(row: Row) -> dict[str, dict[str, Any]]:
    return {
        f"@{k}": {
            "share": round(share.value, 4),
            "interval": [round(end, 4) for end in share.interval],
            "queries": share.total,
            "chance": round(share.chance, 6),
        }
        for k, share in row.shares.items()
    }


def write(folder: Path, name: str, text: str, data: str) -> None:
    """Write `model-NAME.md` and `model-NAME.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"model-{name}.md").write_text(text, encoding="utf-8")
    (folder / f"model-{name}.json").write_text(data, encoding="utf-8")
