"""Searches of one index: several in one request, or one after another through all that there is."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from elasticsearch import Elasticsearch

from imagesearch.elastic import bodies, versions
from imagesearch.elastic.client import Answer, Client
from imagesearch.elastic.ranking import Sessions
from imagesearch.errors import StoreUnavailable, StoreUnreachable

Hit = Mapping[str, Any]

_KEEP_ALIVE = "5m"
# How many seconds the end of a point in time may take.
_GOODBYE_SECONDS = 10
_AT_A_TIME = 5_000


# A header and a body.
_Search = tuple[dict[str, Any], dict[str, Any]]


@dataclass(frozen=True)
class Searches:
    """Asks `index`, which may be an alias, and may not be there yet; none is answered in part only."""

    client: Client
    index: str
    sessions: Sessions

    def one(self, body: dict[str, Any]) -> Mapping[str, Any]:
        """The answer to one search."""
        return self.several([body])[0]

    def hits(self, body: dict[str, Any]) -> list[Hit]:
        """The hits of one search."""
        hits: list[Hit] = self.one(body)["hits"]["hits"]
        return hits

    def sources(self) -> list[str]:
        """The sources of all that is there, sorted."""
        found = self.one(bodies.sources()).get("aggregations", {}).get("sources", {"buckets": []})
        return sorted(bucket["key"] for bucket in found["buckets"])

    def several(self, asked: Sequence[dict[str, Any]]) -> list[Mapping[str, Any]]:
        """The answers to several searches in one request."""
        header = {
            "index": self.index,
            "ignore_unavailable": True,
            "allow_partial_search_results": False,
            "preference": self.sessions.copies,
        }
        try:
            return self.client.ask_each([(header, body) for body in asked], _multi_search)
        except StoreUnreachable:
            self.sessions.try_other_copies()
            raise

    def in_order(self, body: dict[str, Any], field: str, size: int = _AT_A_TIME) -> Iterator[Hit]:
        """All hits in the order of `field`, which is different in each of them.

        Each page begins after the last value of the one before, so that it needs no point in time, which
        a node takes with it when it is lost; what is written meanwhile may be among them or not.
        """
        page = {**body, "size": size, "sort": [{field: "asc"}], "track_total_hits": False}
        while True:
            hits = self.hits(page)
            yield from hits
            if len(hits) < size:
                return
            page["search_after"] = hits[-1]["sort"]

    def scan(self, body: dict[str, Any], size: int = _AT_A_TIME) -> Iterator[Hit]:
        """All hits, in no order, as of one point in time.

        Raises ReadingLost if a node that holds that point in time was lost.
        """
        if versions.current(self.client, self.index) is None:
            return
        opened = self.client.ask(lambda es: es.open_point_in_time(index=self.index, keep_alive=_KEEP_ALIVE))
        pit = {"id": opened["id"], "keep_alive": _KEEP_ALIVE}
        page = {**body, "size": size, "sort": ["_shard_doc"], "track_total_hits": False, "pit": pit}
        try:
            while True:
                answer = self.client.ask(lambda es: es.search(body=page, allow_partial_search_results=False))
                pit["id"] = answer["pit_id"]  # it changes where another copy takes over
                hits = answer["hits"]["hits"]
                yield from hits
                if len(hits) < size:
                    return
                page["search_after"] = hits[-1]["sort"]
        finally:
            with suppress(StoreUnavailable):  # it ends by itself
                leaving = self.client.hurried(_GOODBYE_SECONDS)
                leaving.ask(lambda es: es.close_point_in_time(id=pit["id"]))


def _multi_search(es: Elasticsearch, searches: Sequence[_Search]) -> list[Answer]:
    lines = [line for search in searches for line in search]
    answers: list[Answer] = es.msearch(searches=lines)["responses"]
    return answers
