"""The ingest job: plan, then decode, encode and write batch by batch."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from cachetools import LRUCache

from imagesearch.encoders import Model
from imagesearch.entries import describe, merged
from imagesearch.errors import BadPicture
from imagesearch.pictures import Decoded, read_picture
from imagesearch.records import Entry, FileState, FloatArray, Metadata, Picture, picture_id
from imagesearch.store import Store
from ingest.plan import EVERYTHING, Plan, Share, Task, make_plan
from ingest.report import Report

# Embeddings made last that are kept at hand: 20 MB at 512 dimensions.
_RECENT = 10_000


class Progress(Protocol):
    """Where the job says how far it is; tqdm is one."""

    def update(self, n: float = 1) -> object: ...


class ProgressBar(Protocol):
    """Starts showing progress towards a total."""

    def __call__(self, total: int) -> AbstractContextManager[Progress]: ...


@dataclass(frozen=True)
class Job:
    """Brings picture files into a store.

    Every batch is one transaction: stopped at any moment, the job loses at most the batch in hand,
    and run again it goes on where it was. `share` is the part of the files that is this run's; `alone`
    says that nobody needs the store before the end.
    """

    store: Store
    model: Model
    max_pixels: int
    batch_size: int = 32
    prune: bool = False
    share: Share = EVERYTHING
    alone: bool = False
    _recent: LRUCache[str, FloatArray] = field(default_factory=lambda: LRUCache(_RECENT), compare=False)

    def run(
        self,
        paths: Sequence[Path],
        metadata: Mapping[str, Metadata],
        progress_bar: ProgressBar,
        report: Report,
    ) -> None:
        """Ingest everything below `paths`, counting into `report` as it goes.

        Raises WrongModel before anything is written, BadSource, and what the store raises.
        """
        if self.store.identity():
            self.store.adopt(self.model.identity)
        with self.store.loading(alone=self.alone):
            self._bring_in_all(make_plan(self.store, paths, metadata, self.share), progress_bar, report)

    def _bring_in_all(self, plan: Plan, progress_bar: ProgressBar, report: Report) -> None:
        report.unchanged = plan.unchanged
        report.failures += [(str(u.location), u.reason) for u in plan.unreadable]
        if plan.unmatched:
            report.notes.append(
                f"{len(plan.unmatched)} rows of the metadata name no file that was found, the first "
                f"{plan.unmatched[0]!r}."
            )
        gone = _Gone(plan.missing)
        with progress_bar(total=len(plan.tasks)) as progress:
            for batch in _batched(plan.tasks, self.batch_size):
                self._bring_in(batch, gone, report)
                progress.update(len(batch))
        self._settle(gone.left(), plan, report)

    def _bring_in(self, tasks: Sequence[Task], gone: "_Gone", report: Report) -> None:
        read = list(self._read([t for t in tasks if t.reread], report))
        vectors, fresh = self._vectors([decoded for _, decoded in read])
        counts = Counter(encoded=len(fresh))
        entries = self._relabelled([t for t in tasks if not t.reread])
        counts["updated"] += len(entries)
        replaced = []
        for task, decoded in read:
            moved = gone.take(decoded.content_hash) if task.state is None else None
            entries.append(Entry(_picture(task, decoded, moved), vectors[decoded.content_hash]))
            replaced += [moved.id] if moved else []
            kind = _kind(task, decoded, moved)
            counts[kind] += 1
            counts["recognised"] += kind == "new" and decoded.content_hash not in fresh
            fresh.discard(decoded.content_hash)
        # Not before the model has shown that it works: a store must not be bound to a damaged one.
        self.store.adopt(self.model.identity)
        self.store.write(entries, replacing=replaced)
        report.add(counts)

    def _read(self, tasks: Sequence[Task], report: Report) -> Iterator[tuple[Task, Decoded]]:
        for task in tasks:
            try:
                yield task, read_picture(task.file.location, self.max_pixels)
            except BadPicture as error:
                report.failures.append((str(task.file.location), str(error)))

    def _vectors(self, pictures: Sequence[Decoded]) -> tuple[dict[str, FloatArray], set[str]]:
        """The embedding of each content, and those that had to be made."""
        images = {decoded.content_hash: decoded.image for decoded in pictures}
        # A store that is being loaded may not find yet what was written to it just now.
        vectors = {content: self._recent[content] for content in images if content in self._recent}
        vectors |= self.store.embeddings_by_content(images.keys() - vectors.keys())
        unknown = [content for content in images if content not in vectors]
        if unknown:
            made = self.model.pictures.encode([images[content] for content in unknown])
            vectors.update(zip(unknown, made, strict=True))
            self._recent.update((content, vectors[content]) for content in unknown)
        return vectors, set(unknown)

    def _relabelled(self, tasks: Sequence[Task]) -> list[Entry]:
        """Known pictures under new metadata, but for those that someone removed meanwhile."""
        by_id = {picture_id(task.file.source, task.file.path): task for task in tasks}
        pictures, vectors = self.store.pictures(by_id.keys()), self.store.embeddings(by_id.keys())
        entries = []
        for id, task in by_id.items():
            if id in pictures and id in vectors:
                metadata = merged(pictures[id].metadata, task.metadata)
                entries.append(Entry(replace(pictures[id], metadata=metadata), vectors[id]))
        return entries

    def _settle(self, missing: Sequence[FileState], plan: Plan, report: Report) -> None:
        """Remove what is gone, if that was asked for and a whole folder did not vanish at once."""
        if self.prune and not plan.emptied:
            report.removed = self.store.delete([state.id for state in missing])
            return
        report.missing = len(missing)
        if self.prune and missing:
            report.notes.append(
                f"Nothing was pruned: {', '.join(plan.emptied)} holds no picture at all now. Is a disk not "
                "mounted?"
            )


class _Gone:
    """Known files that were not found, by content: where the same content turns up, it was moved."""

    def __init__(self, missing: Sequence[FileState]) -> None:
        self._by_content: dict[str, list[FileState]] = {}
        for state in missing:
            self._by_content.setdefault(state.content_hash, []).append(state)

    def take(self, content_hash: str) -> FileState | None:
        states = self._by_content.get(content_hash)
        return states.pop() if states else None

    def left(self) -> list[FileState]:
        return [state for states in self._by_content.values() for state in states]


def _kind(task: Task, decoded: Decoded, moved: FileState | None) -> str:
    """Under what the report counts a picture."""
    if task.state:
        return "unchanged" if task.state.content_hash == decoded.content_hash else "updated"
    return "moved" if moved else "new"


def _picture(task: Task, decoded: Decoded, moved: FileState | None) -> Picture:
    file, before = task.file, task.state or moved
    metadata = merged(Metadata(date=decoded.taken), before.metadata if before else None, task.metadata)
    return describe(decoded, file.source, file.path, file.mtime_ns, metadata)


def _batched(tasks: Sequence[Task], size: int) -> Iterator[Sequence[Task]]:
    return (tasks[i : i + size] for i in range(0, len(tasks), size))
