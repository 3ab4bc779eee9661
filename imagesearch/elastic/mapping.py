"""The index as `es-mappings/pictures.json` has it, with what is set filled in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from imagesearch.config import PROJECT, IndexType, Settings

MAPPING_FILE = PROJECT / "es-mappings" / "pictures.json"
FAILURES_FILE = PROJECT / "es-mappings" / "failures.json"
EMBEDDING = "image_embedding"

# How many candidates a search looks at when nobody says, by what the graph holds: where the curves of
# recall level off, also for queries in words and under filters (docs/knn.md).
CANDIDATES: dict[IndexType, int] = {"hnsw": 500, "int8_hnsw": 500, "int4_hnsw": 500, "bbq_hnsw": 1_000}
# How many times k candidates are scored again with the floats, which makes scores exact cosines. We ask for
# k = num_candidates, so that more than 1 would only be another way to ask for more candidates.
OVERSAMPLE: dict[IndexType, float | None] = {
    "hnsw": None,
    "int8_hnsw": 1.0,
    "int4_hnsw": 1.0,
    "bbq_hnsw": 1.0,
}


@dataclass(frozen=True)
class IndexPlan:
    """What a new index is made like. `replicas` of None: one, where there is a second node."""

    type: IndexType = "int8_hnsw"
    shards: int = 1
    replicas: int | None = None


def plan_of(settings: Settings) -> IndexPlan:
    """What the settings say of a new index."""
    return IndexPlan(settings.index_type, settings.shards, settings.replicas)


def index_body(plan: IndexPlan, dims: int, meta: dict[str, Any]) -> dict[str, Any]:
    """`settings` and `mappings` of a new index for embeddings of `dims` dimensions."""
    body = _read(MAPPING_FILE)
    body["settings"]["index"] |= {"number_of_shards": plan.shards, **copies(plan)}
    embedding = body["mappings"]["properties"][EMBEDDING]
    embedding["dims"] = dims
    embedding["index_options"]["type"] = plan.type
    body["mappings"]["_meta"] = meta
    return body


def failures_body(plan: IndexPlan) -> dict[str, Any]:
    """`settings` and `mappings` of a new index for failures."""
    body = _read(FAILURES_FILE)
    body["settings"]["index"] |= copies(plan)
    return body


def lacking_fields(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of pictures that the index with these `properties` does not have yet."""
    return _lacking(_picture_fields(), properties)


@cache
def _picture_fields() -> Mapping[str, Any]:
    """Read once: it is held against the index before every write."""
    fields: Mapping[str, Any] = _read(MAPPING_FILE)["mappings"]["properties"]
    return fields


def _lacking(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    lacking: dict[str, Any] = {}
    for name, field in wanted.items():
        if name not in there:
            lacking[name] = field
        elif inner := _lacking(field.get("properties", {}), there[name].get("properties", {})):
            lacking[name] = {"properties": inner}
    return lacking


def _read(file: Path) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return body


def copies(plan: IndexPlan) -> dict[str, Any]:
    """The settings of the shards' copies."""
    if plan.replicas is None:
        return {"auto_expand_replicas": "0-1"}
    return {"auto_expand_replicas": False, "number_of_replicas": plan.replicas}


def serving_settings(plan: IndexPlan) -> dict[str, Any]:
    """The settings that an index has when it is not being filled."""
    body = _read(MAPPING_FILE)
    return {"refresh_interval": body["settings"]["index"]["refresh_interval"], **copies(plan)}


def loading_settings(alone: bool) -> dict[str, Any]:
    """The settings while an index is filled; `alone`: nobody needs it before that is done."""
    without_copies = {"auto_expand_replicas": False, "number_of_replicas": 0}
    return {"refresh_interval": "-1", **(without_copies if alone else {})}
