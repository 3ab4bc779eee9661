"""Bulk requests, until each document is acknowledged or refused for good.

The client's own helpers try nothing again unless told to, and let connection errors through.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from elasticsearch import Elasticsearch

from imagesearch.elastic.client import Answer, Client
from imagesearch.elastic.failures import reason, refused
from imagesearch.errors import StoreUnavailable

# About 2 MB at 512 dimensions: larger requests are no faster and hold more memory on both sides.
_AT_A_TIME = 500


@dataclass(frozen=True)
class Action:
    """One document to write or to delete, as the lines of a bulk request."""

    lines: tuple[Mapping[str, Any], ...]


def index_action(id: str, document: Mapping[str, Any]) -> Action:
    """Write `document`, in the place of what has this id."""
    return Action(({"index": {"_id": id}}, document))


def delete_action(id: str) -> Action:
    """Delete what has this id."""
    return Action(({"delete": {"_id": id}},))


def send(client: Client, index: str, actions: Iterable[Action], *, refresh: bool, alias: bool = True) -> int:
    """Carry out all of `actions`; gives how many of those to delete were there.

    What is refused for a passing reason is sent again, alone. `alias`: an index that is missing is an
    error, and not made on the fly. Raises StoreUnavailable or a kind of it; what came before is written.
    """

    def bulk(es: Elasticsearch, some: Sequence[Action]) -> list[Answer]:
        answer = es.bulk(
            index=index,
            operations=[line for action in some for line in action.lines],
            refresh=refresh,
            require_alias=alias or None,
            # Shorter than our own, so that a shard without a node is told apart from no answer at all.
            timeout="10s",
        )
        return [next(iter(item.values())) for item in answer["items"]]

    deleted = 0
    left = iter(actions)
    while chunk := list(islice(left, _AT_A_TIME)):
        results = client.ask_each(chunk, bulk, partial(_accepted, place=client.place))
        deleted += sum(r["result"] == "deleted" for r in results)
    return deleted


def _accepted(result: Answer, place: str) -> Answer:
    """`result` unless it is a refusal; that a document to delete was not there is none."""
    if "error" not in result:
        return result
    if result["status"] in (400, 413):
        raise StoreUnavailable(
            f"Elasticsearch at {place} does not take the picture {result.get('_id')} ({reason(result)})."
        )
    raise refused(result["status"], result, place)
