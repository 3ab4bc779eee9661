"""Records to documents and back."""

import base64
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np

from imagesearch.elastic.mapping import EMBEDDING
from imagesearch.records import Entry, FileState, FloatArray, Metadata, Picture
from imagesearch.words import words_of

# What ingest compares.
STATE_FIELDS = (
    "image_id",
    "source",
    "relative_path",
    "size",
    "mtime_ns",
    "content_hash",
    "given_name",
    "tags",
    "group",
    "subgroup",
    "author",
    "date",
)


def to_document(entry: Entry) -> dict[str, Any]:
    """The document of a picture; what is not known is left out."""
    picture, known = entry.picture, entry.picture.metadata
    words = words_of(picture)
    document = {
        "image_id": picture.id,
        "image_name": picture.name,
        "given_name": known.name,
        "relative_path": picture.path,
        "source": picture.source,
        "location": f"{picture.source}/{picture.path}",
        "content_hash": picture.content_hash,
        "tags": list(known.tags),
        "group": known.group,
        "subgroup": known.subgroup,
        "author": known.author,
        "format": picture.format,
        "colour": picture.colour,
        "width": picture.width,
        "height": picture.height,
        "size": picture.size,
        "mtime_ns": picture.mtime_ns,
        "date": known.date.isoformat() if known.date else None,
        "words": {"name": words.name, "tags": words.tags, "path": words.path},
        EMBEDDING: packed(entry.embedding),
    }
    return {field: value for field, value in document.items() if value not in (None, [])}


def packed(embedding: FloatArray) -> str:
    """A vector as Elasticsearch 9.3 and newer take it: big-endian float32 in base64, no digit lost."""
    return base64.b64encode(embedding.astype(">f4").tobytes()).decode()


def to_vector(numbers: list[float]) -> FloatArray:
    """float32, shape (dims,), from what Elasticsearch gives for the field of the embedding."""
    return np.array(numbers, dtype=np.float32)


def to_picture(source: Mapping[str, Any]) -> Picture:
    """The picture of a document."""
    return Picture(
        id=source["image_id"],
        source=source["source"],
        path=source["relative_path"],
        content_hash=source["content_hash"],
        size=source["size"],
        mtime_ns=source["mtime_ns"],
        format=source["format"],
        width=source["width"],
        height=source["height"],
        colour=source["colour"],
        metadata=_metadata(source),
    )


def to_file_state(source: Mapping[str, Any]) -> FileState:
    """What ingest compares, of a document that has STATE_FIELDS."""
    return FileState(
        id=source["image_id"],
        source=source["source"],
        path=source["relative_path"],
        size=source["size"],
        mtime_ns=source["mtime_ns"],
        content_hash=source["content_hash"],
        metadata=_metadata(source),
    )


def _metadata(source: Mapping[str, Any]) -> Metadata:
    return Metadata(
        name=source.get("given_name"),
        tags=tuple(source.get("tags", ())),
        group=source.get("group"),
        subgroup=source.get("subgroup"),
        author=source.get("author"),
        date=date.fromisoformat(source["date"]) if source.get("date") else None,
    )
