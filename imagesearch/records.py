"""The records that pass between the rooms: frozen, free of behaviour, importing nothing of ours."""

import datetime
import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Metadata:
    """What is known of a picture beside its pixels.

    `date` is the day it was taken or made. `tags` are in the order given, without repeats.
    """

    name: str | None = None
    tags: tuple[str, ...] = ()
    group: str | None = None
    subgroup: str | None = None
    author: str | None = None
    date: datetime.date | None = None


@dataclass(frozen=True)
class Picture:
    """One picture file as the store knows it, without its embedding.

    `source` is the absolute folder that was ingested and `path` the file below it, with `/`.
    `width` and `height` are pixels after EXIF rotation, `size` is bytes, `mtime_ns` nanoseconds
    since 1970, `content_hash` the SHA-256 of the file in hex, `colour` the mean colour as `#rrggbb`.
    """

    id: str
    source: str
    path: str
    content_hash: str
    size: int
    mtime_ns: int
    format: str
    width: int
    height: int
    colour: str
    metadata: Metadata

    @property
    def name(self) -> str:
        """The name to show: the given one, else the file's name without its ending."""
        return self.metadata.name or self.path.rsplit("/", 1)[-1].rsplit(".", 1)[0]


@dataclass(frozen=True)
class Entry:
    """A picture to write, with its embedding: float32, shape (dims,), unit length."""

    picture: Picture
    embedding: FloatArray


@dataclass(frozen=True)
class Filters:
    """Which pictures may be found: a pre-filter, evaluated before any scoring.

    A picture passes if it has all of `tags`, one of `groups`, one of `authors`, a date within
    [`date_from`, `date_to`], and all of `words` in its name, tags or path. Empty means no limit.
    """

    tags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    date_from: datetime.date | None = None
    date_to: datetime.date | None = None
    words: str | None = None
    without: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != Filters()


NO_FILTERS = Filters()


@dataclass(frozen=True)
class Window:
    """The part of a ranking to return: `limit` results from `offset` (0 is the best) on."""

    offset: int = 0
    limit: int = 24


FIRST_PAGE = Window()


@dataclass(frozen=True)
class ModelText:
    """Words to be encoded by the search itself, with the model deployed in the engine as `model_id`."""

    model_id: str
    text: str


@dataclass(frozen=True)
class Knn:
    """A k-nearest-neighbour search by cosine.

    `vector` is float32, shape (dims,), unit length, or words that the engine encodes. `k` caps how many
    neighbours the ranking holds (None: as many as the store can reach). `num_candidates` is how many
    candidates an approximate index looks at, per shard. `similarity` is the least raw cosine, in [-1, 1],
    that counts.
    """

    vector: FloatArray | ModelText
    k: int | None = None
    num_candidates: int | None = None
    similarity: float | None = None
    filters: Filters = NO_FILTERS
    window: Window = FIRST_PAGE


@dataclass(frozen=True)
class Hit:
    """A found picture; `score` is (1 + cosine) / 2, in [0, 1], or None where nothing was scored."""

    picture: Picture
    score: float | None = None


@dataclass(frozen=True)
class Page:
    """A window of a ranking.

    `total` counts the pictures that pass the filters; `reachable` how many of them paging leads to
    (fewer where k, `similarity` or the store's reach ends the ranking).
    """

    hits: tuple[Hit, ...]
    total: int
    reachable: int


@dataclass(frozen=True)
class FacetCount:
    """How many of the counted pictures have this value."""

    value: str
    count: int


@dataclass(frozen=True)
class Facets:
    """Counts by value over the pictures that pass the filters, most frequent first; years ascending."""

    tags: tuple[FacetCount, ...] = ()
    groups: tuple[FacetCount, ...] = ()
    authors: tuple[FacetCount, ...] = ()
    years: tuple[FacetCount, ...] = ()


@dataclass(frozen=True)
class FileState:
    """What the store remembers of a file, enough to decide whether it must be read again."""

    id: str
    source: str
    path: str
    size: int
    mtime_ns: int
    content_hash: str
    metadata: Metadata


@dataclass(frozen=True)
class ModelIdentity:
    """Which model made the embeddings of a store.

    `fingerprint` is that of the picture tower: embeddings of equal fingerprints may be compared.
    `reference` is what MODEL has to be to open the model ("" where that is not known).
    """

    name: str
    dims: int
    fingerprint: str
    reference: str = field(default="", compare=False)


def picture_id(source: str, path: str) -> str:
    """The id of the file `path` below the folder `source`: 24 hex digits (96 bits of SHA-256).

    It depends on nothing else, so that writing a picture again replaces it. Among 10^9 files the
    probability of any collision is below 10^-11.
    """
    return hashlib.sha256(f"{source}\0{path}".encode()).hexdigest()[:24]
