"""From a decoded file to the record of it, for all that brings pictures into a store."""

from collections.abc import Sequence
from typing import TypeVar

from imagesearch.pictures import Decoded
from imagesearch.records import Metadata, Picture, picture_id

T = TypeVar("T")


def describe(decoded: Decoded, source: str, path: str, mtime_ns: int, metadata: Metadata) -> Picture:
    """The record of the file `path` below the folder `source`, whose content is `decoded`."""
    return Picture(
        id=picture_id(source, path),
        source=source,
        path=path,
        content_hash=decoded.content_hash,
        size=decoded.size,
        mtime_ns=mtime_ns,
        format=decoded.format,
        width=decoded.width,
        height=decoded.height,
        colour=decoded.colour,
        metadata=metadata,
    )


def merged(*layers: Metadata | None) -> Metadata:
    """The layers over each other: what a later one says counts, what it leaves out stays."""
    given = [layer for layer in layers if layer]
    return Metadata(
        name=_last([m.name for m in given]),
        tags=_last([m.tags for m in given]) or (),
        group=_last([m.group for m in given]),
        subgroup=_last([m.subgroup for m in given]),
        author=_last([m.author for m in given]),
        date=_last([m.date for m in given]),
    )


def _last(values: Sequence[T]) -> T | None:
    return next((value for value in reversed(values) if value), None)
