"""What the start page shows of the collection: a few pictures and six searches, new every day."""

import hashlib
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

from app.pages.state import PageState
from imagesearch.records import FacetCount, Filters, Picture, Window
from imagesearch.store import Store

PICTURES = 24
EXAMPLES = 6
GROWING_SECONDS = 60
_BY_NAME = 5
# Pictures of a group that are looked at for one whose name can be said.
_TRIES = 12
# Words that a person would type: letters only, four at most. A file called IMG_2041 is none.
_SAYABLE = re.compile(r"[^\W\d_]+(?:[ ’'-][^\W\d_]+){0,3}")
_LONGEST = 26


@dataclass(frozen=True)
class Example:
    """A search worth trying: its words (empty: by the picture itself), a picture it leads to."""

    words: str
    picture: Picture

    @property
    def state(self) -> PageState:
        """The search."""
        return PageState(q=self.words) if self.words else PageState(like=self.picture.id)


@dataclass(frozen=True)
class Shown:
    """What is shown on `day` of a collection of `count` pictures; `chosen` is in monotonic seconds."""

    day: date
    count: int
    chosen: float
    pictures: tuple[Picture, ...]
    examples: tuple[Example, ...]


@dataclass
class Showcase:
    """Chooses once a day, the same for everyone, and anew when the collection has grown or shrunk.

    While it grows, that is at most once a minute: choosing takes a second over 100,000 pictures.
    """

    _shown: Shown | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def on(self, day: date, store: Store, count: int) -> Shown:
        """The choice of `day`; `count` is how many pictures the store holds."""
        with self._lock:
            if self._shown is None or self._is_stale(self._shown, day, count):
                pictures = _sample(store, day, _reachable(store, count))
                examples = _examples(store, day, pictures)
                self._shown = Shown(day, count, time.monotonic(), pictures, examples)
            return self._shown

    def _is_stale(self, shown: Shown, day: date, count: int) -> bool:
        growing = count > shown.count and time.monotonic() > shown.chosen + GROWING_SECONDS
        return shown.day != day or count < shown.count or growing


def _draw(day: date, what: object, n: int) -> int:
    """A number from 0 to n - 1, the same all day."""
    digest = hashlib.sha256(f"{day}:{what}".encode()).digest()
    return int.from_bytes(digest[:8]) % n


def _reachable(store: Store, count: int) -> int:
    """To how many of `count` pictures browsing leads."""
    return min(count, store.capabilities.reach or count)


def _sample(store: Store, day: date, count: int) -> tuple[Picture, ...]:
    """One picture from each of equally long stretches of the `count` newest, in no order."""
    parts = min(PICTURES, count)
    bounds = [count * i // parts for i in range(parts + 1)]
    chosen = [
        hit.picture
        for first, end in pairwise(bounds)
        for hit in store.browse(Filters(), Window(first + _draw(day, first, end - first), 1)).hits
    ]
    return tuple(sorted(chosen, key=lambda p: _draw(day, p.id, 2**32)))


def _examples(store: Store, day: date, pictures: tuple[Picture, ...]) -> tuple[Example, ...]:
    facets = store.facets(Filters())
    found: dict[str, Example] = {}
    for group in _shuffled(day, facets.groups):
        if len(found) < _BY_NAME and (example := _named(store, day, group)):
            found.setdefault(example.words.casefold(), example)
    for example in [*_tagged(store, day, facets.tags), *(Example("", p) for p in pictures)]:
        if len(found) < EXAMPLES:
            found.setdefault(example.words.casefold() or example.picture.id, example)
    return tuple(found.values())


def _shuffled(day: date, counts: tuple[FacetCount, ...]) -> list[FacetCount]:
    return sorted(counts, key=lambda c: _draw(day, c.value, 2**32))


def _named(store: Store, day: date, group: FacetCount) -> Example | None:
    """A picture of the group whose name somebody might type."""
    first = _draw(day, group.value, max(1, _reachable(store, group.count) - _TRIES))
    hits = store.browse(Filters(groups=(group.value,)), Window(first, _TRIES)).hits
    return next((Example(h.picture.name, h.picture) for h in hits if _sayable(h.picture.metadata.name)), None)


def _tagged(store: Store, day: date, tags: tuple[FacetCount, ...]) -> Iterator[Example]:
    for tag in _shuffled(day, tags):
        if _sayable(tag.value):
            first = _draw(day, tag.value, _reachable(store, tag.count))
            for hit in store.browse(Filters(tags=(tag.value,)), Window(first, 1)).hits:
                yield Example(tag.value, hit.picture)


def _sayable(text: str | None) -> bool:
    return bool(text and len(text) <= _LONGEST and _SAYABLE.fullmatch(text))
