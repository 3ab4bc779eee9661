"""The pictures that the made-up embeddings are of: what a store keeps beside a vector."""

import hashlib
from collections.abc import Iterator

from benchmarks.knn.vectors import Batch
from imagesearch.records import Entry, Filters, Metadata, Picture, picture_id

_SOURCE = "/pictures"


def entries(batch: Batch) -> Iterator[Entry]:
    """The pictures of a batch, each with a hundredth's group and a thousandth's tag."""
    for i, (vector, bucket) in enumerate(zip(batch.vectors, batch.buckets.tolist(), strict=True)):
        yield Entry(_picture(batch.start + i, bucket), vector)


def id_of(number: int) -> str:
    """The id of picture `number` of the collection."""
    return picture_id(_SOURCE, _path(number))


def in_a_tenth(bucket: int) -> Filters:
    """What passes about 10 % of the pictures."""
    first = bucket // 100 * 100
    return Filters(groups=tuple(_group(first + i) for i in range(0, 100, 10)))


def in_a_hundredth(bucket: int) -> Filters:
    """What passes about 1 % of the pictures."""
    return Filters(groups=(_group(bucket),))


def in_a_thousandth(bucket: int) -> Filters:
    """What passes about 0.1 % of the pictures."""
    return Filters(tags=(_tag(bucket),))


def _picture(number: int, bucket: int) -> Picture:
    return Picture(
        id=id_of(number),
        source=_SOURCE,
        path=_path(number),
        content_hash=hashlib.sha256(str(number).encode()).hexdigest(),
        size=2_000_000 + 7919 * number % 1_000_000,
        mtime_ns=1_500_000_000_000_000_000 + 86_399_999_999 * number,
        format="JPEG",
        width=4000,
        height=3000,
        colour=f"#{7919 * number % 2**24:06x}",
        metadata=Metadata(tags=(_tag(bucket),), group=_group(bucket)),
    )


def _path(number: int) -> str:
    return f"{number // 1000:06}/IMG_{number:09}.jpg"


def _group(bucket: int) -> str:
    return f"group {bucket // 10}"


def _tag(bucket: int) -> str:
    return f"tag {bucket}"
