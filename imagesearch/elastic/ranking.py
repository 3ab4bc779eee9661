"""A ranking that grows as it is paged through, and never changes what it has shown.

An approximate index, asked for more neighbours, may find some that it missed before; and pictures come
and go. What was shown once keeps its place, so that a session of pages neither repeats nor skips one; what
was not is ranked anew with each answer, best first.
"""

import threading
import uuid
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

from cachetools import TTLCache

# k and num_candidates go no further.
REACH = 10_000


@dataclass(frozen=True)
class Scored:
    """A picture's id and its score, (1 + cosine) / 2."""

    id: str
    score: float


@dataclass(frozen=True)
class Ranking:
    """What was found so far, best first; `whole` when no more is to be had.

    `looked` is the num_candidates it was last asked with, `total` how many pictures pass the filters, and
    `shown` how many of those found were on a page.
    """

    found: tuple[Scored, ...] = ()
    looked: int = 0
    whole: bool = False
    total: int = 0
    shown: int = 0

    def seen(self, end: int) -> "Ranking":
        """Once a page that goes up to `end` was shown."""
        return replace(self, shown=max(self.shown, min(end, len(self.found))))

    def extended(self, newly: Sequence[Scored], looked: int, total: int, *, last: bool) -> "Ranking":
        """With what `looked` candidates gave, in order; `last` if it will not be asked for more."""
        whole = last or len(newly) < looked
        # The last of a full answer may tie with some that it has no room for, and those may have smaller ids.
        kept = newly if whole else _without_last_tie(newly)
        bound = self.found[: self.shown]
        least = kept[-1].score if kept and not whole else -1.0
        # Found before, and missed by this answer for once.
        missed = [scored for scored in self.found[self.shown :] if scored.score >= least]
        others = {scored.id: scored for scored in [*missed, *kept]}
        for scored in bound:
            others.pop(scored.id, None)
        free = sorted(others.values(), key=lambda scored: (-scored.score, scored.id))
        return Ranking((*bound, *free), looked, whole, total, self.shown)


class Sessions:
    """The rankings that are being paged through, each for `seconds` after its last page; thread-safe.

    `copies` is the preference for copies of the shards that all of them are asked with: two copies of a
    graph may rank a little differently.
    """

    def __init__(self, most: int = 256, seconds: float = 3600) -> None:
        self.copies = uuid.uuid4().hex
        self._rankings: TTLCache[Hashable, Ranking] = TTLCache(most, seconds)
        self._lock = threading.Lock()

    def try_other_copies(self) -> None:
        """The copies asked so far gave no answer."""
        self.copies = uuid.uuid4().hex

    def get(self, session: Hashable) -> Ranking | None:
        with self._lock:
            return self._rankings.get(session)

    def keep(self, session: Hashable, ranking: Ranking) -> None:
        with self._lock:
            self._rankings[session] = ranking


def steps(first: int, num_candidates: int | None, k: int | None) -> Iterator[tuple[int, bool]]:
    """With how many candidates to look, one after another, and whether it is the last time.

    `first` is how many do for a page. Both of k and num_candidates given say all there is to say.
    """
    begin = min(num_candidates or first, REACH)
    if num_candidates and k:
        yield begin, True
        return
    for step in sorted({begin, max(begin, 1_000), REACH}):
        yield step, step == REACH


def _without_last_tie(newly: Sequence[Scored]) -> Sequence[Scored]:
    lowest = newly[-1].score
    return [scored for scored in newly if scored.score > lowest]
