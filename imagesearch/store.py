"""What a store is: the seam between asking and the engines that answer."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from imagesearch.config import Settings
from imagesearch.encoders import CLIP, find_spec
from imagesearch.errors import StoreUnavailable, WrongModel
from imagesearch.records import (
    NO_FILTERS,
    Entry,
    Facets,
    FileState,
    Filters,
    FloatArray,
    Knn,
    ModelIdentity,
    Page,
    Picture,
    Window,
)


@dataclass(frozen=True)
class Capabilities:
    """What differs between stores and a door has to say.

    `exact`: knn compares every picture, so that num_candidates changes nothing. `reach`: how deep
    paging goes, None for the last result.
    """

    name: str
    exact: bool
    reach: int | None


class Store(Protocol):
    """Pictures with their embeddings, safe between threads, shared between processes.

    Every method raises StoreUnavailable if the engine does not answer. What a writing method has
    returned from is on disk.
    """

    @property
    def capabilities(self) -> Capabilities: ...

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

    def get(self, id: str) -> Picture | None: ...

    def embedding(self, id: str) -> FloatArray | None:
        """float32, shape (dims,), unit length."""
        ...

    def embeddings_by_content(self, content_hashes: Collection[str]) -> dict[str, FloatArray]:
        """The embedding of each content that is known, so that it is not made again."""
        ...

    def files(self, under: str) -> Iterator[FileState]:
        """The state of every file at or below the absolute folder `under`, in no order."""
        ...

    def sources(self) -> Sequence[str]:
        """The folders that were ingested and hold at least one picture, sorted."""
        ...

    def knn(self, query: Knn) -> Page:
        """Nearest first; equal scores by id. The query's numbers were checked by the caller."""
        ...

    def browse(self, filters: Filters, window: Window) -> Page:
        """All pictures that pass, newest first, those without a date last, then by path and id."""
        ...

    def facets(self, filters: Filters, size: int = 50) -> Facets:
        """At most `size` values of each."""
        ...

    def count(self, filters: Filters = NO_FILTERS) -> int: ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def default_location(settings: Settings) -> str:
    """Where the store is: as set, else a folder of the model's own, so that models never collide."""
    return settings.store or str(settings.data / "stores" / find_spec(settings.model).name)


def open_store(location: str, *, create: bool = False) -> Store:
    """The store at `location`, a folder; `create` makes it if it is not there.

    Raises StoreUnavailable if it is not there or cannot be opened.
    """
    if location.startswith(("http://", "https://")):
        raise StoreUnavailable(
            f"The store {location} is an Elasticsearch URL, and this version has no Elasticsearch store yet. "
            "Name a folder with --store or STORE."
        )
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


def paths_under(states: Iterable[FileState], under: str) -> Iterator[FileState]:
    """Those of `states` whose file is `under` itself or below it."""
    prefix = under.rstrip("/") + "/"
    return (s for s in states if f"{s.source}/{s.path}".startswith(prefix) or f"{s.source}/{s.path}" == under)
