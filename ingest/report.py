"""What a run did, counted as it goes, and said at the end."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Report:
    """Counts of picture files.

    `new` counts `recognised` ones (content already known, not encoded again) too. `moved` are new
    paths of known pictures whose old path is gone. `missing` are known, not found, and kept.
    """

    new: int = 0
    recognised: int = 0
    moved: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    missing: int = 0
    encoded: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, counts: Counter[str]) -> None:
        """Count what a written batch was made of."""
        for name, n in counts.items():
            setattr(self, name, getattr(self, name) + n)

    def lines(self) -> list[str]:
        """The report for a person, failures last, one a line."""
        new = f"{self.new} new" + (f" ({self.recognised} recognised by content)" if self.recognised else "")
        counts = [new, f"{self.unchanged} unchanged", f"{self.updated} updated"]
        if self.moved:
            counts.append(f"{self.moved} moved")
        counts += [f"{self.removed} removed", f"{len(self.failures)} failed"]
        said = [", ".join(counts) + f"; {self.encoded} encoded."]
        if self.missing:
            said.append(f"{self.missing} known pictures were not found. Remove them with --prune.")
        failed = [f"failed: {file}: {reason}" for file, reason in self.failures]
        # A file's name need not be valid text.
        return [line.encode(errors="replace").decode() for line in (*said, *self.notes, *failed)]
