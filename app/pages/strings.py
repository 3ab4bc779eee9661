"""What the page says: one table for each language, so that another language is another file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path

from imagesearch.records import Place

FOLDER = Path(__file__).parent / "languages"
DEFAULT_LANGUAGE = "en"


@dataclass(frozen=True)
class Strings:
    """The texts of one language. A text that depends on a number `n` has a form for each plural class."""

    language: str
    table: Mapping[str, str | Mapping[str, str]]

    def __call__(self, key: str, **values: object) -> str:
        """The text under `key` with `values` in its {places}, numbers in the language's form."""
        text = self.table[key]
        if not isinstance(text, str):
            text = text["one" if values["n"] == 1 else "other"]
        shown = {name: self.number(v) if isinstance(v, int) else v for name, v in values.items()}
        return text.format(**shown)

    def number(self, n: int) -> str:
        """`n` with its thousands apart."""
        return f"{n:,}"

    def day(self, day: date) -> str:
        """A day in words: 14 February 2026."""
        return f"{day.day} {self.table[f'month.{day.month}']} {day.year}"

    def moment(self, moment: datetime) -> str:
        """A day and the time of it in words, with the offset from UTC where that is known."""
        offset = f" UTC{moment:%z}" if moment.tzinfo else ""
        return f"{self.day(moment.date())}, {moment:%H:%M}{offset}"

    def place(self, place: Place) -> str:
        """A place in degrees: 46.948° N, 7.447° E."""
        north, east = place.latitude >= 0, place.longitude >= 0
        latitude = self("place.north" if north else "place.south", degrees=f"{abs(place.latitude):.3f}")
        longitude = self("place.east" if east else "place.west", degrees=f"{abs(place.longitude):.3f}")
        return f"{latitude}, {longitude}"

    def under(self, prefix: str) -> dict[str, str | Mapping[str, str]]:
        """The texts whose keys begin with `prefix`, for the scripts in the browser."""
        return {key: text for key, text in self.table.items() if key.startswith(prefix)}


@cache
def strings(language: str = DEFAULT_LANGUAGE) -> Strings:
    """The texts of `language`, which has to be one of `languages()`."""
    return Strings(language, json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8")))


@cache
def languages() -> tuple[str, ...]:
    """The languages there are, the default first."""
    found = sorted(path.stem for path in FOLDER.glob("*.json"))
    return (DEFAULT_LANGUAGE, *(language for language in found if language != DEFAULT_LANGUAGE))
