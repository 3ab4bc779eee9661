"""The store in Elasticsearch."""

import logging
import time
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Self

from elasticsearch import Elasticsearch

from imagesearch.config import Settings, TextEncoding
from imagesearch.elastic import bodies, versions
from imagesearch.elastic.bulk import delete_action, index_action, send
from imagesearch.elastic.client import Answer, Client, connect
from imagesearch.elastic.documents import (
    STATE_FIELDS,
    to_document,
    to_file_state,
    to_picture,
    to_vector,
)
from imagesearch.elastic.failures import ReadingLost
from imagesearch.elastic.mapping import EMBEDDING, IndexPlan, loading_settings, plan_of, serving_settings
from imagesearch.elastic.ranking import REACH, Ranking, Scored, Sessions, steps
from imagesearch.elastic.status import look
from imagesearch.elastic.texts import ElasticTexts
from imagesearch.elastic.versions import Version
from imagesearch.errors import ImageSearchError, StoreUnavailable, StoreUnreachable, TextModelUnavailable
from imagesearch.records import (
    NO_FILTERS,
    Entry,
    FacetCount,
    Facets,
    FileState,
    Filters,
    FloatArray,
    Hit,
    Knn,
    ModelIdentity,
    ModelText,
    Page,
    Picture,
    Window,
)
from imagesearch.store import Capabilities, StoreStatus, refuse_other_model
from imagesearch.texts import QueryTexts

log = logging.getLogger(__name__)

_AT_A_TIME = 1_000
# How often a first page is made anew because a picture of it was deleted in the middle of that.
_TRIES = 3
_KEEP_ALIVE = "5m"
# How many seconds what a load has written may wait until it is found.
_LOADING_SECONDS = 30
# How many seconds it may take to restore the settings after something went wrong.
_GOODBYE_SECONDS = 10


# A header and a body.
_Search = tuple[dict[str, Any], dict[str, Any]]


@dataclass(frozen=True)
class _Load:
    """A load under way: the settings of the index for it, and when it was last made findable."""

    settings: dict[str, Any]
    refreshed: float


class ElasticStore:
    """Pictures under the alias `alias`. Implements `imagesearch.store.Store`.

    Reads go to `index` if that is given: what `current` gives, so that one request sees one index.
    """

    capabilities = Capabilities(name="elasticsearch", exact=False, reach=REACH)

    def __init__(self, client: Client, alias: str, plan: IndexPlan, index: Version | None = None) -> None:
        self._client = client
        self._alias = alias
        self._plan = plan
        self._index = index
        self._load: _Load | None = None
        self._sessions = Sessions()

    @property
    def place(self) -> str:
        return f"{self._where!r} in Elasticsearch at {self._client.place}"

    def current(self) -> "ElasticStore":
        """This store, bound to the index that the alias names now."""
        index = versions.current(self._client, self._alias)
        if index is None:
            return self
        bound = ElasticStore(self._client, self._alias, self._plan, index)
        bound._sessions = self._sessions
        return bound

    # --- the model

    def identity(self) -> ModelIdentity | None:
        index = self._index or versions.current(self._client, self._alias)
        return index.model if index else None

    def adopt(self, identity: ModelIdentity) -> None:
        index = self._ensured(identity.dims, identity)
        if index.model is None:
            versions.describe(self._client, replace(index, model=identity))
            index = self._ensured(identity.dims)
        if index.model:
            refuse_other_model(index.model, identity, self.place)

    # --- writing

    def write(self, entries: Sequence[Entry], replacing: Collection[str] = ()) -> None:
        """See the protocol; but not one transaction: first what is new is written, then the rest removed."""
        if not entries:
            self.delete(replacing)
            return
        self._ensured(len(entries[0].embedding))
        # The last of equal ids counts, also if the first is refused and sent again.
        written = {entry.picture.id: entry for entry in entries}
        actions = [index_action(id, to_document(entry)) for id, entry in written.items()]
        actions += [delete_action(id) for id in replacing if id not in written]
        send(self._client, self._alias, actions, refresh=self._findable_at_once())

    def delete(self, ids: Collection[str]) -> int:
        if not ids or versions.current(self._client, self._alias) is None:
            return 0
        return send(self._client, self._alias, map(delete_action, ids), refresh=self._findable_at_once())

    @contextmanager
    def loading(self, *, alone: bool = False) -> Iterator[None]:
        """See the protocol. Its settings are taken back whatever happens; after a crash, by the next load."""
        self._load = _Load(loading_settings(alone), time.monotonic())
        self._prepare(self._client, self._load.settings)
        try:
            yield
        except BaseException:
            # What went wrong is worth telling at once, and may be that the engine is away.
            try:
                self._prepare(self._client.hurried(_GOODBYE_SECONDS), serving_settings(self._plan))
            except ImageSearchError as error:
                log.warning("The index keeps its settings for loading until the next ingest ends: %s", error)
            raise
        else:
            self._prepare(self._client, serving_settings(self._plan))
        finally:
            self._load = None

    def _findable_at_once(self) -> bool:
        """Whether a write is to be found when it returns: while loading, only now and then."""
        if self._load is None:
            return True
        if time.monotonic() - self._load.refreshed < _LOADING_SECONDS:
            return False
        self._load = replace(self._load, refreshed=time.monotonic())
        return True

    def _prepare(self, client: Client, settings: dict[str, Any]) -> None:
        """Give the index, if there is one, these settings, and make findable all that was written."""
        if index := versions.current(client, self._alias):
            # First of all: an index may refuse settings, but what was written has to be found.
            client.ask(lambda es: es.indices.refresh(index=index.name))
            versions.change(client, index.name, settings)

    def _ensured(self, dims: int, model: ModelIdentity | None = None) -> Version:
        found = versions.current(self._client, self._alias)
        if found is None:
            found = versions.create(self._client, self._alias, self._plan, dims, model)
            if self._load:
                self._prepare(self._client, self._load.settings)
        return found

    # --- reading by id or path

    def get(self, id: str) -> Picture | None:
        return self.pictures([id]).get(id)

    def pictures(self, ids: Collection[str], *, realtime: bool = True) -> dict[str, Picture]:
        """See the protocol; not `realtime`: as searches see them."""
        if not ids:
            return {}
        answer = self._client.ask(lambda es: es.mget(index=self._where, ids=list(ids), realtime=realtime))
        docs = answer["docs"]
        return {doc["_id"]: to_picture(doc["_source"]) for doc in docs if doc.get("found")}

    def embedding(self, id: str) -> FloatArray | None:
        return self.embeddings([id]).get(id)

    def embeddings(self, ids: Collection[str]) -> dict[str, FloatArray]:
        if not ids:
            return {}
        wanted = {"query": {"ids": {"values": list(ids)}}, "fields": [EMBEDDING], "_source": False}
        hits = self._hits({**wanted, "size": len(ids)})
        return {hit["_id"]: to_vector(hit["fields"][EMBEDDING]) for hit in hits}

    def embeddings_by_content(self, content_hashes: Collection[str]) -> dict[str, FloatArray]:
        wanted = list(content_hashes)
        found: dict[str, FloatArray] = {}
        for start in range(0, len(wanted), _AT_A_TIME):
            for hit in self._hits(bodies.by_content(wanted[start : start + _AT_A_TIME])):
                fields = hit["fields"]
                found[fields["content_hash"][0]] = to_vector(fields[EMBEDDING])
        return found

    def files(self, under: str) -> Iterator[FileState]:
        """See the protocol; where a node is lost meanwhile it begins anew, so that some come twice."""
        body = {"query": bodies.below(under), "_source": list(STATE_FIELDS)}
        for tries_left in reversed(range(_TRIES)):
            try:
                yield from (to_file_state(hit["_source"]) for hit in self.scan(body))
            except ReadingLost:
                if not tries_left:
                    raise
            else:
                return

    def sources(self) -> Sequence[str]:
        found = self._search(bodies.sources()).get("aggregations", {}).get("sources", {"buckets": []})
        return sorted(bucket["key"] for bucket in found["buckets"])

    def scan(self, body: dict[str, Any], size: int = 5_000) -> Iterator[Mapping[str, Any]]:
        """All hits of a search, in no order, as of one point in time.

        Raises ReadingLost if a node that holds that point in time was lost.
        """
        if versions.current(self._client, self._where) is None:
            return
        opened = self._client.ask(lambda es: es.open_point_in_time(index=self._where, keep_alive=_KEEP_ALIVE))
        pit = {"id": opened["id"], "keep_alive": _KEEP_ALIVE}
        page = {**body, "size": size, "sort": ["_shard_doc"], "track_total_hits": False, "pit": pit}
        try:
            while True:
                answer = self._client.ask(lambda es: es.search(body=page, allow_partial_search_results=False))
                pit["id"] = answer["pit_id"]  # it changes where another copy takes over
                hits = answer["hits"]["hits"]
                yield from hits
                if len(hits) < size:
                    return
                page["search_after"] = hits[-1]["sort"]
        finally:
            with suppress(StoreUnavailable):  # it ends by itself
                leaving = self._client.hurried(_GOODBYE_SECONDS)
                leaving.ask(lambda es: es.close_point_in_time(id=pit["id"]))

    # --- asking

    def knn(self, query: Knn) -> Page:
        bound = self if self._index else self.current()
        if bound._index is None:
            return Page((), total=0, reachable=0)
        for _ in range(_TRIES):
            page, whole = bound._page(query, bound._index)
            if whole or query.window.offset:
                break
        return page

    def _page(self, query: Knn, index: Version) -> tuple[Page, bool]:
        """The window of the ranking; and whether none of its pictures vanished since they were ranked."""
        ranking = self._ranked(query, index)
        reachable = len(ranking.found) if query.similarity is not None else min(ranking.total, REACH)
        reachable = min(reachable, query.k or REACH)
        start = query.window.offset
        shown = ranking.found[start : min(start + query.window.limit, reachable)]
        pictures = self.pictures([scored.id for scored in shown], realtime=False)
        hits = tuple(Hit(pictures[s.id], min(max(s.score, 0.0), 1.0)) for s in shown if s.id in pictures)
        return Page(hits, total=ranking.total, reachable=reachable), len(hits) == len(shown)

    def _ranked(self, query: Knn, index: Version) -> Ranking:
        """The ranking as far as the window goes; on later pages as the first saw it."""
        session = _session(query, index)
        ranking = (self._sessions.get(session) if query.window.offset else None) or Ranking()
        needed = min(query.window.offset + query.window.limit, query.k or REACH, REACH)
        if query.similarity is not None:
            needed = query.k or REACH  # only the end of the ranking tells how long it is
        for looked, last in steps(index.num_candidates, query.num_candidates, query.k):
            if ranking.whole or len(ranking.found) >= needed:
                break
            if looked > ranking.looked:
                ranking = self._extended(ranking, query, index, looked, last)
        self._sessions.keep(session, ranking)
        return ranking

    def _extended(self, ranking: Ranking, query: Knn, index: Version, looked: int, last: bool) -> Ranking:
        section = bodies.knn(
            query.vector,
            looked,
            looked,
            filters=query.filters,
            similarity=query.similarity,
            oversample=index.oversample,
        )
        asked = [bodies.ranking(section)]
        if not ranking.looked:
            asked.append(bodies.counting(query.filters))
        answers = self._answers(asked, query)
        newly = [Scored(hit["sort"][1], hit["sort"][0]) for hit in answers[0]["hits"]["hits"]]
        total = ranking.total if ranking.looked else answers[1]["hits"]["total"]["value"]
        if query.similarity is None and len(newly) < looked:
            total = len(newly)  # all that pass were found: counted in the same moment as they were ranked
        return ranking.extended(newly, looked, total, last=last)

    def _answers(self, asked: list[dict[str, Any]], query: Knn) -> list[Mapping[str, Any]]:
        try:
            return self._searches(asked)
        except StoreUnreachable:
            raise
        except StoreUnavailable as error:
            if isinstance(query.vector, ModelText):
                # Whatever it was, the search can still be made with words that are encoded here.
                raise TextModelUnavailable(str(error)) from error
            raise

    def containing(self, words: str, filters: Filters, size: int) -> Sequence[str]:
        return [hit["sort"][1] for hit in self._hits(bodies.lexical_ranking(words, filters, size))]

    def texts(self, asked: TextEncoding) -> QueryTexts:
        return ElasticTexts(self._client, asked)

    def browse(self, filters: Filters, window: Window) -> Page:
        limit = min(window.limit, REACH - window.offset)
        body = bodies.browsing(filters, Window(min(window.offset, REACH), max(limit, 0)))
        answer = self._search(body)
        total = answer["hits"].get("total", {"value": 0})["value"]
        hits = tuple(Hit(to_picture(hit["_source"])) for hit in answer["hits"]["hits"])
        return Page(hits, total=total, reachable=min(total, REACH))

    def facets(self, filters: Filters, size: int = 50) -> Facets:
        found = self._search(bodies.facets(filters, size)).get("aggregations")
        if found is None:
            return Facets()

        def counts(name: str, key: str = "key") -> tuple[FacetCount, ...]:
            return tuple(FacetCount(b[key], b["doc_count"]) for b in found[name]["buckets"][:size])

        return Facets(counts("tags"), counts("groups"), counts("authors"), counts("years", "key_as_string"))

    def count(self, filters: Filters = NO_FILTERS) -> int:
        total: int = self._search(bodies.counting(filters))["hits"]["total"]["value"]
        return total

    def status(self, seconds: float) -> StoreStatus:
        quick = ElasticStore(self._client.hurried(seconds), self._alias, self._plan).current()
        return look(quick._client, quick._index.name if quick._index else None, quick.count)

    # --- requests

    @property
    def _where(self) -> str:
        return self._index.name if self._index else self._alias

    def _hits(self, body: dict[str, Any]) -> list[Mapping[str, Any]]:
        hits: list[Mapping[str, Any]] = self._search(body)["hits"]["hits"]
        return hits

    def _search(self, body: dict[str, Any]) -> Mapping[str, Any]:
        return self._searches([body])[0]

    def _searches(self, asked: Sequence[dict[str, Any]]) -> list[Mapping[str, Any]]:
        """Several searches in one request; none of them is answered in part only."""
        header = {
            "index": self._where,
            "ignore_unavailable": True,
            "allow_partial_search_results": False,
            "preference": self._sessions.copies,
        }
        try:
            return self._client.ask_each([(header, body) for body in asked], _multi_search)
        except StoreUnreachable:
            self._sessions.try_other_copies()
            raise

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_elastic(location: str, settings: Settings, patience: float | None = None) -> ElasticStore:
    """The store at `location`, with the settings of the connection; nothing is asked yet."""
    return ElasticStore(connect(settings, location, patience), settings.index, plan_of(settings))


def _multi_search(es: Elasticsearch, searches: Sequence[_Search]) -> list[Answer]:
    lines = [line for search in searches for line in search]
    answers: list[Answer] = es.msearch(searches=lines)["responses"]
    return answers


def _session(query: Knn, index: Version) -> Hashable:
    vector = query.vector if isinstance(query.vector, ModelText) else query.vector.tobytes()
    return index.name, vector, query.k, query.num_candidates, query.similarity, query.filters
