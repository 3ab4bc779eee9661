"""The records that pass between the rooms: frozen, free of behaviour, importing nothing of ours.

What people type and other programs write is compared exactly, so it is in one normal form: see `composed`.
"""

import datetime
import hashlib
import unicodedata
from dataclasses import dataclass, field, fields
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

Colour = Literal[
    "black",
    "grey",
    "white",
    "red",
    "orange",
    "yellow",
    "brown",
    "green",
    "teal",
    "blue",
    "purple",
    "pink",
]
COLOURS: tuple[Colour, ...] = get_args(Colour)
Orientation = Literal["landscape", "portrait", "square"]
ORIENTATIONS: tuple[Orientation, ...] = get_args(Orientation)


def composed(text: str) -> str:
    """`text` with each accent in its letter (NFC): a Mac writes them apart, most keyboards do not."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


@dataclass(frozen=True)
class Place:
    """Where on Earth (WGS 84), in degrees: latitude in [-90, 90], longitude in [-180, 180]."""

    latitude: float
    longitude: float


@dataclass(frozen=True)
class Metadata:
    """What is known of a picture beside its pixels.

    `date` is the day it was taken or made, where it was taken. `taken_at` is that moment: with its
    offset from UTC where that is known, else what the camera's clock showed. `tags` are in the order
    given, without repeats. `rating` is from 0 to 5 stars, or -1 for rejected. All texts are composed.
    """

    name: str | None = None
    tags: tuple[str, ...] = ()
    group: str | None = None
    subgroup: str | None = None
    author: str | None = None
    date: datetime.date | None = None
    caption: str | None = None
    taken_at: datetime.datetime | None = None
    camera: str | None = None
    lens: str | None = None
    place: Place | None = None
    rating: int | None = None

    def __post_init__(self) -> None:
        for name, value in tuple(vars(self).items()):
            if isinstance(value, str):
                object.__setattr__(self, name, composed(value))
        object.__setattr__(self, "tags", tuple(dict.fromkeys(map(composed, self.tags))))


@dataclass(frozen=True)
class Facts:
    """What the bytes of a picture file say.

    `content_hash` is their SHA-256 in hex, `size` their number; `width` and `height` are pixels after EXIF
    rotation; `colour` is the mean colour as `#rrggbb`, `colours` the names of the dominant ones, most of
    it first; `phash` the perceptual hash, 16 hex digits; `metadata` what EXIF, IPTC and XMP say.
    """

    content_hash: str
    size: int
    format: str
    width: int
    height: int
    colour: str
    colours: tuple[str, ...]
    phash: str
    metadata: Metadata


@dataclass(frozen=True)
class Picture:
    """One picture file as the store knows it, without its embedding.

    `source` is the absolute folder (or the archive, or the URL) that was ingested and `path` the file
    below it, with `/`. `mtime_ns` is nanoseconds since 1970, of the file or of the newest file beside it
    that describes it. `metadata` is all that is known, `given` what of it was given from outside, so that it
    outlasts an edit of the file. The rest is as in Facts (`colours` and `phash` are empty for what was
    ingested before they were kept).
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
    colours: tuple[str, ...] = ()
    phash: str = ""
    given: Metadata = Metadata()

    @property
    def name(self) -> str:
        """The name to show: the given one, else the file's name without its ending."""
        return self.metadata.name or self.path.rsplit("/", 1)[-1].rsplit(".", 1)[0]

    @property
    def album(self) -> str:
        """The folder it lies in, below the one that was ingested; at the top that one's name. Composed."""
        folder, slash, _ = self.path.rpartition("/")
        return composed(folder if slash else self.source.rstrip("/").rpartition("/")[-1])

    @property
    def orientation(self) -> Orientation:
        """`landscape`, `portrait`, or `square` where the sides differ by less than a twentieth."""
        if max(self.width, self.height) < 1.05 * min(self.width, self.height):
            return "square"
        return "landscape" if self.width > self.height else "portrait"


@dataclass(frozen=True)
class Entry:
    """A picture to write, with its embedding: float32, shape (dims,), unit length."""

    picture: Picture
    embedding: FloatArray


@dataclass(frozen=True)
class Near:
    """Within `km` kilometres of `place`, over the surface of the Earth."""

    place: Place
    km: float


@dataclass(frozen=True)
class Filters:
    """Which pictures may be found: a pre-filter, evaluated before any scoring.

    A picture passes if it has all of `tags` and of `colours`, one of `groups`, of `authors`, of `cameras`,
    of `lenses`, of `albums`, of `formats`, of `orientations` and of `phashes`, a date within
    [`date_from`, `date_to`], at least `rating` stars, a place that is `near`, and all of `words` in its
    name, caption, tags or path. Empty means no limit. All values are composed.
    """

    tags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    date_from: datetime.date | None = None
    date_to: datetime.date | None = None
    words: str | None = None
    without: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    lenses: tuple[str, ...] = ()
    albums: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    orientations: tuple[str, ...] = ()
    phashes: tuple[str, ...] = ()
    rating: int | None = None
    near: Near | None = None

    def __post_init__(self) -> None:
        for name, values in tuple(vars(self).items()):
            if isinstance(values, tuple):
                object.__setattr__(self, name, tuple(map(composed, values)))

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
    """Counts by value over the pictures that pass the filters, most frequent first; years ascending.

    `ratings` are "-1" to "5", ascending. `phashes` are only those that several pictures share.
    """

    tags: tuple[FacetCount, ...] = ()
    groups: tuple[FacetCount, ...] = ()
    authors: tuple[FacetCount, ...] = ()
    years: tuple[FacetCount, ...] = ()
    colours: tuple[FacetCount, ...] = ()
    cameras: tuple[FacetCount, ...] = ()
    lenses: tuple[FacetCount, ...] = ()
    albums: tuple[FacetCount, ...] = ()
    formats: tuple[FacetCount, ...] = ()
    orientations: tuple[FacetCount, ...] = ()
    ratings: tuple[FacetCount, ...] = ()
    phashes: tuple[FacetCount, ...] = ()


# What can be counted.
FACETS = tuple(field.name for field in fields(Facets))


@dataclass(frozen=True)
class FileState:
    """What the store remembers of a file, enough to decide whether it must be read again."""

    id: str
    source: str
    path: str
    size: int
    mtime_ns: int
    content_hash: str


@dataclass(frozen=True)
class Failure:
    """A file that could not be brought in, and why: not tried again while `size` and `mtime_ns` stay."""

    id: str
    source: str
    path: str
    size: int
    mtime_ns: int
    reason: str


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
