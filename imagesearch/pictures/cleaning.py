"""Texts and numbers from files that nobody has checked."""

import math
import unicodedata
from collections.abc import Iterable

from imagesearch.places import is_on_earth
from imagesearch.records import Place

MOST_TAGS = 100
_LINE, _CAPTION = 500, 5000


def line(text: object, most: int = _LINE) -> str | None:
    """`text` on one line, without control characters, at most `most` characters; None if nothing is left."""
    if not isinstance(text, str):
        return None
    kept = (" " if c.isspace() else c for c in text[: 4 * most] if c.isspace() or _is_visible(c))
    return " ".join("".join(kept).split())[:most].rstrip() or None


def caption(text: object) -> str | None:
    """As `line`, but for longer texts."""
    return line(text, _CAPTION)


def _is_visible(character: str) -> bool:
    """Of format characters only the joiners that scripts and emoji need."""
    category = unicodedata.category(character)
    return category[0] != "C" or character in "\u200c\u200d" or category == "Co"


def tags(texts: Iterable[object]) -> tuple[str, ...]:
    """Each once, in their order, at most MOST_TAGS of them."""
    cleaned = dict.fromkeys(tag for text in texts if (tag := line(text)))
    return tuple(cleaned)[:MOST_TAGS]


def from_bytes(raw: bytes) -> str:
    """Text that does not say how it is encoded: UTF-8 if it can be that, else as Windows of the West."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def place(latitude: float | None, longitude: float | None) -> Place | None:
    """None where it is not on Earth, or exactly 0, 0: what cameras write that do not know."""
    if latitude is None or longitude is None or latitude == longitude == 0:
        return None
    found = Place(latitude, longitude)
    return found if is_on_earth(found) else None


def rating(stars: object) -> int | None:
    """From -1 to 5, or None for anything else."""
    try:
        number = float(stars)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return round(number) if math.isfinite(number) and -1 <= number <= 5 else None


# What follows the name in the names that makers give themselves.
_LEGAL = frozenset("ag camera co company corp corporation electric gmbh imaging inc ltd optical".split())


def camera(make: object, model: object) -> str | None:
    """Make and model as people say it: `Canon EOS 5D`, not `Canon Canon EOS 5D`."""
    maker, kind = line(make), line(model)
    if not maker or not kind:
        return kind or maker
    words = maker.replace(",", " ").replace(".", " ").split()
    while len(words) > 1 and words[-1].lower() in _LEGAL:
        words.pop()
    if not words or kind.lower().startswith(words[0].lower()):
        return kind
    return line(f"{' '.join(words)} {kind}")
