"""The plainest store there can be, and a machine that holds a real one against it step by step."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from numpy.typing import NDArray

from imagesearch.records import (
    NO_FILTERS,
    ORIENTATIONS,
    Entry,
    FacetCount,
    Facets,
    Failure,
    Filters,
    FloatArray,
    Hit,
    Knn,
    ModelText,
    Near,
    Page,
    Picture,
    Place,
    Window,
)
from imagesearch.store import Store
from tests.imagesearch.pieces import DIMS, day, entry, failure, unit

# Products of these are exact in float32, so that ties are ties in any order of summing.
VECTORS = [
    unit(1),
    unit(-1),
    unit(0, 1),
    unit(1, 1, 1, 1),
    unit(1, -1, 1, -1),
    unit(-1, -1, 1, 1),
    unit(0, 0, 0, 0, 1, 1, 1, -1),
]
PATHS = ["red fox.png", "fox/雪山.png", "山/red.jpg", "a.png", "b/c.png", "B.png", "fox.png"]
NAMES = [None, "red", "fox", "red fox", "雪山", "雪 red"]
TAGS = ["red", "cold", "雪"]
DAYS = [None, day("2018-12-31"), day("2019-01-01"), day("2019-06-30"), day("2021-01-01")]
WORDS = [None, "fox", "red fox", "雪", "山", "雪山", "RED 山", "png", "!?", "nothing"]
KINDS = [None, "g", "h"]
CAPTIONS = [None, "a red fox", "雪"]
PLACES = [None, Place(46.948, 7.4474), Place(46.758, 7.628), Place(-17.0, 179.99), Place(-17.0, -179.99)]
HASHES = ["", "0" * 16, "f" * 16]
SOURCES = ["/one", "/two"]


def some_of(*values: str) -> st.SearchStrategy[tuple[str, ...]]:
    """Mostly none, so that a few filters together leave something."""
    return st.just(()) | st.lists(st.sampled_from(values), max_size=2).map(tuple)


vectors = st.sampled_from(VECTORS)
entries = st.builds(
    entry,
    st.sampled_from(PATHS),
    vectors,
    source=st.sampled_from(SOURCES),
    content=st.sampled_from("xyz"),
    name=st.sampled_from(NAMES),
    tags=st.lists(st.sampled_from(TAGS), max_size=3, unique=True).map(tuple),
    group=st.sampled_from(KINDS),
    author=st.sampled_from(KINDS),
    date=st.sampled_from(DAYS),
    caption=st.sampled_from(CAPTIONS),
    camera=st.sampled_from(KINDS),
    lens=st.sampled_from(KINDS),
    place=st.sampled_from(PLACES),
    rating=st.sampled_from([None, -1, 0, 3, 5]),
    colours=st.lists(st.sampled_from(["red", "teal", "white"]), max_size=3, unique=True).map(tuple),
    phash=st.sampled_from(HASHES),
    format=st.sampled_from(["PNG", "JPEG"]),
    width=st.sampled_from([100, 104, 300]),
    height=st.sampled_from([100, 300]),
)
failures = st.builds(
    failure,
    st.sampled_from(PATHS),
    source=st.sampled_from(SOURCES),
    reason=st.sampled_from(["is torn", "is empty"]),
)
some_ids = st.lists(entries.map(lambda e: e.picture.id), max_size=4)
filters = st.one_of(
    st.just(NO_FILTERS),
    st.builds(
        Filters,
        tags=st.lists(st.sampled_from(TAGS), max_size=2).map(tuple),
        groups=st.lists(st.sampled_from(["g", "h"]), max_size=2).map(tuple),
        authors=st.lists(st.sampled_from(["g", "none"]), max_size=1).map(tuple),
        date_from=st.sampled_from(DAYS),
        date_to=st.sampled_from(DAYS),
        words=st.sampled_from(WORDS),
        without=some_ids.map(tuple),
    ),
    st.builds(
        Filters,
        colours=st.lists(st.sampled_from(["red", "white"]), max_size=2).map(tuple),
        cameras=some_of("g", "none"),
        lenses=some_of("g", "h"),
        albums=some_of("fox", "one", "山"),
        formats=some_of("PNG"),
        orientations=some_of(*ORIENTATIONS),
        phashes=some_of(*HASHES[1:]),
        rating=st.sampled_from([None, -1, 0, 1, 5]),
        near=st.none()
        | st.builds(Near, st.sampled_from(PLACES[1:]), st.sampled_from([1.0, 3.0, 30.0, 20_040.0])),
    ),
)
windows = st.builds(Window, offset=st.integers(0, 8), limit=st.integers(1, 8))
queries = st.builds(
    Knn,
    vector=vectors,
    k=st.none() | st.integers(1, 12),
    similarity=st.none() | st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.5, 1.0]),
    filters=filters,
    window=windows,
)


class PlainStore:
    """A dictionary, and everything else by going through it."""

    def __init__(self) -> None:
        self.held: dict[str, Entry] = {}
        self.failed: dict[str, Failure] = {}

    def write(self, new: Sequence[Entry], replacing: Collection[str] = ()) -> None:
        self.delete(replacing)
        self.held.update((e.picture.id, e) for e in new)
        self.forgive(e.picture.id for e in new)

    def fail(self, new: Sequence[Failure]) -> None:
        self.failed.update((f.id, f) for f in new)

    def forgive(self, ids: Iterable[str]) -> int:
        return sum(self.failed.pop(id, None) is not None for id in ids)

    def delete(self, ids: Iterable[str]) -> int:
        return sum(self.held.pop(id, None) is not None for id in ids)

    def passing(self, filters: Filters) -> list[Entry]:
        return [e for e in self.held.values() if _passes(e.picture, filters)]

    def knn(self, query: Knn) -> Page:
        assert not isinstance(query.vector, ModelText)
        passing = self.passing(query.filters)
        scored = [(_cosine(e.embedding, query.vector), e) for e in passing]
        least = -2.0 if query.similarity is None else query.similarity
        ranked = sorted((-(1 + c) / 2, e.picture.id, e) for c, e in scored if c >= least)[: query.k]
        hits = [Hit(e.picture, -minus) for minus, _, e in ranked]
        return Page(_cut(hits, query.window), total=len(passing), reachable=len(hits))

    def browse(self, filters: Filters, window: Window) -> Page:
        def order(picture: Picture) -> tuple[int, str, str]:
            date = picture.metadata.date
            return (-date.toordinal() if date else 0, picture.path, picture.id)

        pictures = sorted((e.picture for e in self.passing(filters)), key=order)
        hits = [Hit(picture) for picture in pictures]
        return Page(_cut(hits, window), total=len(hits), reachable=len(hits))

    def facets(self, filters: Filters) -> Facets:
        pictures = [e.picture for e in self.passing(filters)]
        known = [picture.metadata for picture in pictures]
        hashes = _counts(p.phash for p in pictures if p.phash)
        return Facets(
            tags=_counts(tag for m in known for tag in m.tags),
            groups=_counts(m.group for m in known if m.group),
            authors=_counts(m.author for m in known if m.author),
            years=_ascending(str(m.date.year) for m in known if m.date),
            colours=_counts(colour for p in pictures for colour in p.colours),
            cameras=_counts(m.camera for m in known if m.camera),
            lenses=_counts(m.lens for m in known if m.lens),
            albums=_counts(p.album for p in pictures),
            formats=_counts(p.format for p in pictures),
            orientations=_counts(p.orientation for p in pictures),
            ratings=_ascending(str(m.rating) for m in known if m.rating is not None),
            phashes=tuple(count for count in hashes if count.count > 1),
        )


def _passes(picture: Picture, filters: Filters) -> bool:
    known = picture.metadata
    return (
        set(filters.tags) <= set(known.tags)
        and (not filters.groups or known.group in filters.groups)
        and (not filters.authors or known.author in filters.authors)
        and (not filters.date_from or (known.date is not None and known.date >= filters.date_from))
        and (not filters.date_to or (known.date is not None and known.date <= filters.date_to))
        and set(filters.colours) <= set(picture.colours)
        and (not filters.cameras or known.camera in filters.cameras)
        and (not filters.lenses or known.lens in filters.lenses)
        and (not filters.albums or picture.album in filters.albums)
        and (not filters.formats or picture.format in filters.formats)
        and (not filters.orientations or picture.orientation in filters.orientations)
        and (not filters.phashes or picture.phash in filters.phashes)
        and (filters.rating is None or (known.rating is not None and known.rating >= filters.rating))
        and (not filters.near or _is_near(known.place, filters.near))
        and (not filters.words or _has_words(picture, filters.words))
        and picture.id not in filters.without
    )


def _is_near(place: Place | None, near: Near) -> bool:
    """By the angle between two arrows from the middle of the Earth, not by the haversine."""
    if place is None:
        return False
    angle = np.arccos(np.clip(_arrow(place) @ _arrow(near.place), -1, 1))
    return bool(angle * 6371.0088 <= near.km)


def _arrow(place: Place) -> NDArray[np.float64]:
    up, around = np.radians(place.latitude), np.radians(place.longitude)
    return np.array([np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up)])


def _has_words(picture: Picture, words: str) -> bool:
    texts = [picture.name, picture.metadata.caption or "", *picture.metadata.tags, *picture.path.split("/")]
    asked = re.findall(r"\w+", words.lower())
    return bool(asked) and all(any(_has_word(text.lower(), word) for text in texts) for word in asked)


def _has_word(text: str, word: str) -> bool:
    return word in re.findall("[a-z]+", text) if word.isascii() else word in text


def _cosine(one: FloatArray, other: FloatArray) -> float:
    return float(sum(float(a) * float(b) for a, b in zip(one, other, strict=True)))


def _cut(hits: list[Hit], window: Window) -> tuple[Hit, ...]:
    return tuple(hits[window.offset : window.offset + window.limit])


def _counts(values: Iterable[str]) -> tuple[FacetCount, ...]:
    counted = Counter(values).items()
    return tuple(FacetCount(v, n) for v, n in sorted(counted, key=lambda item: (-item[1], item[0])))


def _ascending(values: Iterable[str]) -> tuple[FacetCount, ...]:
    return tuple(sorted(_counts(values), key=lambda count: count.value))


class StoreMachine(RuleBasedStateMachine):
    """Does the same to both; `open_empty` gives a store and a second opening of it, to be set by the test."""

    open_empty: Callable[[], tuple[Store, Store, Callable[[], None]]]

    @initialize()
    def begin(self) -> None:
        self.store, self.second, self.end = type(self).open_empty()
        self.plain = PlainStore()

    @rule(new=st.lists(entries, max_size=5), replacing=some_ids)
    def write(self, new: list[Entry], replacing: list[str]) -> None:
        self.store.write(new, replacing)
        self.plain.write(new, replacing)

    @rule(new=st.lists(entries, min_size=1, max_size=2))
    def write_elsewhere(self, new: list[Entry]) -> None:
        for source in SOURCES:  # another process knows of those failures that it has read
            list(self.second.failures_of(source))
        self.second.write(new)
        self.plain.write(new)

    @rule(ids=some_ids)
    def delete(self, ids: list[str]) -> None:
        assert self.store.delete(ids) == self.plain.delete(ids)

    @rule(new=st.lists(failures, max_size=4))
    def fail(self, new: list[Failure]) -> None:
        self.store.fail(new)
        self.plain.fail(new)

    @rule(new=st.lists(failures, max_size=2))
    def forgive(self, new: list[Failure]) -> None:
        ids = {failure.id for failure in new}
        assert self.second.forgive(ids) == self.plain.forgive(ids)

    @rule(query=queries, second=st.booleans())
    def knn(self, query: Knn, second: bool) -> None:
        store = self.second if second else self.store
        assert store.knn(query) == self.plain.knn(query)

    @rule(filters=filters, window=windows)
    def browse(self, filters: Filters, window: Window) -> None:
        assert self.store.browse(filters, window) == self.plain.browse(filters, window)

    @rule(filters=filters)
    def facets(self, filters: Filters) -> None:
        assert self.store.facets(filters) == self.plain.facets(filters)
        assert self.store.count(filters) == len(self.plain.passing(filters))

    @rule(content=st.sampled_from("xyz"))
    def by_content(self, content: str) -> None:
        digest = entry("any", content=content).picture.content_hash
        holders = [e.embedding.tolist() for e in self.plain.held.values() if e.picture.content_hash == digest]
        known = self.store.embeddings_by_content([digest])
        assert list(known) == ([digest] if holders else [])
        assert all(vector.tolist() in holders for vector in known.values())
        pictures = {e.picture.id: e.picture for e in self.plain.held.values()}
        same = [p for p in pictures.values() if p.content_hash == digest]
        found = self.store.pictures_by_content([digest]).get(digest, [])
        assert sorted(found, key=lambda p: p.id) == sorted(same, key=lambda p: p.id)

    @rule(source=st.sampled_from(SOURCES), within=st.sampled_from(["", "fox", "b", "fox.png"]))
    def files(self, source: str, within: str) -> None:
        def there(path: str) -> bool:
            return not within or path == within or path.startswith(f"{within}/")

        files = sorted(p.path for e in self.plain.held.values() if (p := e.picture).source == source)
        assert [f.path for f in self.store.files_of(source, within)] == list(filter(there, files))
        failed = sorted((f for f in self.plain.failed.values() if f.source == source), key=lambda f: f.path)
        assert list(self.store.failures_of(source, within)) == [f for f in failed if there(f.path)]

    @invariant()
    def holds_the_same(self) -> None:
        if not hasattr(self, "store"):
            return
        everything = Window(0, 100)
        assert self.store.browse(NO_FILTERS, everything) == self.plain.browse(NO_FILTERS, everything)
        assert {f.id for f in self.store.files("/one")} == {
            e.picture.id for e in self.plain.held.values() if e.picture.source == "/one"
        }

    def teardown(self) -> None:
        if hasattr(self, "end"):
            self.end()


def machine(open_empty: Callable[[], tuple[Store, Store, Callable[[], None]]]) -> type[StoreMachine]:
    """A machine for one kind of store."""
    assert VECTORS[0].shape == (DIMS,)
    members: dict[str, Any] = {"open_empty": staticmethod(open_empty)}
    return type("Machine", (StoreMachine,), members)
