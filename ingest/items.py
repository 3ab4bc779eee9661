"""What a file becomes on its way into the store."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from imagesearch.entries import describe, merged
from imagesearch.records import Entry, Facts, Failure, FloatArray, Metadata, Picture
from imagesearch.views import ByteArray
from ingest.plan import Task


@dataclass(frozen=True)
class Item:
    """A file as far as it has come.

    `file` is its content on this machine, held by `held` until it is decoded, and `content_hash` the SHA-256
    of that. `beside` is what files beside it say, `remarks` which of those cannot be used, and
    whether only a part of the picture could be read. `before` is the record of the same path, or of the path
    that it was `moved` from. `facts` and `view` are what decoding gives; `vector` is the embedding, `fresh`
    if it was made for this file. `reason` is why it cannot be brought in, `lasting` if its content is why.
    """

    task: Task
    file: Path | None = None
    held: ExitStack = field(default_factory=ExitStack)
    content_hash: str = ""
    beside: Metadata | None = None
    before: Picture | None = None
    moved: bool = False
    facts: Facts | None = None
    view: ByteArray | None = None
    vector: FloatArray | None = None
    fresh: bool = False
    remarks: tuple[str, ...] = ()
    reason: str = ""
    lasting: bool = False

    @property
    def waits(self) -> bool:
        """Whether it is to be decoded."""
        return self.file is not None and self.facts is None and not self.reason

    @property
    def kind(self) -> str:
        """Under what the report counts it."""
        if self.reason:
            return "failed"
        if self.task.state is None:
            return "moved" if self.moved else "new"
        if self.before is None or self.before.content_hash != self.content_hash:
            return "updated"
        return "unchanged" if self.before.metadata == self._metadata() else "updated"

    def failure(self) -> Failure:
        """What the store is to remember of it."""
        file = self.task.file
        return Failure(file.id, file.source, file.path, file.size, file.mtime_ns, self.reason)

    def entry(self) -> Entry:
        """What the store is to know of it. Raises ValueError before it is decoded and encoded."""
        file = self.task.file
        if self.facts is None or self.vector is None:
            raise ValueError("it has not come so far yet")
        picture = describe(self.facts, file.source, file.path, file.mtime_ns, self._metadata(), self._given())
        return Entry(picture, self.vector)

    def _given(self) -> Metadata:
        """What was given for it from outside, now or before."""
        return merged(self.before.given if self.before else None, self.task.given)

    def _metadata(self) -> Metadata:
        """All that is known of it, once it is decoded."""
        # What an unchanged content says is in the record already.
        same = self.before if self.before and self.before.content_hash == self.content_hash else None
        said = same or self.facts
        return merged(said.metadata if said else None, self.beside, self._given())


def facts_of(picture: Picture) -> Facts:
    """What was found in the bytes of a known picture."""
    return Facts(
        content_hash=picture.content_hash,
        size=picture.size,
        format=picture.format,
        width=picture.width,
        height=picture.height,
        colour=picture.colour,
        colours=picture.colours,
        phash=picture.phash,
        metadata=picture.metadata,
    )
