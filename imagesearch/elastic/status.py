"""How the index and what it stands on are, by a few short requests."""

from collections.abc import Callable, Mapping
from typing import Any

from elasticsearch import Elasticsearch

from imagesearch.elastic.client import Client
from imagesearch.errors import StoreDenied
from imagesearch.store import StoreStatus

# The settings that keep an index from being changed, and why they are usually there.
_BLOCKS = {
    "index.blocks.read_only_allow_delete": "a disk is over its flood-stage watermark",
    "index.blocks.write": "the index is being rebuilt",
    "index.blocks.read_only": "the index was made read-only",
}


def look(client: Client, index: str | None, count: Callable[[], int]) -> StoreStatus:
    """How `index` is; `count` counts its pictures. Raises StoreUnavailable or a kind of it."""
    licence = _if_allowed(client, lambda es: es.license.get()["license"])
    health = None
    if index is not None:
        health = _if_allowed(client, lambda es: es.cluster.health(index=index).body).get("status")
    return StoreStatus(
        pictures=None if health == "red" else count(),
        index=index,
        health=health,
        licence=licence.get("type"),
        licence_status=licence.get("status"),
        blocked=None if index is None else _blocked(client, index),
    )


def _if_allowed(client: Client, request: Callable[[Elasticsearch], Mapping[str, Any]]) -> Mapping[str, Any]:
    """What `request` gives; nothing where the key has no right to look: it may search all the same."""
    try:
        return client.ask(request)
    except StoreDenied:
        return {}


def _blocked(client: Client, index: str) -> str | None:
    found = _if_allowed(
        client,
        lambda es: es.indices.get_settings(index=index, name="index.blocks.*", flat_settings=True).body,
    )
    settings = found.get(index, {}).get("settings", {})
    return next((why for block, why in _BLOCKS.items() if settings.get(block) == "true"), None)
