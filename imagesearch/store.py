"""What a store is: the seam between asking and the engines that answer."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Protocol, Self

from imagesearch.config import Settings, TextEncoding, load_settings
from imagesearch.encoders import CLIP, find_spec
from imagesearch.errors import WrongModel
from imagesearch.records import (
    FACETS,
    NO_FILTERS,
    Entry,
    Facets,
    Failure,
    FileState,
    Filters,
    FloatArray,
    Knn,
    ModelIdentity,
    Page,
    Picture,
    Window,
)
from imagesearch.texts import QueryTexts


@dataclass(frozen=True)
class Capabilities:
    """What differs between stores and a door has to say.

    `exact`: knn compares every picture, so that num_candidates changes nothing. `reach`: how deep
    paging goes, None for the last result.
    """

    name: str
    exact: bool
    reach: int | None


@dataclass(frozen=True)
class StoreStatus:
    """What one look at a store tells.

    `index` is what is asked: the concrete index, or the embedded store's file; None before the first
    picture. `health` is the index's as the engine has it, `licence` and `licence_status` the engine's
    ("green", "basic", "active"); None where there is no such thing or the key may not see it. `blocked` is
    why the index takes no changes. `pictures` is None where a part of the index is missing.
    """

    pictures: int | None
    index: str | None = None
    health: str | None = None
    licence: str | None = None
    licence_status: str | None = None
    blocked: str | None = None


class Store(Protocol):
    """Pictures with their embeddings, safe between threads, shared between processes.

    Every method raises StoreUnavailable if the engine does not answer. What a writing method has
    returned from is on disk.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        ...

    def current(self) -> Self:
        """The store as it is now, to answer one request with: what is rebuilt meanwhile is another one."""
        ...

    def identity(self) -> ModelIdentity | None:
        """The model that made the embeddings; None before the first was chosen."""
        ...

    def adopt(self, identity: ModelIdentity) -> None:
        """Remember the model, if none is remembered. Raises WrongModel if another one is."""
        ...

    def write(self, entries: Sequence[Entry], replacing: Collection[str] = ()) -> None:
        """Insert or replace by id, and remove the ids `replacing`, in one transaction."""
        ...

    def delete(self, ids: Collection[str]) -> int:
        """Remove by id; says how many were there."""
        ...

    def loading(self, *, alone: bool = False) -> AbstractContextManager[None]:
        """Many writes follow: what makes each one found at once may wait; all is found before and after.

        `alone` says that the store is of no use before the end, so that even copies may wait.
        """
        ...

    def get(self, id: str) -> Picture | None: ...

    def pictures(self, ids: Collection[str]) -> dict[str, Picture]:
        """Those that are there, by id."""
        ...

    def embedding(self, id: str) -> FloatArray | None:
        """float32, shape (dims,), unit length."""
        ...

    def embeddings(self, ids: Collection[str]) -> dict[str, FloatArray]:
        """Those of the pictures that are there, by id."""
        ...

    def embeddings_by_content(self, content_hashes: Collection[str]) -> dict[str, FloatArray]:
        """The embedding of each content that is known, so that it is not made again."""
        ...

    def pictures_by_content(self, content_hashes: Collection[str]) -> dict[str, list[Picture]]:
        """The pictures that have each content, those of it that are known; by it, in no order."""
        ...

    def files_of(self, source: str, within: str = "") -> Iterator[FileState]:
        """The state of every file of `source` whose path is `within` or below it, by code points in order
        of the paths. In pieces: what is written meanwhile may be among them or not.
        """
        ...

    def fail(self, failures: Sequence[Failure]) -> None:
        """Remember files that could not be brought in, each by its id.

        `write` of the same id forgets it; where another process has added it since, once `failures_of` was
        read again.
        """
        ...

    def failures_of(self, source: str, within: str = "") -> Iterator[Failure]:
        """The remembered ones, as `files_of` gives files."""
        ...

    def failed_sources(self) -> Sequence[str]:
        """The sources of the remembered ones, sorted."""
        ...

    def forgive(self, ids: Collection[str]) -> int:
        """Forget remembered failures by id; says how many there were."""
        ...

    def files(self, under: str) -> Iterator[Picture]:
        """Every picture whose file is at or below the absolute folder `under`, in no order."""
        ...

    def sources(self) -> Sequence[str]:
        """The folders that were ingested and hold at least one picture, sorted."""
        ...

    def knn(self, query: Knn) -> Page:
        """Nearest first; equal scores by id. The query's numbers were checked by the caller."""
        ...

    def containing(self, words: str, filters: Filters, size: int) -> Sequence[str]:
        """The ids of at most `size` pictures with any of `words` in name, caption, tags or path, best first.

        What has more of the words, and rarer ones, is better (BM25; each store with its own constants).
        """
        ...

    def texts(self, asked: TextEncoding) -> QueryTexts:
        """Who encodes the words of queries to this store."""
        ...

    def browse(self, filters: Filters, window: Window) -> Page:
        """All pictures that pass, newest first, those without a date last, then by path and id."""
        ...

    def facets(self, filters: Filters, size: int = 50, kinds: Collection[str] = FACETS) -> Facets:
        """At most `size` values of each of `kinds`, which are names of fields of Facets; no others."""
        ...

    def count(self, filters: Filters = NO_FILTERS) -> int: ...

    def status(self, seconds: float) -> StoreStatus:
        """How the store is, by requests that are not repeated and may take `seconds` each."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def ends_at_reach(page: Page, store: Store) -> bool:
    """Whether more pictures pass the filters, but paging does not lead to them in this store."""
    reach = store.capabilities.reach
    return reach is not None and page.reachable == reach < page.total


def default_location(settings: Settings) -> str:
    """Where the store is: as set, else a folder of the model's own, so that models never collide."""
    return settings.store or str(settings.data / "stores" / find_spec(settings.model).name)


def is_elastic(location: str) -> bool:
    """Whether the store at `location` is an Elasticsearch, and not a folder."""
    return location.startswith(("http://", "https://", "cloud:"))


def open_store(
    location: str,
    settings: Settings | None = None,
    *,
    create: bool = False,
    patience: float | None = None,
    stop: Event | None = None,
) -> Store:
    """The store at `location`: a folder, or the URLs of Elasticsearch (nothing is asked of it yet).

    `create` makes the folder if it is not there. `patience` is for how many seconds a request is tried
    again while the engine is away, unless `stop` is set. Raises StoreUnavailable if the folder is not there
    or cannot be opened, BadSetting for a connection that cannot be as set.
    """
    if is_elastic(location):
        from imagesearch.elastic import open_elastic

        return open_elastic(location, settings or load_settings(), patience, stop)
    from imagesearch.embedded import EmbeddedStore

    return EmbeddedStore(Path(location).expanduser(), create=create)


def refuse_other_model(stored: ModelIdentity, asked: ModelIdentity, location: str) -> None:
    """Raises WrongModel unless both models give comparable embeddings."""
    if stored.fingerprint == asked.fingerprint:
        return
    if stored.name == asked.name:
        raise WrongModel(
            f"The store {location} was made with other weights of the model {asked.name!r}; embeddings "
            "of the two cannot be compared. Move that store away, or name another with --store, and ingest "
            "again."
        )
    raise WrongModel(
        f"The store {location} was made with the model {stored.name!r}, not with {asked.name!r}; "
        f"their embeddings cannot be compared. Name {_as_option(stored)}, or build a store for "
        f"{asked.name!r} beside it: "
        f"python -m ingest {_as_option(asked)} --store <another folder> <your pictures>."
    )


def _as_option(identity: ModelIdentity) -> str:
    """How to name the model: of one in a folder of its own only the person knows where that is."""
    known = (CLIP.name, "demo")
    return f"--model {identity.name if identity.name in known else f'<the folder of {identity.name}>'}"


def paths_under(pictures: Iterable[Picture], under: str) -> Iterator[Picture]:
    """Those of `pictures` whose file is `under` itself or below it."""
    prefix = under.rstrip("/") + "/"
    return (
        p for p in pictures if f"{p.source}/{p.path}".startswith(prefix) or f"{p.source}/{p.path}" == under
    )
