"""The plainest store there can be, and a machine that holds a real one against it step by step."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from imagesearch.records import (
    NO_FILTERS,
    Entry,
    FacetCount,
    Facets,
    Filters,
    FloatArray,
    Hit,
    Knn,
    ModelText,
    Page,
    Picture,
    Window,
)
from imagesearch.store import Store
from tests.imagesearch.pieces import DIMS, day, entry, unit

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

vectors = st.sampled_from(VECTORS)
entries = st.builds(
    entry,
    st.sampled_from(PATHS),
    vectors,
    source=st.sampled_from(["/one", "/two"]),
    content=st.sampled_from("xyz"),
    name=st.sampled_from(NAMES),
    tags=st.lists(st.sampled_from(TAGS), max_size=3, unique=True).map(tuple),
    group=st.sampled_from(KINDS),
    author=st.sampled_from(KINDS),
    date=st.sampled_from(DAYS),
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

    def write(self, new: Sequence[Entry], replacing: Collection[str] = ()) -> None:
        self.delete(replacing)
        self.held.update((e.picture.id, e) for e in new)

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
        known = [e.picture.metadata for e in self.passing(filters)]
        return Facets(
            tags=_counts(tag for m in known for tag in m.tags),
            groups=_counts(m.group for m in known if m.group),
            authors=_counts(m.author for m in known if m.author),
            years=tuple(sorted(_counts(str(m.date.year) for m in known if m.date), key=lambda c: c.value)),
        )


def _passes(picture: Picture, filters: Filters) -> bool:
    known = picture.metadata
    return (
        set(filters.tags) <= set(known.tags)
        and (not filters.groups or known.group in filters.groups)
        and (not filters.authors or known.author in filters.authors)
        and (not filters.date_from or (known.date is not None and known.date >= filters.date_from))
        and (not filters.date_to or (known.date is not None and known.date <= filters.date_to))
        and (not filters.words or _has_words(picture, filters.words))
        and picture.id not in filters.without
    )


def _has_words(picture: Picture, words: str) -> bool:
    texts = [picture.name, *picture.metadata.tags, *picture.path.split("/")]
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
        self.second.write(new)
        self.plain.write(new)

    @rule(ids=some_ids)
    def delete(self, ids: list[str]) -> None:
        assert self.store.delete(ids) == self.plain.delete(ids)

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
