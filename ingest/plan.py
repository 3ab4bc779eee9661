"""What is there, what is known, and what follows for each file."""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imagesearch.entries import merged
from imagesearch.pictures import FoundFile, Unreadable, walk
from imagesearch.records import FileState, Metadata
from imagesearch.store import Store


@dataclass(frozen=True)
class Share:
    """The files that are this run's, where `count` runs divide them between them: those of number `index`.

    By a hash of the path, so that the runs need not know of each other, wherever each of them is.
    """

    index: int = 0
    count: int = 1

    def holds(self, location: str) -> bool:
        """Whether the file at this absolute path is this run's."""
        digest = hashlib.sha256(os.fsencode(location)).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.index


EVERYTHING = Share()


@dataclass(frozen=True)
class Task:
    """A file to bring in. `state` is what is known of this path; `metadata` what a file said of it.

    `reread` is whether the file's bytes may have changed; if not, only its metadata is new.
    """

    file: FoundFile
    state: FileState | None
    metadata: Metadata | None
    reread: bool


@dataclass(frozen=True)
class Plan:
    """Tasks in the order of their paths, known files that were not found, and what could not be read.

    `emptied` names the given paths that hold no picture any more though some were known there,
    `unmatched` the paths of the metadata that no file was found for.
    """

    tasks: Sequence[Task]
    unchanged: int
    missing: Sequence[FileState]
    unreadable: Sequence[Unreadable]
    emptied: Sequence[str]
    unmatched: Sequence[str]


def make_plan(
    store: Store, paths: Iterable[Path], metadata: Mapping[str, Metadata], share: Share = EVERYTHING
) -> Plan:
    """Compare the files below `paths` with the store. Raises BadSource for a path that is not there."""
    tasks: list[Task] = []
    seen: set[str] = set()
    known: dict[str, FileState] = {}
    unreadable: list[Unreadable] = []
    emptied: list[str] = []
    described: set[str] = set()
    unchanged = 0
    roots = [_absolute(path) for path in paths]
    states = [_known(store, root, share) for root in roots]
    # After `files`, which brings to light what an interrupted run wrote; `sources` only reads, as pages do.
    sources = store.sources()
    for root, before in zip(roots, states, strict=True):
        known |= before
        found_any = False
        for found in walk(root):
            if isinstance(found, Unreadable):
                unreadable.append(found)
                continue
            found_any = True
            described.add(found.path)
            if str(found.location) in seen or not share.holds(str(found.location)):
                continue
            seen.add(str(found.location))
            task = _task(_owned(found, sources), before, metadata.get(found.path))
            if task:
                tasks.append(task)
            else:
                unchanged += 1
        if before and not found_any:
            emptied.append(str(root))
    missing = [s for path, s in known.items() if path not in seen and not _below(path, unreadable)]
    unmatched = [path for path in metadata if path not in described]
    return Plan(tasks, unchanged, missing, unreadable, emptied, unmatched)


def _known(store: Store, root: Path, share: Share) -> dict[str, FileState]:
    states = ((_location(state), state) for state in store.files(str(root)))
    return {location: state for location, state in states if share.holds(location)}


def _task(found: FoundFile, known: Mapping[str, FileState], given: Metadata | None) -> Task | None:
    state = known.get(str(found.location))
    if state is None or (state.size, state.mtime_ns) != (found.size, found.mtime_ns):
        return Task(found, state, given, reread=True)
    if given and merged(state.metadata, given) != state.metadata:
        return Task(found, state, given, reread=False)
    return None


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))


def _location(state: FileState) -> str:
    return str(Path(state.source, state.path))


def _owned(found: FoundFile, sources: Sequence[str]) -> FoundFile:
    """The file below the innermost folder that was ingested before, so that it keeps its id.

    Ingesting ~/Pictures after ~/Pictures/2019, or the other way round, brings nothing in twice.
    """
    location = found.location
    owners = [s for s in sources if location.is_relative_to(s)]
    source = max(owners, key=len, default=found.source)
    return FoundFile(source, location.relative_to(source).as_posix(), found.size, found.mtime_ns)


def _below(path: str, unreadable: Iterable[Unreadable]) -> bool:
    """Whether a file may still be there, in a folder that could not be looked into."""
    return any(Path(path).is_relative_to(u.location) for u in unreadable)
