"""How names, captions, tags and paths are cut into words, the same for every store and for the query.

Scripts written without spaces (Han, kana, Thai, Lao, Khmer, Burmese) are cut into single characters,
so that 雪 finds 雪山; a run of them in a query must then stand together, as a phrase.
"""

import re
import unicodedata
from typing import NamedTuple

from imagesearch.records import Picture

_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # iteration marks, kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
# \w leaves out combining marks, which Indic vowels are: the last range lets them in.
_WORD = re.compile(rf"[{_SPACELESS}]+|[^\W_{_SPACELESS}](?:[^\W_{_SPACELESS}]|[\u0900-\u0dff])*")
_SPACELESS_START = re.compile(rf"[{_SPACELESS}]")


def fold(text: str) -> str:
    """Case, compatibility forms and accents taken away.

    Accents are the combining marks of the European, Hebrew and Arabic scripts; those of the Indic
    scripts and of kana (all above U+0900) are part of the word and stay.
    """
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(c for c in decomposed if c >= "\u0900" or not unicodedata.combining(c))
    return unicodedata.normalize("NFKC", bare)


def phrases(text: str) -> list[tuple[str, ...]]:
    """The words of `text` in order; a run of a spaceless script is one phrase of characters."""
    runs = _WORD.findall(fold(text))
    cut = (_characters(run) if _SPACELESS_START.match(run) else (run,) for run in runs)
    return [phrase for phrase in cut if phrase]


def _characters(run: str) -> tuple[str, ...]:
    """Those of a spaceless run, without the punctuation that its blocks hold too (the ・ of アン・リー)."""
    return tuple(c for c in run if unicodedata.category(c)[0] in "LMN")


def tokens(text: str) -> list[str]:
    """The words of `text` as they are indexed, each a string without spaces."""
    return [token for phrase in phrases(text) for token in phrase]


class Words(NamedTuple):
    """The words a picture is found by, each string the tokens of one part, separated by spaces.

    The parts stay apart, so that no phrase reaches across two tags or two folders. `caption` is empty where
    there is none.
    """

    name: str
    caption: str
    tags: list[str]
    path: list[str]


def words_of(picture: Picture) -> Words:
    """The words of a picture's name, of its caption, of each of its tags and of each part of its path."""

    def cut(text: str) -> str:
        return " ".join(tokens(text))

    tags, path = map(cut, picture.metadata.tags), map(cut, picture.path.split("/"))
    caption = cut(picture.metadata.caption or "")
    return Words(cut(picture.name), caption, [tag for tag in tags if tag], [part for part in path if part])
