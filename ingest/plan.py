"""What is there, what is known, and what follows for each file."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imagesearch.errors import BadSource
from imagesearch.records import Failure, FileState, Metadata, composed
from imagesearch.sources import FoundFile, Source, Sources, Unreadable, open_source
from imagesearch.sources.found import LEADS_NOWHERE, is_below
from imagesearch.sources.passing import USUALLY, PassedOver
from imagesearch.store import Store
from ingest.roots import Ordered, Root, outermost, recorded_location


@dataclass(frozen=True)
class Share:
    """The files that are this run's, where `count` runs divide them between them: those of number `index`.

    By a hash of the path, so that the runs need not know of each other, wherever each of them is.
    """

    index: int = 0
    count: int = 1

    def holds(self, location: str) -> bool:
        """Whether the file at this absolute path is this run's."""
        if self.count == 1:
            return True
        digest = hashlib.sha256(os.fsencode(location)).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.index


EVERYTHING = Share()


@dataclass(frozen=True)
class Asked:
    """What a run is asked to do with the files below `paths`.

    `metadata` is what was given for files by their paths, composed. `retry_failed`: try again what failed
    before and has not changed. `reread`: read every file again. `absent`: a path that is not there is one
    whose files were deleted, not a mistake. `gone`: what is away as a whole is so for
    good. `passed_over` are files and folders that are left out.
    """

    paths: Sequence[str | Path]
    metadata: Mapping[str, Metadata] = field(default_factory=dict)
    share: Share = EVERYTHING
    retry_failed: bool = False
    reread: bool = False
    absent: bool = False
    gone: bool = False
    passed_over: PassedOver = USUALLY


@dataclass(frozen=True, slots=True)
class Task:
    """A file to bring in. `state` is what is known of this path; `given` what was given for it.

    `reread` is whether the file's bytes may have changed; if not, only its metadata is new.
    """

    source: Source
    file: FoundFile
    state: FileState | None
    given: Metadata | None
    reread: bool


@dataclass
class Survey:
    """Holds the files that are there against what the store knows: both come in one order, in flat memory.

    What is no task is counted here while `tasks` is gone through. `missing` has the ids of known files
    that were not found, and `forgotten` those of failures whose files are gone, both by source, or by the
    place of that part of a source that may be away; `emptied` has these parts, and the sources of which no
    file was found though some are known; `unmatched` the paths of the metadata that no file was found for.
    `complete` says that everything was gone through.
    """

    store: Store
    asked: Asked
    unchanged: int = 0
    failed_before: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)
    missing: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    forgotten: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    emptied: set[str] = field(default_factory=set)
    unmatched: set[str] = field(default_factory=set)
    complete: bool = False
    sources: Sources = field(init=False)
    _seen: set[str] = field(default_factory=set, init=False)
    _parts: dict[tuple[str, str], str | None] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Raises BadSource for a path that is not there."""
        self.sources = Sources(self.asked.passed_over)
        self._known = self.store.sources()
        self.roots = outermost([self._root(path) for path in self.asked.paths])
        self.unmatched = set(self.asked.metadata)

    def tasks(self) -> Iterator[Task]:
        """What is to be done, root by root, in the order of the paths."""
        for root in self.roots:
            yield from self._below(root)
        self.emptied |= {s for s in self.missing if s not in self._seen and self._may_be_away(s)}
        self.complete = True

    @property
    def settled(self) -> int:
        """How many files needed nothing so far."""
        return self.unchanged + self.failed_before

    def covers(self, location: str) -> bool:
        """Whether the file at `location` is one of those that this run looks at."""
        below = any(is_below(location, root.location) for root in self.roots)
        return below and self.asked.share.holds(location)

    def _root(self, path: str | Path) -> Root:
        """The given path, as a part of the known source that it lies in.

        So that its files keep their ids: ingesting ~/Pictures/2019 after ~/Pictures brings nothing in twice.
        """
        location = location_of(path)
        outer = [s for s in self._known if is_below(location, s) and self.sources.at(s).divisible]
        owner = max(outer, key=len, default=None)
        try:
            source, within = open_source(path, self.asked.passed_over)
        except BadSource:
            if not self.asked.absent or owner is None:
                raise
        else:
            if owner is None or not source.divisible:
                return Root(source, within, self._inner(source.root) if source.divisible else ())
        return Root(self.sources.at(owner), location[len(owner) :].strip("/"), self._inner(location))

    def _inner(self, location: str) -> Sequence[str]:
        """Known sources below, each of which keeps its files. The other way round from above."""
        inner = (s for s in self._known if s != location and is_below(s, location))
        return [s for s in inner if self.sources.at(s).divisible]

    def _below(self, root: Root) -> Iterator[Task]:
        states = Ordered(self.store.files_of(*part) for part in root.parts)
        failures = Ordered(self.store.failures_of(*part) for part in root.parts)
        for found in self._walk(root):
            if isinstance(found, Unreadable):
                self.unreadable.append(found)
                continue
            file = root.owned(found)
            self._seen.add(file.source)
            path = composed(root.relative(found))
            self.unmatched.discard(path)
            self._pass_over(root, states, failures, file)
            source = root.source if file.source == root.source.root else self.sources.at(file.source)
            task = self._task(source, file, path, states.at(file), failures.at(file))
            if task:
                yield task
        self._pass_over(root, states, failures, None)

    def _walk(self, root: Root) -> Iterator[FoundFile | Unreadable]:
        try:
            yield from root.source.walk(root.within)
        except BadSource:
            if not self.asked.absent:
                raise

    def _task(
        self,
        source: Source,
        file: FoundFile,
        path: str,
        state: FileState | None,
        failure: Failure | None,
    ) -> Task | None:
        if not self.asked.share.holds(file.location):
            return None
        given = self.asked.metadata.get(path)
        if failure and not self.asked.retry_failed and file.is_still(failure):
            self.failed_before += 1
            return None
        changed = self.asked.reread or state is None or not file.is_still(state)
        if changed or given:
            return Task(source, file, state, given, reread=changed)
        self.unchanged += 1
        return None

    def _pass_over(
        self,
        root: Root,
        states: Ordered[FileState],
        failures: Ordered[Failure],
        file: FoundFile | None,
    ) -> None:
        """What is known before `file`, or before the end, and was not found."""
        for state in states.before(file):
            self._lose(root, state, self.missing)
        for failure in failures.before(file):
            self._lose(root, failure, self.forgotten)

    def _lose(self, root: Root, gone: FileState | Failure, where: dict[str, list[str]]) -> None:
        if not self.asked.share.holds(recorded_location(gone)):
            return
        try:
            part = gone.source if self._is_left_out(root, gone) else self._part_of(gone)
        except BadSource:
            return
        if part:
            where[part].append(gone.id)

    def _is_left_out(self, root: Root, known: FileState | Failure) -> bool:
        below = recorded_location(known)[len(root.location) :].lstrip("/")
        return self.asked.passed_over.holds_below(root.location, below)

    def _part_of(self, gone: FileState | Failure) -> str | None:
        """The place of the part of a source that may be away with it, else its source; None: it may be there.

        Raises BadSource where that cannot be told.
        """
        if away := self._part_away(gone.source, gone.path.rpartition("/")[0]):
            return away
        # What lies in a folder that could not be looked into may still be there.
        closed = any(is_below(recorded_location(gone), u.location) for u in self.unreadable)
        return None if closed else gone.source

    def _part_away(self, source: str, folder: str) -> str | None:
        """The place of the part of `source` that `folder` is or lies in, if that may be away."""
        if (source, folder) not in self._parts:
            away = self.sources.at(source).away(folder)
            if away and away.reason == LEADS_NOWHERE and away.location not in self.emptied:
                self.unreadable.append(away)
            self.emptied.update([away.location] if away else [])
            self._parts[source, folder] = away.location if away else None
        return self._parts[source, folder]

    def _may_be_away(self, source: str) -> bool:
        """Whether `source`, of which nothing was found, may be a disk that is not mounted."""
        if not self.asked.absent:
            return True
        try:
            self.sources.at(source).found("")
        except BadSource:
            return True
        return False


def location_of(path: str | Path) -> str:
    """A given path as it is recorded: absolute; a URL as it is."""
    text = str(path)
    return text.rstrip("/") if "://" in text else os.path.abspath(Path(text).expanduser())
