"""Bulk requests, until each document is acknowledged or refused for good.

The client's own helpers try nothing again unless told to, and let connection errors through.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from elasticsearch import Elasticsearch
from tenacity import RetryError, retry_if_result

from imagesearch.elastic.client import Client
from imagesearch.elastic.failures import PASSING, reason, refused
from imagesearch.errors import StoreUnavailable

# About 2 MB at 512 dimensions: larger requests are no faster and hold more memory on both sides.
_AT_A_TIME = 500


@dataclass(frozen=True)
class Action:
    """One document to write or to delete, as the lines of a bulk request."""

    lines: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Outcome:
    """How many documents were written, and how many of those to delete were there."""

    written: int = 0
    deleted: int = 0


def index_action(id: str, document: Mapping[str, Any]) -> Action:
    """Write `document`, in the place of what has this id."""
    return Action(({"index": {"_id": id}}, document))


def delete_action(id: str) -> Action:
    """Delete what has this id."""
    return Action(({"delete": {"_id": id}},))


def send(
    client: Client, index: str, actions: Iterable[Action], *, refresh: bool, alias: bool = True
) -> Outcome:
    """Carry out all of `actions` in order.

    What is refused for a passing reason is sent again, alone. `alias`: an index that is missing is an
    error, and not made on the fly. Raises StoreUnavailable or a kind of it; what came before is written.
    """
    written = deleted = 0
    left = iter(actions)
    while chunk := list(islice(left, _AT_A_TIME)):
        results = _sent(client, index, chunk, refresh, alias)
        written += sum(r["result"] in ("created", "updated") for r in results)
        deleted += sum(r["result"] == "deleted" for r in results)
    return Outcome(written, deleted)


def _sent(
    client: Client, index: str, actions: Sequence[Action], refresh: bool, alias: bool
) -> list[Mapping[str, Any]]:
    done: list[Mapping[str, Any]] = []
    left = list(actions)

    def attempt(es: Elasticsearch) -> list[Mapping[str, Any]]:
        """Send what is left; gives the refusals that may pass."""
        answer = es.bulk(
            index=index,
            operations=[line for action in left for line in action.lines],
            refresh=refresh,
            require_alias=alias or None,
            # Shorter than our own, so that a shard without a node is told apart from no answer at all.
            timeout="10s",
        )
        results = [next(iter(item.values())) for item in answer["items"]]
        again = [r["status"] in PASSING and "/12/" not in reason(r) for r in results]
        for result, passing in zip(results, again, strict=True):
            if not passing:
                done.append(_accepted(result, client.place))
        left[:] = [action for action, passing in zip(left, again, strict=True) if passing]
        return [result for result, passing in zip(results, again, strict=True) if passing]

    try:
        client.retrying(retry_if_result(bool))(client.ask, attempt)
    except RetryError as error:
        refusal = error.last_attempt.result()[0]
        raise refused(refusal["status"], refusal, client.place) from error
    return done


def _accepted(result: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    """`result` unless it is a refusal; that a document to delete was not there is none."""
    if "error" not in result:
        return result
    if result["status"] in (400, 413):
        raise StoreUnavailable(
            f"Elasticsearch at {place} does not take the picture {result.get('_id')} ({reason(result)})."
        )
    raise refused(result["status"], result, place)
