"""The one way to ask, for the page, the API, the command line and the notebooks."""

import time
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from PIL import Image

from imagesearch.encoders import Model
from imagesearch.errors import BadQuery, UnknownPicture
from imagesearch.records import NO_FILTERS, Filters, FloatArray, Knn, Page, Window
from imagesearch.store import Store, refuse_other_model

# Elasticsearch's limits; the embedded store keeps to them so that a query means the same on both.
MAX_CANDIDATES = 10_000
DEFAULT_LIMIT = 24


@dataclass(frozen=True)
class Query:
    """What is asked: words, a picture, an indexed picture (`like`, an id), or several of them together.

    `k` ends the ranking after k neighbours. `num_candidates` trades speed for completeness where the
    store is approximate. `similarity` is the least cosine, in [-1, 1]. `limit` results are returned
    from `offset` on; None means k, else 24.
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
    """Asks one store with the model that made it."""

    store: Store
    model: Model
    max_query_chars: int = 1000

    def search(self, query: Query) -> Answer:
        """Answer `query`.

        Raises BadQuery, UnknownPicture, WrongModel (another process may have filled the store with
        another model meanwhile), and what the store and the model raise.
        """
        started = time.perf_counter()
        if stored := self.store.identity():
            refuse_other_model(stored, self.model.identity, "in use")
        _check_numbers(query)
        knn = Knn(
            vector=self.embed(query),
            k=query.k,
            num_candidates=query.num_candidates,
            similarity=query.similarity,
            filters=_without_itself(query),
            window=Window(query.offset, query.limit or query.k or DEFAULT_LIMIT),
        )
        page = self.store.knn(knn)
        return Answer(
            page=page,
            took_ms=(time.perf_counter() - started) * 1000,
            exact=self.store.capabilities.exact,
            weak=self._weak(query, page),
        )

    def embed(self, query: Query) -> FloatArray:
        """What is looked for: float32, shape (dims,), unit length; of several parts the normalised mean."""
        parts = []
        if query.words is not None:
            parts.append(self.model.texts.encode([self._checked(query.words)])[0])
        if query.picture is not None:
            parts.append(self.model.pictures.encode([query.picture])[0])
        if query.like is not None:
            parts.append(self._indexed(query.like))
        if not parts:
            raise BadQuery("The query is empty. Give words, a picture, or the id of an indexed picture.")
        mean = np.mean(parts, axis=0)
        length = float(np.linalg.norm(mean))
        if length < 1e-6:
            raise BadQuery("The parts of the query cancel each other out. Leave one of them away.")
        return cast(FloatArray, (mean / length).astype(np.float32))

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

    def _indexed(self, id: str) -> FloatArray:
        found = self.store.embedding(id)
        if found is None:
            raise UnknownPicture(f"No picture has the id {id!r}. It may have been removed; search anew.")
        return found

    def _weak(self, query: Query, page: Page) -> bool | None:
        by_words = query.words is not None
        by_picture = query.picture is not None or query.like is not None
        bound = self.model.spec.weak_words if by_words else self.model.spec.weak_picture
        if bound is None or (by_words and by_picture) or query.offset or not page.hits:
            return None
        best = page.hits[0].score
        return best is not None and 2 * best - 1 < bound


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


def _check(name: str, value: float | None, least: float, most: float | None) -> None:
    if value is None or (value >= least and (most is None or value <= most)):
        return
    because = " (it cannot be smaller than k)" if name == "num_candidates" and least > 1 else ""
    bounds = f"from {least} to {most}" if most is not None else f"{least} or more"
    raise BadQuery(f"{name} is {value}; it has to be {bounds}{because}.")
