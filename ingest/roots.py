"""What a run looks at, and what the store lists of it, in the order of the walk."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from imagesearch.records import Failure, FileState
from imagesearch.sources import FoundFile, Source
from imagesearch.sources.found import is_below, location


@dataclass(frozen=True)
class Root:
    """What a run looks at: the path `within` a source, and the sources known below that."""

    source: Source
    within: str
    inner: Sequence[str]

    @property
    def location(self) -> str:
        """Its absolute path, or URL."""
        return location(self.source.root, self.within)

    @property
    def parts(self) -> Sequence[tuple[str, str]]:
        """The sources of its files, with what of each."""
        return [(self.source.root, self.within), *((inner, "") for inner in self.inner)]

    def relative(self, file: FoundFile) -> str:
        """The path of a file below what was given; of a file that was given itself its name."""
        if not self.within:
            return file.path
        return file.path.removeprefix(self.within).lstrip("/") or file.path.rpartition("/")[-1]

    def owned(self, file: FoundFile) -> FoundFile:
        """`file` as one of the innermost source that it lies in."""
        if not self.inner:
            return file
        location = file.location
        owner = max((s for s in self.inner if is_below(location, s)), key=len, default=None)
        return replace(file, source=owner, path=location[len(owner) :].lstrip("/")) if owner else file


def outermost(roots: Sequence[Root]) -> Sequence[Root]:
    """Those that do not lie in another one, each once."""
    by_location = {root.location: root for root in roots}

    def lies_in_another(root: Root) -> bool:
        return any(
            root is not other and other.source.divisible and is_below(root.location, other.location)
            for other in by_location.values()
        )

    return [r for r in by_location.values() if not r.source.divisible or not lies_in_another(r)]


P = TypeVar("P", FileState, Failure)


class Ordered(Generic[P]):
    """Several listings as one, in the order of the locations, gone through once."""

    def __init__(self, listings: Iterable[Iterator[P]]) -> None:
        self._items: Iterator[P] = heapq.merge(*listings, key=recorded_location)
        self._next: P | None = next(self._items, None)

    def before(self, file: FoundFile | None) -> Iterator[P]:
        """Step over all that come before `file`; before None, all that are left."""
        location = file.location if file else None
        while self._next and (location is None or recorded_location(self._next) < location):
            yield self._next
            self._next = next(self._items, None)

    def at(self, file: FoundFile) -> P | None:
        """What is listed of `file`, if anything, stepping over it."""
        if self._next is None or recorded_location(self._next) != file.location:
            return None
        found, self._next = self._next, next(self._items, None)
        return found


def recorded_location(known: FileState | Failure) -> str:
    """The place of a file that the store knows, or has failed on."""
    return location(known.source, known.path)
