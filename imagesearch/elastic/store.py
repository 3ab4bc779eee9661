"""The store in Elasticsearch."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from threading import Event
from typing import Any, Self

from imagesearch.config import Settings, TextEncoding
from imagesearch.elastic import bodies, versions
from imagesearch.elastic.bulk import delete_action, index_action, send
from imagesearch.elastic.client import Client, connect
from imagesearch.elastic.documents import to_document, to_file_state, to_picture, to_vector
from imagesearch.elastic.failed import FailedFiles
from imagesearch.elastic.failures import ReadingLost
from imagesearch.elastic.loading import Loads
from imagesearch.elastic.mapping import EMBEDDING, IndexPlan, plan_of
from imagesearch.elastic.nearest import Nearest
from imagesearch.elastic.ranking import REACH, Sessions
from imagesearch.elastic.searches import Searches
from imagesearch.elastic.status import look
from imagesearch.elastic.texts import ElasticTexts
from imagesearch.elastic.versions import Version
from imagesearch.records import (
    FACETS,
    NO_FILTERS,
    Entry,
    FacetCount,
    Facets,
    Failure,
    FileState,
    Filters,
    FloatArray,
    Hit,
    Knn,
    ModelIdentity,
    Page,
    Picture,
    Window,
)
from imagesearch.store import Capabilities, StoreStatus, refuse_other_model
from imagesearch.texts import QueryTexts

_AT_A_TIME = 1_000
_TRIES = 3


class ElasticStore:
    """Pictures under the alias `alias`. Implements `imagesearch.store.Store`.

    Reads go to `index` if that is given: what `current` gives, so that one request sees one index.
    """

    capabilities = Capabilities(name="elasticsearch", exact=False, reach=REACH)

    def __init__(
        self,
        client: Client,
        alias: str,
        plan: IndexPlan,
        index: Version | None = None,
        sessions: Sessions | None = None,
    ) -> None:
        self._client = client
        self._alias = alias
        self._plan = plan
        self._index = index
        self._searches = Searches(client, index.name if index else alias, sessions or Sessions())
        self._loads = Loads(client, alias, plan)
        self._failed = FailedFiles(client, alias, plan)

    @property
    def place(self) -> str:
        return f"{self._searches.index!r} in Elasticsearch at {self._client.place}"

    def current(self) -> "ElasticStore":
        """This store, bound to the index that the alias names now."""
        index = versions.current(self._client, self._alias)
        if index is None:
            return self
        return ElasticStore(self._client, self._alias, self._plan, index, self._searches.sessions)

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
        versions.bring_up_to_date(self._client, self._ensured(len(entries[0].embedding)))
        # The last of equal ids counts, also if the first is refused and sent again.
        written = {entry.picture.id: entry for entry in entries}
        actions = [index_action(id, to_document(entry)) for id, entry in written.items()]
        actions += [delete_action(id) for id in replacing if id not in written]
        send(self._client, self._alias, actions, refresh=self._loads.findable_at_once())
        self._failed.forget_written(written.keys())

    def delete(self, ids: Collection[str]) -> int:
        if not ids or versions.current(self._client, self._alias) is None:
            return 0
        return send(
            self._client, self._alias, map(delete_action, ids), refresh=self._loads.findable_at_once()
        )

    def fail(self, failures: Sequence[Failure]) -> None:
        self._failed.add(failures)

    def forgive(self, ids: Collection[str]) -> int:
        return self._failed.forget(ids)

    def loading(self, *, alone: bool = False) -> AbstractContextManager[None]:
        return self._loads.under_way(alone=alone)

    def _ensured(self, dims: int, model: ModelIdentity | None = None) -> Version:
        found = versions.current(self._client, self._alias)
        if found is None:
            found = versions.create(self._client, self._alias, self._plan, dims, model)
            self._loads.take_in_new()
        return found

    # --- reading by id or path

    def get(self, id: str) -> Picture | None:
        return self.pictures([id]).get(id)

    def pictures(self, ids: Collection[str], *, realtime: bool = True) -> dict[str, Picture]:
        """See the protocol; not `realtime`: as searches see them."""
        if not ids:
            return {}
        index = self._searches.index
        docs = self._client.ask(lambda es: es.mget(index=index, ids=list(ids), realtime=realtime))["docs"]
        return {doc["_id"]: to_picture(doc["_source"]) for doc in docs if doc.get("found")}

    def embedding(self, id: str) -> FloatArray | None:
        return self.embeddings([id]).get(id)

    def embeddings(self, ids: Collection[str]) -> dict[str, FloatArray]:
        if not ids:
            return {}
        wanted = {"query": {"ids": {"values": list(ids)}}, "fields": [EMBEDDING], "_source": False}
        hits = self._searches.hits({**wanted, "size": len(ids)})
        return {hit["_id"]: to_vector(hit["fields"][EMBEDDING]) for hit in hits}

    def embeddings_by_content(self, content_hashes: Collection[str]) -> dict[str, FloatArray]:
        found: dict[str, FloatArray] = {}
        for some in _chunks(content_hashes):
            for hit in self._searches.hits(bodies.by_content(some)):
                fields = hit["fields"]
                found[fields["content_hash"][0]] = to_vector(fields[EMBEDDING])
        return found

    def pictures_by_content(self, content_hashes: Collection[str]) -> dict[str, list[Picture]]:
        found: dict[str, list[Picture]] = defaultdict(list)
        for some in _chunks(content_hashes):
            for hit in self._searches.in_order(bodies.with_content(some), "image_id"):
                picture = to_picture(hit["_source"])
                found[picture.content_hash].append(picture)
        return dict(found)

    def files_of(self, source: str, within: str = "") -> Iterator[FileState]:
        hits = self._searches.in_order(bodies.states(source, within), "relative_path")
        return (to_file_state(source, hit["sort"][0], hit["fields"]) for hit in hits)

    def failed_sources(self) -> Sequence[str]:
        return self._failed.sources()

    def failures_of(self, source: str, within: str = "") -> Iterator[Failure]:
        return self._failed.of(source, within)

    def files(self, under: str) -> Iterator[Picture]:
        """See the protocol; where a node is lost meanwhile it begins anew, so that some come twice."""
        for tries_left in reversed(range(_TRIES)):
            try:
                yield from (to_picture(hit["_source"]) for hit in self.scan({"query": bodies.below(under)}))
            except ReadingLost:
                if not tries_left:
                    raise
            else:
                return

    def sources(self) -> Sequence[str]:
        return self._searches.sources()

    def scan(self, body: dict[str, Any], size: int = 5_000) -> Iterator[Mapping[str, Any]]:
        """See Searches.scan."""
        return self._searches.scan(body, size)

    # --- asking

    def knn(self, query: Knn) -> Page:
        bound = self if self._index else self.current()
        if bound._index is None:
            return Page((), total=0, reachable=0)
        return Nearest(bound._searches, bound._index, bound._as_searched).page(query)

    def _as_searched(self, ids: Collection[str]) -> dict[str, Picture]:
        return self.pictures(ids, realtime=False)

    def containing(self, words: str, filters: Filters, size: int) -> Sequence[str]:
        return [hit["sort"][1] for hit in self._searches.hits(bodies.lexical_ranking(words, filters, size))]

    def texts(self, asked: TextEncoding) -> QueryTexts:
        return ElasticTexts(self._client, asked)

    def browse(self, filters: Filters, window: Window) -> Page:
        limit = min(window.limit, REACH - window.offset)
        body = bodies.browsing(filters, Window(min(window.offset, REACH), max(limit, 0)))
        answer = self._searches.one(body)
        total = answer["hits"].get("total", {"value": 0})["value"]
        hits = tuple(Hit(to_picture(hit["_source"])) for hit in answer["hits"]["hits"])
        return Page(hits, total=total, reachable=min(total, REACH))

    def facets(self, filters: Filters, size: int = 50, kinds: Collection[str] = FACETS) -> Facets:
        found = self._searches.one(bodies.facets(filters, size, kinds)).get("aggregations", {})

        def counts(kind: str) -> tuple[FacetCount, ...]:
            buckets = found[kind]["buckets"][:size]
            return tuple(FacetCount(str(b.get("key_as_string", b["key"])), b["doc_count"]) for b in buckets)

        return Facets(**{kind: counts(kind) for kind in found})

    def count(self, filters: Filters = NO_FILTERS) -> int:
        total: int = self._searches.one(bodies.counting(filters))["hits"]["total"]["value"]
        return total

    def status(self, seconds: float) -> StoreStatus:
        quick = ElasticStore(self._client.hurried(seconds), self._alias, self._plan).current()
        return look(quick._client, quick._index.name if quick._index else None, quick.count)

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_elastic(
    location: str, settings: Settings, patience: float | None = None, stop: Event | None = None
) -> ElasticStore:
    """The store at `location`, with the settings of the connection; nothing is asked yet."""
    return ElasticStore(connect(settings, location, patience, stop), settings.index, plan_of(settings))


def _chunks(values: Collection[str]) -> Iterator[list[str]]:
    """Elasticsearch takes a limited number of terms in one search."""
    given = list(values)
    return (given[i : i + _AT_A_TIME] for i in range(0, len(given), _AT_A_TIME))
