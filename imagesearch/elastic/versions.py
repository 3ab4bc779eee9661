"""An alias, and the numbered indices of which it names one.

Readers resolve the alias once for each request; a rebuild fills the next index and moves the alias.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from elasticsearch import BadRequestError, Elasticsearch, NotFoundError

from imagesearch.config import IndexType
from imagesearch.elastic.client import Client
from imagesearch.elastic.failures import is_foreign
from imagesearch.elastic.mapping import (
    CANDIDATES,
    EMBEDDING,
    OVERSAMPLE,
    IndexPlan,
    index_body,
    lacking_fields,
)
from imagesearch.errors import StoreDenied, StoreUnavailable
from imagesearch.records import ModelIdentity

# The master makes a change at once; for a node that hangs, its acknowledgement is not waited longer.
ACKNOWLEDGED_IN = "10s"


@dataclass(frozen=True)
class Version:
    """One concrete index. `previous` is the one whose place it takes, `filling` while that is to come.

    `properties` are its fields, as its mapping has them.
    """

    name: str
    type: str
    dims: int
    model: ModelIdentity | None
    previous: str | None
    filling: bool = False
    properties: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def oversample(self) -> float | None:
        """For the knn section, so that scores are exact cosines."""
        return OVERSAMPLE.get(cast(IndexType, self.type))

    @property
    def num_candidates(self) -> int:
        """How many candidates to look at when nobody says."""
        return CANDIDATES.get(cast(IndexType, self.type), CANDIDATES["bbq_hnsw"])


def current(client: Client, alias: str) -> Version | None:
    """What the alias names now; None if there is no such alias yet.

    Raises StoreUnavailable if it names several, or an index that is not one of ours.
    """

    def look(es: Elasticsearch) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = es.indices.get_mapping(index=alias).body
        except NotFoundError as error:
            if is_foreign(error):
                raise
            return {}
        return answer

    found = client.ask(look)
    if not found:
        return None
    if len(found) > 1:
        raise StoreUnavailable(
            f"The alias {alias!r} in Elasticsearch at {client.place} names {len(found)} indices: "
            f"{', '.join(sorted(found))}. Take it away from all but one."
        )
    name, content = next(iter(found.items()))
    return _version(name, content.get("mappings", {}), client.place)


def create(
    client: Client,
    alias: str,
    plan: IndexPlan,
    dims: int,
    model: ModelIdentity | None = None,
    *,
    previous: str | None = None,
) -> Version:
    """The first index, under its alias (or the one that is already there).

    With `previous`, the next one instead, without the alias, to be filled from that.
    """
    name = f"{alias}-{_highest(client, alias) + 1:06}" if previous else f"{alias}-000001"
    # With the model in it from the start: of two that come with different models only one can be first.
    body = index_body(plan, dims, meta=_meta(model, previous, filling=previous is not None))
    if not previous:
        body["aliases"] = {alias: {"is_write_index": True}}

    make(client, name, body)
    found = current(client, name if previous else alias)
    if found is None:
        raise StoreUnavailable(
            f"Elasticsearch at {client.place} has an index {name!r} without the alias {alias!r}. Delete that "
            "index if nothing needs it, or choose another alias with INDEX."
        )
    return found


def make(client: Client, name: str, body: Mapping[str, Any]) -> None:
    """Make the concrete index `name`, if it is not there yet."""

    def attempt(es: Elasticsearch) -> None:
        try:
            es.indices.create(index=name, wait_for_active_shards="1", timeout=ACKNOWLEDGED_IN, **body)
        except BadRequestError as error:
            # Another writer was first, or our own first try was answered too late.
            if error.error != "resource_already_exists_exception":
                raise

    client.ask(attempt)


def describe(client: Client, version: Version) -> None:
    """Write into the index's `_meta` what `version` says of it."""
    meta = _meta(version.model, version.previous, filling=version.filling)
    client.ask(lambda es: es.indices.put_mapping(index=version.name, meta=meta, timeout=ACKNOWLEDGED_IN))


def bring_up_to_date(client: Client, version: Version) -> None:
    """Give an index that an older version of this program made the fields that it lacks.

    Raises StoreDenied, with the way out, where the key may not.
    """
    if not (fields := lacking_fields(version.properties)):
        return
    try:
        client.ask(
            lambda es: es.indices.put_mapping(index=version.name, properties=fields, timeout=ACKNOWLEDGED_IN)
        )
    except StoreDenied as error:
        raise StoreDenied(
            f"The index {version.name!r} was made by an older version of this program, and this key may not "
            "add the fields that it lacks. Run python -m ingest once, with its own key."
        ) from error


def _meta(model: ModelIdentity | None, previous: str | None, *, filling: bool) -> dict[str, Any]:
    known = model and {
        "name": model.name,
        "dims": model.dims,
        "fingerprint": model.fingerprint,
        "reference": model.reference,
    }
    return {"version": 1, "model": known, "previous": previous, "filling": filling}


def names(client: Client, alias: str) -> list[str]:
    """All indices under the names of this alias, oldest first."""
    found = client.ask(
        lambda es: es.indices.get(
            index=f"{alias}-*", filter_path="*.settings.index.uuid", expand_wildcards="open,closed"
        )
    )
    return sorted(name for name in found.body if name.removeprefix(f"{alias}-").isdigit())


def _highest(client: Client, alias: str) -> int:
    return max((int(name.removeprefix(f"{alias}-")) for name in names(client, alias)), default=0)


def _version(name: str, mappings: Mapping[str, Any], place: str) -> Version:
    properties = mappings.get("properties", {})
    embedding = properties.get(EMBEDDING)
    meta = mappings.get("_meta", {})
    if embedding is None or meta.get("version") != 1:
        raise StoreUnavailable(
            f"The index {name!r} in Elasticsearch at {place} is not one that this program made (or a newer "
            "version of it did). Choose another alias with INDEX."
        )
    model = meta.get("model")
    return Version(
        name=name,
        type=embedding["index_options"]["type"],
        dims=embedding["dims"],
        model=ModelIdentity(**model) if model else None,
        previous=meta.get("previous"),
        filling=meta.get("filling", False),
        properties=properties,
    )


def change(client: Client, name: str, settings: dict[str, Any]) -> None:
    """Change settings of the index `name`."""
    body = {"index": settings}
    client.ask(lambda es: es.indices.put_settings(index=name, settings=body, timeout=ACKNOWLEDGED_IN))


def block(client: Client, version: Version) -> None:
    """Let the index take no more writes; searches go on."""
    client.ask(lambda es: es.indices.add_block(index=version.name, block="write", timeout=ACKNOWLEDGED_IN))


def unblock(client: Client, name: str) -> None:
    """Let the index take writes again."""
    change(client, name, {"blocks.write": None})


def is_blocked(client: Client, version: Version) -> bool:
    """Whether the index takes no writes because somebody said so."""
    answer = client.ask(lambda es: es.indices.get_settings(index=version.name, name="index.blocks.write"))
    found = answer.body.get(version.name, {}).get("settings", {}).get("index", {}).get("blocks", {})
    return str(found.get("write")) == "true"


def point(client: Client, alias: str, old: str, new: str) -> None:
    """Let the alias name `new` and no longer `old`, in one step."""
    actions: list[dict[str, Any]] = [
        {"remove": {"index": old, "alias": alias}},
        {"add": {"index": new, "alias": alias, "is_write_index": True}},
    ]
    client.ask(lambda es: es.indices.update_aliases(actions=actions, timeout=ACKNOWLEDGED_IN))


def drop(client: Client, name: str) -> None:
    """Delete a concrete index."""
    client.ask(lambda es: es.indices.delete(index=name, ignore_unavailable=True))
