"""Records to documents and back."""

import base64
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date, datetime
from typing import Any

import numpy as np

from imagesearch.elastic.mapping import EMBEDDING
from imagesearch.plain import from_plain, to_plain
from imagesearch.records import Entry, Failure, FileState, FloatArray, Metadata, Picture, Place
from imagesearch.words import words_of


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
        "caption": known.caption,
        "taken_at": known.taken_at.isoformat() if known.taken_at else None,
        "camera": known.camera,
        "lens": known.lens,
        "place": {"lat": known.place.latitude, "lon": known.place.longitude} if known.place else None,
        "rating": known.rating,
        "colours": list(picture.colours),
        "phash": picture.phash or None,
        "given": to_plain(picture.given) or None,
        "album": picture.album or None,
        "orientation": picture.orientation,
        "words": {part: found for part, found in words._asdict().items() if found},
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
        colours=tuple(source.get("colours", ())),
        phash=source.get("phash", ""),
        given=_given(source),
    )


def _given(source: Mapping[str, Any]) -> Metadata:
    if "orientation" in source:
        return from_plain(source.get("given", {}))
    # Of what an older version of this program wrote, only the date may have come from the file itself.
    return replace(_metadata(source), date=None)


def to_file_state(source: str, path: str, columns: Mapping[str, Any]) -> FileState:
    """What ingest compares of a file of `source`; `columns` are those that a search for it gives."""
    return FileState(
        id=columns["image_id"][0],
        source=source,
        path=path,
        size=columns["size"][0],
        mtime_ns=columns["mtime_ns"][0],
        content_hash=columns["content_hash"][0],
    )


def of_failure(failure: Failure) -> dict[str, Any]:
    """The document of a failure."""
    fields = asdict(failure)
    return {"image_id": fields.pop("id"), "relative_path": fields.pop("path"), **fields}


def to_failure(source: Mapping[str, Any]) -> Failure:
    """The failure of a document."""
    fields = dict(source)
    return Failure(id=fields.pop("image_id"), path=fields.pop("relative_path"), **fields)


def _metadata(source: Mapping[str, Any]) -> Metadata:
    return Metadata(
        name=source.get("given_name"),
        tags=tuple(source.get("tags", ())),
        group=source.get("group"),
        subgroup=source.get("subgroup"),
        author=source.get("author"),
        date=date.fromisoformat(source["date"]) if source.get("date") else None,
        caption=source.get("caption"),
        taken_at=datetime.fromisoformat(source["taken_at"]) if source.get("taken_at") else None,
        camera=source.get("camera"),
        lens=source.get("lens"),
        place=Place(source["place"]["lat"], source["place"]["lon"]) if source.get("place") else None,
        rating=source.get("rating"),
    )
