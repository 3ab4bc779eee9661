"""Derive the gallery's table of names, tags, groups, authors and dates from OpenMoji's data.

    npm pack openmoji@17.0.0 && tar xzf openmoji-17.0.0.tgz
    python -m demo.derive_table package/data/openmoji.json

writes `demo/openmoji.jsonl`, one JSON object a line, sorted by path, for the pictograms
without a skin tone. The table is CC BY-SA 4.0, as is its source.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

TABLE = Path(__file__).parent / "openmoji.jsonl"


def rows(entries: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield one row for each of OpenMoji's entries that has no skin tone."""
    for entry in entries:
        if not entry["skintone"]:
            yield {
                "path": f"{entry['hexcode']}.png",
                "name": entry["annotation"].strip(),
                "tags": _tags(entry),
                "group": _readable(entry["group"]),
                "subgroup": entry["subgroups"].replace("-", " ").capitalize(),
                "author": entry["openmoji_author"],
                "date": entry["openmoji_date"] or None,
            }


def _tags(entry: dict[str, Any]) -> list[str]:
    """Both lists of tags as one, in their order, each tag once."""
    both = f"{entry['tags']},{entry['openmoji_tags']}".split(",")
    return list(dict.fromkeys(tag.strip() for tag in both if tag.strip()))


def _readable(group: str) -> str:
    """Turn `travel-places` into `Travel & places`, `extras-openmoji` into `Extras: OpenMoji`."""
    if group.startswith("extras-"):
        return {"extras-openmoji": "Extras: OpenMoji", "extras-unicode": "Extras: Unicode"}[group]
    return group.replace("-", " & ").capitalize()


@click.command()
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--output", default=TABLE, type=click.Path(path_type=Path), show_default=True)
def main(source: Path, output: Path) -> None:
    """Derive the table from SOURCE, OpenMoji's data/openmoji.json."""
    entries = json.loads(source.read_text(encoding="utf-8"))
    table = sorted(rows(entries), key=lambda row: row["path"])
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in table)
    output.write_text("".join(lines), encoding="utf-8")
    click.echo(f"{output}: {len(table)} pictures")


if __name__ == "__main__":
    main()
