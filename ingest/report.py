"""What a run did, counted as it goes, and said at the end."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from ingest.plan import Survey, Task

# The most failures that are named; the store knows the others.
_NAMED = 1_000


@dataclass(frozen=True)
class Done:
    """What a written batch of `tried` files was made of: counts by Report's names, failures with reasons."""

    tried: int
    counts: Counter[str]
    failures: Sequence[tuple[str, str]]
    remarks: Sequence[str] = ()


@dataclass
class Report:
    """Counts of picture files.

    `new` counts `recognised` ones (content already known, not encoded again) too. `moved` are new
    paths of known pictures whose old path is gone. `missing` are known, not found, and kept. `failed` have
    failed now, `failed_before` in an earlier run and are unchanged. `spared` are the sources, or
    parts of them, whose missing pictures were kept although pruning was asked for. `tried` counts all that
    went through the stages.
    """

    new: int = 0
    recognised: int = 0
    moved: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    missing: int = 0
    failed: int = 0
    failed_before: int = 0
    encoded: int = 0
    tried: int = 0
    stopped: bool = False
    spared: list[str] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, done: Done) -> None:
        """Count a written batch."""
        self.tried += done.tried
        self._count(done.counts)
        self.failures += done.failures[: _NAMED - len(self.failures)]
        self.notes += done.remarks[: max(0, _NAMED - len(self.notes))]

    def foresee(self, task: Task) -> None:
        """Count a task as if it were done."""
        self.tried += 1
        self._count(Counter(["new" if task.state is None else "updated"]))

    def surveyed(self, survey: Survey) -> None:
        """Count what needed nothing, and what could not be looked at."""
        self.unchanged += survey.unchanged
        self.failed_before = survey.failed_before
        self.failed += len(survey.unreadable)
        found = [(u.location, u.reason) for u in survey.unreadable]
        self.failures += found[: max(0, _NAMED - len(self.failures))]
        if survey.unmatched:
            self.notes.append(
                f"{len(survey.unmatched)} rows of the metadata name no file that was found, the first "
                f"{min(survey.unmatched)!r}."
            )

    def _count(self, counts: Counter[str]) -> None:
        for name, n in counts.items():
            setattr(self, name, getattr(self, name) + n)

    def lines(self) -> list[str]:
        """The report for a person, failures last, one a line."""
        said = [self._counts(), *self._remarks(), *self.notes]
        said += [f"failed: {file}: {reason}" for file, reason in self.failures]
        if self.failed > len(self.failures):
            said.append(
                f"{self.failed - len(self.failures)} more failed: python -m ingest failures lists them."
            )
        # A file's name need not be valid text.
        return [line.encode(errors="replace").decode() for line in said]

    def _counts(self) -> str:
        new = f"{self.new} new" + (f" ({self.recognised} recognised by content)" if self.recognised else "")
        counts = [new, f"{self.unchanged} unchanged", f"{self.updated} updated"]
        if self.moved:
            counts.append(f"{self.moved} moved")
        counts += [f"{self.removed} removed", f"{self.failed} failed"]
        return ", ".join(counts) + f"; {self.encoded} encoded."

    def _remarks(self) -> list[str]:
        said = []
        if self.spared:
            said.append(
                f"Nothing of {', '.join(self.spared)} was pruned: it holds no picture at all now. Is a disk "
                "not mounted? If it is really empty, remove them: python -m ingest --prune-missing-source."
            )
        elif self.missing:
            said.append(f"{self.missing} known pictures were not found. Remove them with --prune.")
        if self.failed_before:
            said.append(
                f"{self.failed_before} files failed before, have not changed and were not tried again: "
                "--retry-failed does, python -m ingest failures lists them."
            )
        return said

    def as_dict(self) -> dict[str, object]:
        """The counts, for a machine."""
        counts = asdict(self)
        return {name: value for name, value in counts.items() if name not in ("failures", "notes")}
