"""Metadata that comes in a file beside the pictures: one JSON object a line, joined by path."""

import datetime
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from imagesearch.errors import BadMetadata
from imagesearch.records import Metadata


class Row(BaseModel):
    """One line: `path` is the picture's, relative to the ingested folder; the rest is optional."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    name: str | None = None
    tags: tuple[str, ...] = ()
    group: str | None = None
    subgroup: str | None = None
    author: str | None = None
    date: datetime.date | None = None

    def metadata(self) -> Metadata:
        return Metadata(
            name=self.name,
            tags=tuple(dict.fromkeys(self.tags)),
            group=self.group,
            subgroup=self.subgroup,
            author=self.author,
            date=self.date,
        )


def read_metadata(file: Path) -> Mapping[str, Metadata]:
    """Metadata by path. Raises BadMetadata, naming the line that does not fit."""
    try:
        # Not splitlines: JSON may hold some of the characters that it splits at.
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadMetadata(f"The metadata file {file} cannot be read: {error}.") from error
    rows = (_row(file, number, line) for number, line in enumerate(lines, start=1) if line.strip())
    return {row.path: row.metadata() for row in rows}


def _row(file: Path, number: int, line: str) -> Row:
    try:
        return Row.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the line"
        raise BadMetadata(
            f"{file}, line {number}: {where}: {first['msg']}. Each line is a JSON object with 'path' and any "
            "of 'name', 'tags' (a list), 'group', 'subgroup', 'author', 'date' (YYYY-MM-DD)."
        ) from error
