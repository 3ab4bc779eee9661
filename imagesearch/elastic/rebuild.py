"""Filling the next index from the one in use, while searches go on, and taking its place.

The index in use takes no writes meanwhile, so that nothing written is left behind. Everything here may be
done again: a rebuild that was interrupted goes on where it was.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imagesearch.elastic import bodies, versions
from imagesearch.elastic.bulk import index_action, send
from imagesearch.elastic.client import Client
from imagesearch.elastic.documents import to_document, to_picture, to_vector
from imagesearch.elastic.mapping import EMBEDDING, IndexPlan, loading_settings, serving_settings
from imagesearch.elastic.store import ElasticStore
from imagesearch.elastic.versions import Version
from imagesearch.errors import StoreUnavailable
from imagesearch.records import Entry, FloatArray, ModelIdentity, Picture

_AT_A_TIME = 500
# How many pictures are looked up in the new index before it is used.
_SAMPLE = 100


@dataclass(frozen=True)
class Stored:
    """A picture as the index in use has it; `embedding` is float32, shape (dims,), unit length."""

    picture: Picture
    embedding: FloatArray


@dataclass(frozen=True)
class Rebuild:
    """From the index in use, `source`, to the next one, `target`."""

    client: Client
    alias: str
    plan: IndexPlan
    source: Version
    target: Version

    def total(self) -> int:
        """How many pictures there are to bring over."""
        return self._store(self.source).count()

    def waiting(self) -> Iterator[list[Stored]]:
        """The pictures that are not in the new index yet, some at a time."""
        wanted = {"query": {"match_all": {}}, "_source": True, "fields": [EMBEDDING]}
        chunk: list[Stored] = []
        for hit in self._store(self.source).scan(wanted, size=_AT_A_TIME):
            embedding = to_vector(hit["fields"][EMBEDDING])
            chunk.append(Stored(to_picture(hit["_source"]), embedding))
            if len(chunk) == _AT_A_TIME:
                yield self._missing(chunk)
                chunk = []
        if chunk:
            yield self._missing(chunk)

    def add(self, pictures: Sequence[Stored]) -> None:
        """Write into the new index, with the fields that an older version of this program did not write."""
        actions = [
            index_action(stored.picture.id, to_document(Entry(stored.picture, stored.embedding)))
            for stored in pictures
        ]
        send(self.client, self.target.name, actions, refresh=False, alias=False)

    def finish(self) -> None:
        """Make everything findable, with copies, as in any index that is searched."""
        name = self.target.name
        versions.change(self.client, name, serving_settings(self.plan))
        self.client.ask(lambda es: es.indices.refresh(index=name))
        # Answers 408 while shards still start, which is asked again.
        health = self.client.ask(
            lambda es: es.cluster.health(index=name, wait_for_no_initializing_shards=True, timeout="20s")
        )
        if health["status"] == "red":
            raise StoreUnavailable(
                f"The new index {name!r} is {health['status']}: its shards have no place. Look at "
                "_cluster/allocation/explain, then run the same again."
            )

    def check(self, left_out: int, *, copied: bool) -> int:
        """Hold the new index against the one in use; gives how many pictures were looked up.

        Raises StoreUnavailable, before anything was changed for searches, if it is not what it should be.
        """
        old, new = self._store(self.source), self._store(self.target)
        expected, found = old.count() - left_out, new.count()
        if expected != found:
            raise StoreUnavailable(
                f"The new index {self.target.name!r} holds {found} pictures, not {expected}. Run the same "
                "again, or give it up with --abort."
            )
        sample = self._sample()
        was, now = old.embeddings(sample), new.embeddings(sample)
        for id in sample:
            wrong = copied and not np.allclose(was[id], now[id], atol=1e-6)
            if wrong or id not in self._nearest(now[id]):
                raise StoreUnavailable(
                    f"The new index {self.target.name!r} does not find the picture {id} by itself. It was "
                    "not put to use; give it up with --abort."
                )
        return len(sample)

    def swap(self) -> None:
        """Put the new index in the place of the old, in one step; the old one is kept."""
        versions.describe(self.client, replace(self.target, filling=False))
        versions.point(self.client, self.alias, self.source.name, self.target.name)

    def _missing(self, chunk: list[Stored]) -> list[Stored]:
        ids = [stored.picture.id for stored in chunk]
        docs = self.client.ask(lambda es: es.mget(index=self.target.name, ids=ids, source=False))["docs"]
        there = {doc["_id"] for doc in docs if doc["found"]}
        return [stored for stored in chunk if stored.picture.id not in there]

    def _sample(self) -> list[str]:
        at_random: dict[str, Any] = {"function_score": {"query": {"match_all": {}}, "random_score": {}}}
        body = {"query": at_random, "size": _SAMPLE, "_source": False}
        answer = self.client.ask(lambda es: es.search(index=self.target.name, body=body))
        return [hit["_id"] for hit in answer["hits"]["hits"]]

    def _nearest(self, embedding: FloatArray) -> list[str]:
        """What scores as well as the best: equal pictures have equal embeddings."""
        section = bodies.knn(embedding, 100, 100, oversample=self.target.oversample)
        body = bodies.ranking(section)
        answer = self.client.ask(lambda es: es.search(index=self.target.name, body=body))
        hits = answer["hits"]["hits"]
        best = hits[0]["sort"][0] if hits else 0
        return [hit["sort"][1] for hit in hits if hit["sort"][0] >= best - 1e-4]

    def _store(self, version: Version) -> ElasticStore:
        return ElasticStore(self.client, self.alias, self.plan, version)


def begin(client: Client, alias: str, plan: IndexPlan, model: ModelIdentity | None) -> Rebuild:
    """The rebuild that is under way, or a new one; with `model`, of embeddings of that model.

    Raises StoreUnavailable if there is nothing to rebuild.
    """
    source = _source(client, alias)
    identity = model or source.model
    target = _under_way(client, alias, source)
    if target and (target.type, target.model) != (plan.type, identity):
        versions.drop(client, target.name)
        target = None
    versions.block(client, source)
    if target is None:
        dims = identity.dims if identity else source.dims
        target = versions.create(client, alias, plan, dims, identity, previous=source.name)
    versions.change(client, target.name, loading_settings(alone=True))
    return Rebuild(client, alias, plan, source, target)


def abort(client: Client, alias: str) -> str | None:
    """Give up the rebuild that is under way; the name of the index that it was filling."""
    source = _source(client, alias)
    target = _under_way(client, alias, source)
    if target:
        versions.drop(client, target.name)
    versions.unblock(client, source.name)
    return target.name if target else None


def roll_back(client: Client, alias: str) -> tuple[str, str]:
    """Put the index before the one in use back in its place; the names of the two, as they are now."""
    now = _source(client, alias)
    if now.previous is None or now.previous not in versions.names(client, alias):
        raise StoreUnavailable(f"There is no index before {now.name!r} to go back to.")
    versions.unblock(client, now.previous)
    versions.point(client, alias, now.name, now.previous)
    versions.block(client, now)
    return now.previous, now.name


def drop_old(client: Client, alias: str) -> list[str]:
    """Delete all indices of this alias but the one in use; their names."""
    now = _source(client, alias)
    if versions.is_blocked(client, now):
        raise StoreUnavailable(
            f"The index {now.name!r} is being rebuilt. Let that end, or give it up with --abort, before "
            "anything is dropped."
        )
    old = [name for name in versions.names(client, alias) if name != now.name]
    for name in old:
        versions.drop(client, name)
    return old


def _source(client: Client, alias: str) -> Version:
    found = versions.current(client, alias)
    if found is None:
        raise StoreUnavailable(
            f"There is no index {alias!r} in Elasticsearch at {client.place}. Make one: python -m ingest "
            f"--store {client.place} --index {alias} <your pictures>."
        )
    return found


def _under_way(client: Client, alias: str, source: Version) -> Version | None:
    """The index that an interrupted rebuild was filling."""
    newer = [name for name in versions.names(client, alias) if name > source.name]
    found = (versions.current(client, name) for name in newer)
    return next((v for v in found if v and v.filling and v.previous == source.name), None)
