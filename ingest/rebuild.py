"""`python -m ingest rebuild`: another kind of index, or another model, without a pause for searches."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from PIL import Image

from imagesearch import elastic
from imagesearch.elastic import Client, IndexPlan, Stored
from imagesearch.encoders import Model
from imagesearch.errors import BadPicture, BadSource, StoreUnavailable
from imagesearch.pictures import read_picture
from imagesearch.sources import Sources
from imagesearch.sources.found import location
from ingest.progress import ProgressBar

_ENCODED_AT_A_TIME = 32


@dataclass
class Outcome:
    """What a rebuild did. `failures` are pictures whose files could not be read, with the reason."""

    old: str
    new: str
    pictures: int = 0
    checked: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The report for a person, failures last, one a line."""
        left_out = f", {len(self.failures)} left out" if self.failures else ""
        said = [
            f"{self.pictures} pictures brought over{left_out}, {self.checked} looked up; {self.new} has "
            f"taken the place of {self.old}.",
            f"{self.old} is kept. Go back to it with --rollback, or free its disk with --drop-old.",
        ]
        return said + [f"failed: {file}: {reason}" for file, reason in self.failures]


@dataclass(frozen=True)
class Rebuilding:
    """Fills the next index: from the embeddings there are, or by encoding each picture with `model`.

    `allow_missing`: go on if files cannot be read; those pictures are then left out.
    """

    client: Client
    alias: str
    plan: IndexPlan
    model: Model | None
    max_pixels: int
    allow_missing: bool = False
    sources: Sources = field(default_factory=Sources)

    def run(self, progress_bar: ProgressBar) -> Outcome:
        """Fill, check, swap. Raises StoreUnavailable; then searches are as they were before."""
        identity = self.model.identity if self.model else None
        rebuild = elastic.begin(self.client, self.alias, self.plan, identity)
        outcome = Outcome(rebuild.source.name, rebuild.target.name)
        with progress_bar(total=rebuild.total()) as progress:
            for waiting in rebuild.waiting():
                for some in self._encoded(waiting, outcome):
                    rebuild.add(some)
                    outcome.pictures += len(some)
                    progress.update(len(some))
        rebuild.finish()
        self._refuse_missing(outcome)
        outcome.checked = rebuild.check(len(outcome.failures), copied=self.model is None)
        rebuild.swap()
        return outcome

    def _encoded(self, waiting: Sequence[Stored], outcome: Outcome) -> Iterator[Sequence[Stored]]:
        if self.model is None:
            yield waiting
            return
        for start in range(0, len(waiting), _ENCODED_AT_A_TIME):
            read = list(self._read(waiting[start : start + _ENCODED_AT_A_TIME], outcome))
            if read:
                vectors = self.model.pictures.encode([image for _, image in read])
                yield [replace(stored, embedding=v) for (stored, _), v in zip(read, vectors, strict=True)]

    def _read(self, some: Sequence[Stored], outcome: Outcome) -> Iterator[tuple[Stored, Image.Image]]:
        for stored in some:
            picture = stored.picture
            try:
                with self.sources.at(picture.source).fetch(picture.path) as file:
                    image = read_picture(file, self.max_pixels).image
            except (BadPicture, BadSource) as error:
                outcome.failures.append((location(picture.source, picture.path), str(error)))
            else:
                yield stored, image

    def _refuse_missing(self, outcome: Outcome) -> None:
        if outcome.failures and not self.allow_missing:
            file, why = outcome.failures[0]
            raise StoreUnavailable(
                f"{len(outcome.failures)} pictures could not be encoded again, the first {file} ({why}). "
                "Nothing was changed for searches. Bring the files back and run the same again, leave those "
                "pictures out with --allow-missing, or give it up with --abort."
            )


def _abort(client: Client, alias: str) -> str:
    dropped = elastic.abort(client, alias)
    gave_up = f"The rebuild was given up and {dropped} deleted." if dropped else "No rebuild was under way."
    return f"{gave_up} The index in use takes writes."


def _roll_back(client: Client, alias: str) -> str:
    now, before = elastic.roll_back(client, alias)
    return (
        f"{now} is in use again; {before} is kept until --drop-old. What was written since the rebuild is "
        "not in it: ingest again."
    )


def _drop_old(client: Client, alias: str) -> str:
    dropped = elastic.drop_old(client, alias)
    return f"Deleted {', '.join(dropped)}." if dropped else "There was no old index."


# What can be done beside rebuilding, by the name of the option.
MANAGING: dict[str, Callable[[Client, str], str]] = {
    "abort": _abort,
    "rollback": _roll_back,
    "drop-old": _drop_old,
}
