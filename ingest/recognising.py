"""Which files show what the store knows already, under the same path or another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from imagesearch.errors import BadSource
from imagesearch.records import FloatArray, Metadata, Picture
from imagesearch.sources.found import location
from imagesearch.store import Store
from ingest.items import Item, facts_of
from ingest.plan import Survey


@dataclass
class Recognising:
    """Looks contents up in the store: what is known need not be encoded, nor, mostly, decoded.

    `claimed` are the ids of pictures whose files were found under another path.
    """

    store: Store
    survey: Survey
    claimed: set[str] = field(default_factory=set)

    def look_up(self, items: Sequence[Item]) -> Iterator[Item]:
        """`items` with what is known of them; without those that need nothing after all."""
        contents = {item.content_hash for item in items if item.waits}
        known = self.store.pictures_by_content(contents)
        vectors = self.store.embeddings_by_content(known.keys())
        states = [item.task.state for item in items]
        before = self.store.pictures([state.id for state in states if state])
        described = [s.id for item in items if (s := item.task.state) and not item.task.reread]
        kept = self.store.embeddings(described)
        for item in items:
            record = before.get(item.task.state.id) if item.task.state else None
            if not item.task.reread:
                if record and record.id in kept:
                    yield _described(item, record, kept[record.id])
            elif item.content_hash in vectors:
                yield self._known(item, record, known[item.content_hash], vectors[item.content_hash])
            else:
                yield replace(item, before=record)

    def _known(
        self, item: Item, record: Picture | None, pictures: Sequence[Picture], vector: FloatArray
    ) -> Item:
        is_new = item.task.state is None
        moved = self._moved(pictures) if is_new else None
        same = moved or (record if record and record.content_hash == item.content_hash else None)
        before = moved or record or (self._away(pictures) if is_new else None)
        found = replace(item, before=before, moved=moved is not None, vector=vector)
        # Of a copy, only its bytes say what belongs to it and what was given for the other.
        if same is None or self.survey.asked.reread:
            return found
        item.held.close()
        return replace(found, facts=facts_of(same))

    def _moved(self, pictures: Sequence[Picture]) -> Picture | None:
        """One of `pictures` that this run looks at, and whose file is gone."""
        for picture in sorted(pictures, key=lambda p: p.path):
            covered = self.survey.covers(location(picture.source, picture.path))
            if picture.id not in self.claimed and covered and self._is_gone(picture):
                self.claimed.add(picture.id)
                return picture
        return None

    def _away(self, pictures: Sequence[Picture]) -> Picture | None:
        """One of `pictures` that may be away for good, so that what was given for it does not go with it."""
        described = (picture for picture in pictures if picture.given != Metadata())
        return next((picture for picture in described if self._is_there(picture) is None), None)

    def _is_gone(self, picture: Picture) -> bool:
        there = self._is_there(picture)
        return self.survey.asked.gone if there is None else not there

    def _is_there(self, picture: Picture) -> bool | None:
        """Whether its file is there; None where nobody knows, since all around it is away."""
        try:
            return self.survey.sources.at(picture.source).found(picture.path) is not None
        except BadSource:
            return None


def _described(item: Item, record: Picture, vector: FloatArray) -> Item:
    """A known picture under what is given for it now."""
    return replace(
        item, content_hash=record.content_hash, before=record, facts=facts_of(record), vector=vector
    )
