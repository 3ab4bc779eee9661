"""The one way to ask, for the page, the API, the command line and the notebooks."""

import hashlib
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import cast

import numpy as np
from cachetools import LRUCache
from PIL import Image

from imagesearch.clip import open_model
from imagesearch.config import Settings
from imagesearch.encoders import Model
from imagesearch.errors import BadQuery, TextModelUnavailable, UnknownPicture
from imagesearch.filtering import LEAST_RATING, MOST_RATING
from imagesearch.fusion import fuse
from imagesearch.places import MAX_KM
from imagesearch.records import NO_FILTERS, Filters, FloatArray, Knn, ModelText, Page, Window
from imagesearch.store import Store, refuse_other_model
from imagesearch.texts import LocalTexts, QueryTexts

# Elasticsearch's limits; the embedded store keeps to them so that a query means the same on both.
MAX_CANDIDATES = 10_000
DEFAULT_LIMIT = 24
# Embeddings of queries that are kept for their later pages: 2 MB.
_ENCODED = 1_000


@dataclass(frozen=True)
class Query:
    """What is asked: words, a picture, an indexed picture (`like`, an id), or several of them together.

    `k` ends the ranking after k neighbours. `num_candidates` trades speed for completeness where the
    store is approximate. `similarity` is the least cosine, in [-1, 1]. `limit` results are returned
    from `offset` on; None means k, else 24. `hybrid` fuses the ranking with that of the words in names,
    captions, tags and paths.
    """

    words: str | None = None
    picture: Image.Image | None = None
    like: str | None = None
    filters: Filters = NO_FILTERS
    k: int | None = None
    num_candidates: int | None = None
    similarity: float | None = None
    offset: int = 0
    limit: int | None = None
    hybrid: bool = False


@dataclass(frozen=True)
class Answer:
    """A page of results, best first.

    `weak` says that even the best result is probably no match (None where the model has no measured
    bound). `exact` says that every picture was compared, so that num_candidates changed nothing.
    """

    page: Page
    took_ms: float
    exact: bool
    weak: bool | None


@dataclass(frozen=True)
class Searcher:
    """Asks one store with the model that made it.

    `follow` opens the model that a store says it was made with now, where that is not `model`: a rebuild
    may put an index of another model in the place of the one that was there at the start.
    """

    store: Store
    model: Model
    max_query_chars: int = 1000
    texts: QueryTexts = field(default_factory=LocalTexts)
    follow: Callable[[str], Model] | None = None
    _followed: dict[str, Model] = field(default_factory=dict, compare=False)
    _encoded: LRUCache[Hashable, FloatArray] = field(
        default_factory=lambda: LRUCache(_ENCODED), compare=False
    )
    _lock: threading.Lock = field(default_factory=threading.Lock, compare=False)

    def search(self, query: Query) -> Answer:
        """Answer `query`.

        Raises BadQuery, UnknownPicture, WrongModel (another process may have filled the store with
        another model meanwhile), and what the store and the model raise.
        """
        started = time.perf_counter()
        _check_numbers(query)
        store = self.store.current()
        model = self.model_of(store)
        page = self._hybrid(query, store, model) if query.hybrid else self._nearest(query, store, model)
        return Answer(
            page=page,
            took_ms=(time.perf_counter() - started) * 1000,
            exact=store.capabilities.exact,
            weak=_weak(query, page, model),
        )

    def model_of(self, store: Store) -> Model:
        """The model that made the embeddings of `store`. Raises WrongModel if it cannot be opened here."""
        stored = store.identity()
        if stored is None or stored.fingerprint == self.model.identity.fingerprint:
            return self.model
        if stored.fingerprint not in self._followed and self.follow and stored.reference:
            self._followed[stored.fingerprint] = self.follow(stored.reference)
        found = self._followed.get(stored.fingerprint, self.model)
        refuse_other_model(stored, found.identity, store.place)
        return found

    def _nearest(self, query: Query, store: Store, model: Model) -> Page:
        plain = query.words is not None and query.picture is None and query.like is None
        if plain and (text := self.texts.text(model, self._checked(query.words or ""))):
            try:
                return store.knn(_knn(query, text))
            except TextModelUnavailable as error:
                self.texts.fall_back(error)
        return store.knn(_knn(query, self.embed(query, store, model)))

    def _hybrid(self, query: Query, store: Store, model: Model) -> Page:
        if query.words is None:
            raise BadQuery("A hybrid search needs words. Give some, or leave 'hybrid' away.")
        return fuse(store, _knn(query, self.embed(query, store, model)), self._checked(query.words))

    def embed(self, query: Query, store: Store | None = None, model: Model | None = None) -> FloatArray:
        """What is looked for: float32, shape (dims,), unit length; of several parts the normalised mean."""
        store = store or self.store.current()
        model = model or self.model_of(store)
        parts = []
        if query.words is not None:
            words = self._checked(query.words)
            parts.append(self._once(query, model, words, lambda: self.texts.vector(model, words)))
        if (picture := query.picture) is not None:
            pixels = hashlib.sha256(picture.tobytes()).hexdigest(), picture.size
            parts.append(self._once(query, model, pixels, lambda: model.pictures.encode([picture])[0]))
        if query.like is not None:
            parts.append(_indexed(store, query.like))
        if not parts:
            raise BadQuery("The query is empty. Give words, a picture, or the id of an indexed picture.")
        mean = np.mean(parts, axis=0)
        length = float(np.linalg.norm(mean))
        if length < 1e-6:
            raise BadQuery("The parts of the query cancel each other out. Leave one of them away.")
        return cast(FloatArray, (mean / length).astype(np.float32))

    def _once(
        self, query: Query, model: Model, part: Hashable, encode: Callable[[], FloatArray]
    ) -> FloatArray:
        """The embedding of a part of the query; on later pages the very one that the first was ranked by.

        Encoded twice it may differ in its last bits, and the ranking with it where pictures are close.
        """
        key = model.identity.fingerprint, part
        with self._lock:
            known = self._encoded.get(key) if query.offset else None
        if known is None:
            known = encode()
            with self._lock:
                self._encoded[key] = known
        return known

    def _checked(self, words: str) -> str:
        words = " ".join(words.split())
        if words != words.encode(errors="replace").decode():
            raise BadQuery("The query is not valid text. Type it in UTF-8.")
        if not words:
            raise BadQuery("The query is empty. Say in words what the picture shows.")
        if len(words) > self.max_query_chars:
            raise BadQuery(
                f"The query has {len(words)} characters, more than the {self.max_query_chars} that are "
                "allowed. Say it in fewer words."
            )
        return words


def open_searcher(store: Store, model: Model, settings: Settings) -> Searcher:
    """A searcher as the settings have it; which model the store is of is not looked at yet."""
    texts = store.texts(settings.text_encoding)
    follow = partial(open_model, runtime=settings.runtime, data=settings.data)
    return Searcher(store, model, settings.max_query_chars, texts, follow=follow)


def _indexed(store: Store, id: str) -> FloatArray:
    found = store.embedding(id)
    if found is None:
        raise UnknownPicture(f"No picture has the id {id!r}. It may have been removed; search anew.")
    return found


def _knn(query: Query, vector: FloatArray | ModelText) -> Knn:
    return Knn(
        vector=vector,
        k=query.k,
        num_candidates=query.num_candidates,
        similarity=query.similarity,
        filters=_without_itself(query),
        window=Window(query.offset, query.limit or query.k or DEFAULT_LIMIT),
    )


def _weak(query: Query, page: Page, model: Model) -> bool | None:
    by_words = query.words is not None
    by_picture = query.picture is not None or query.like is not None
    bound = model.spec.weak_words if by_words else model.spec.weak_picture
    if bound is None or (by_words and by_picture) or query.offset or not page.hits:
        return None
    best = max(hit.score or 0 for hit in page.hits)
    return 2 * best - 1 < bound


def _without_itself(query: Query) -> Filters:
    if query.like is None:
        return query.filters
    return replace(query.filters, without=(*query.filters.without, query.like))


def _check_numbers(query: Query) -> None:
    _check("k", query.k, 1, MAX_CANDIDATES)
    _check("num_candidates", query.num_candidates, query.k or 1, MAX_CANDIDATES)
    _check("similarity", query.similarity, -1, 1)
    _check("limit", query.limit, 1, MAX_CANDIDATES)
    _check("offset", query.offset, 0, None)
    first, last = query.filters.date_from, query.filters.date_to
    if first and last and first > last:
        raise BadQuery(f"date_from ({first}) is after date_to ({last}). Swap them.")
    _check("rating", query.filters.rating, LEAST_RATING, MOST_RATING)
    if near := query.filters.near:
        _check("the latitude of near", near.place.latitude, -90, 90)
        _check("the longitude of near", near.place.longitude, -180, 180)
        if not 0 < near.km <= MAX_KM:
            raise BadQuery(f"within_km is {near.km:g}; it has to be more than 0 and at most {MAX_KM}.")


def _check(name: str, value: float | None, least: float, most: float | None) -> None:
    if value is None or (value >= least and (most is None or value <= most)):
        return
    because = " (it cannot be smaller than k)" if name == "num_candidates" and least > 1 else ""
    bounds = f"from {least} to {most}" if most is not None else f"{least} or more"
    raise BadQuery(f"{name} is {value}; it has to be {bounds}{because}.")
