"""Made-up pictures and vectors for the tests of the stores and of search."""

import datetime
import hashlib
from collections.abc import Iterable
from dataclasses import fields, replace

import numpy as np

from imagesearch.records import (
    Entry,
    FacetCount,
    Failure,
    Filters,
    FloatArray,
    Knn,
    Metadata,
    ModelIdentity,
    Page,
    Picture,
    Window,
    picture_id,
)

DIMS = 8
SOURCE = "/pictures"
IDENTITY = ModelIdentity(name="tiny", dims=DIMS, fingerprint="f" * 64)
ALL = Window(0, 10_000)


def unit(*numbers: float) -> FloatArray:
    """The vector of `numbers`, filled up with zeros, at unit length."""
    vector = np.zeros(DIMS, dtype=np.float32)
    vector[: len(numbers)] = numbers
    return vector / np.float32(np.linalg.norm(vector))


def at_angle(cosine: float) -> FloatArray:
    """A unit vector whose cosine with unit(1) is `cosine`."""
    return unit(cosine, float(np.sqrt(1 - cosine**2)))


def random_units(count: int, dims: int = DIMS, seed: int = 0) -> FloatArray:
    vectors = np.random.default_rng(seed).normal(size=(count, dims)).astype(np.float32)
    unit_rows: FloatArray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit_rows


def picture(path: str, *, source: str = SOURCE, content: str | None = None, **known: object) -> Picture:
    """A picture; `known` is its metadata, and what else a picture has."""
    own = {field.name: known.pop(field.name) for field in fields(Picture) if field.name in known}
    digest = hashlib.sha256((content or path).encode()).hexdigest()
    plain = Picture(
        id=picture_id(source, path),
        source=source,
        path=path,
        content_hash=digest,
        size=1234,
        mtime_ns=1_700_000_000_123_456_789,
        format="PNG",
        width=40,
        height=30,
        colour="#102030",
        metadata=Metadata(**known),  # type: ignore[arg-type]  # as the test says
    )
    return replace(plain, **own)  # type: ignore[arg-type]


def entry(path: str, vector: FloatArray | None = None, **known: object) -> Entry:
    """A picture with its vector, unit(1) if none is given."""
    return Entry(picture(path, **known), unit(1) if vector is None else vector)  # type: ignore[arg-type]


def failure(path: str, *, source: str = SOURCE, size: int = 99, reason: str = "is damaged") -> Failure:
    """A file that could not be brought in."""
    return Failure(picture_id(source, path), source, path, size, 1_700_000_000_123_456_789, reason)


def ask(vector: FloatArray | None = None, window: Window = ALL, **how: object) -> Knn:
    """A search for unit(1), or for `vector`."""
    return Knn(unit(1) if vector is None else vector, window=window, **how)  # type: ignore[arg-type]


def paths(page: Page) -> list[str]:
    return [hit.picture.path for hit in page.hits]


def containing(words: str) -> Filters:
    return Filters(words=words)


def day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


def moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


def ids(entries: Iterable[Entry]) -> list[str]:
    return [e.picture.id for e in entries]


def counts(**values: int) -> tuple[FacetCount, ...]:
    """How many pictures have each value."""
    return tuple(FacetCount(value, n) for value, n in values.items())
