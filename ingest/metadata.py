"""Metadata that comes in one file for all pictures, joined by path: JSON objects, one a line, or CSV."""

import csv
import datetime
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from imagesearch.errors import BadMetadata
from imagesearch.filtering import LEAST_RATING, MOST_RATING
from imagesearch.records import Metadata, Place, composed


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
    caption: str | None = None
    taken_at: datetime.datetime | None = None
    camera: str | None = None
    lens: str | None = None
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)
    rating: int | None = Field(None, ge=LEAST_RATING, le=MOST_RATING)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("'latitude' and 'longitude' go together")
        if self.taken_at and self.date and self.taken_at.date() != self.date:
            raise ValueError("'date' is not the day of 'taken_at'")
        return self

    def metadata(self) -> Metadata:
        on_earth = self.latitude is not None and self.longitude is not None
        return Metadata(
            name=self.name,
            tags=tuple(dict.fromkeys(self.tags)),
            group=self.group,
            subgroup=self.subgroup,
            author=self.author,
            date=self.date or (self.taken_at.date() if self.taken_at else None),
            caption=self.caption,
            taken_at=self.taken_at,
            camera=self.camera,
            lens=self.lens,
            place=Place(self.latitude, self.longitude) if on_earth else None,  # type: ignore[arg-type]
            rating=self.rating,
        )


_FIELDS = (
    "'path' and any of 'name', 'tags' ({tags}), 'group', 'subgroup', 'author', 'date' (YYYY-MM-DD), "
    "'caption', 'taken_at' (ISO 8601), 'camera', 'lens', 'latitude', 'longitude', 'rating' (-1 to 5)."
)
_JSON_ADVICE = "Each line is a JSON object with " + _FIELDS.format(tags="a list")
_CSV_ADVICE = "The first line names the columns: " + _FIELDS.format(tags="separated by ';'")


def read_metadata(file: Path) -> Mapping[str, Metadata]:
    """Metadata by path, composed; CSV if the name ends so.

    Raises BadMetadata, naming the line that does not fit.
    """
    rows = _csv_rows if file.suffix.lower() == ".csv" else _json_rows
    try:
        return {composed(row.path): row.metadata() for row in rows(file)}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadMetadata(f"The metadata file {file} cannot be read: {error}.") from error


def _json_rows(file: Path) -> Iterator[Row]:
    # Not splitlines: JSON may hold some of the characters that it splits at.
    for number, line in enumerate(file.read_text(encoding="utf-8-sig").split("\n"), start=1):
        if line.strip():
            try:
                yield Row.model_validate_json(line)
            except ValidationError as error:
                raise _misfit(file, number, error, _JSON_ADVICE) from error


def _csv_rows(file: Path) -> Iterator[Row]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines, restkey="more than the first line has columns", strict=True)
        for cells in reader:
            given: dict[str, object] = {name: cell for name, cell in cells.items() if cell not in (None, "")}
            if tags := cells.get("tags"):
                given["tags"] = tuple(tag for part in tags.split(";") if (tag := part.strip()))
            try:
                yield Row.model_validate(given)
            except ValidationError as error:
                raise _misfit(file, reader.line_num, error, _CSV_ADVICE) from error


def _misfit(file: Path, number: int, error: ValidationError, advice: str) -> BadMetadata:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or "the line"
    return BadMetadata(f"{file}, line {number}: {where}: {first['msg']}. {advice}")
