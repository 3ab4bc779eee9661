"""The concepts: every picture of the gallery with its names and keywords in 16 languages.

CLDR names and keywords come from `cldr-annotations-full`; flags, keycaps and variants such
as "woman mage" from `cldr-annotations-derived-full`. OpenMoji's own tags add English words,
and are all there is for the pictograms that are no emoji.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from demo.derive_table import TABLE
from demo.train import sources

LANGUAGES = tuple("en de fr es it pt nl pl ru tr ja zh ko ar hi sv".split())

REGIONS = {
    "en": ("en-GB", "en-AU", "en-CA", "en-IN"),
    "de": ("de-CH",),
    "fr": ("fr-CA",),
    "es": ("es-419", "es-MX", "es-US"),
    "pt": ("pt-PT",),
    "zh": ("zh-Hant",),
    "ar": ("ar-SA",),
    "sv": ("sv-FI",),
}
"""Regional files whose names and keywords are further keywords of a language."""

INHERITED = "↑↑↑"
"""CLDR's mark for "as in the parent locale"."""

VARIATION = "\ufe0f"

Annotations = dict[str, dict[str, list[str]]]


@dataclass(frozen=True)
class Words:
    """What one language calls a concept."""

    name: str
    keywords: tuple[str, ...]


@dataclass(frozen=True)
class Concept:
    """One picture of the gallery: `hexcode` is its file name without `.png`."""

    hexcode: str
    words: dict[str, Words]
    main: bool
    """Whether it is one of CLDR's own annotations: those are the recall figures' queries."""

    @property
    def char(self) -> str:
        """The emoji itself; for OpenMoji's extras a private-use character."""
        return "".join(chr(int(code, 16)) for code in self.hexcode.split("-"))


def load(cache: Path = sources.DEFAULT_CACHE) -> list[Concept]:
    """Return the gallery's concepts in the order of its table."""
    main = {language: _annotations(cache, language) for language in LANGUAGES}
    derived = {language: _derived(cache, language) for language in LANGUAGES}
    regions = {
        language: [_annotations(cache, region) for region in REGIONS.get(language, ())]
        for language in LANGUAGES
    }
    make = partial(_concept, main=main, derived=derived, regions=regions)
    with TABLE.open(encoding="utf-8") as lines:
        return [make(json.loads(line)) for line in lines]


def _annotations(cache: Path, language: str) -> Annotations:
    folder = sources.fetch(sources.NAMES, cache) / "annotations" / language
    document = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))
    found: Annotations = document["annotations"].get("annotations", {})
    return found


def _derived(cache: Path, language: str) -> Annotations:
    folder = sources.fetch(sources.DERIVED_NAMES, cache) / "annotationsDerived" / language
    document = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))
    found: Annotations = document["annotationsDerived"].get("annotations", {})
    return found


def _concept(
    row: dict[str, Any],
    main: dict[str, Annotations],
    derived: dict[str, Annotations],
    regions: dict[str, list[Annotations]],
) -> Concept:
    hexcode = row["path"].removesuffix(".png")
    char = Concept(hexcode, {}, False).char.replace(VARIATION, "")
    words = {}
    for language in LANGUAGES:
        entry = main[language].get(char) or derived[language].get(char)
        extra = [region[char] for region in regions[language] if char in region]
        if found := _words(entry, extra):
            words[language] = found
    words["en"] = _with_own_tags(words.get("en"), row)
    return Concept(hexcode, words, main=char in main["en"])


def _words(entry: dict[str, list[str]] | None, extra: list[dict[str, list[str]]]) -> Words | None:
    if not entry or not entry.get("tts") or INHERITED in entry["tts"]:
        return None
    name = entry["tts"][0]
    further = [entry, *extra]
    keywords = [word for each in further for kind in ("tts", "default") for word in each.get(kind, [])]
    return Words(name, _distinct(keywords, name))


def _with_own_tags(words: Words | None, row: dict[str, Any]) -> Words:
    name = words.name if words else row["name"]
    keywords = [*(words.keywords if words else ()), row["name"], *row["tags"]]
    return Words(name, _distinct(keywords, name))


def _distinct(keywords: list[str], name: str) -> tuple[str, ...]:
    """The keywords in order, each once, without the name itself and CLDR's inheritance mark."""
    return tuple(word for word in dict.fromkeys(keywords) if word not in (name, INHERITED, ""))


def texts(concepts: list[Concept]) -> Iterator[str]:
    """Yield every name and keyword of every concept in every language."""
    for concept in concepts:
        for words in concept.words.values():
            yield words.name
            yield from words.keywords
