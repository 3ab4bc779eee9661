"""Keeping a store in step with folders, archives and object stores, for as long as somebody wants it."""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from imagesearch.errors import BadSource, StoreUnavailable
from imagesearch.sources.beside import ENDINGS
from imagesearch.sources.found import has_picture_ending, is_below
from imagesearch.sources.passing import USUALLY, PassedOver
from imagesearch.sources.remote import is_url
from ingest.events import Events, Happened
from ingest.plan import location_of
from ingest.settling import Settling, gathered, parent

log = logging.getLogger(__name__)

# How often everything is looked at, and how long a pause after an error gets, in seconds.
_TURN = 0.2
_LONGEST_PAUSE = 300.0

# Brings in the given paths; removes the pictures of those that are not there.
Ingest = Callable[[Sequence[str]], None]


@dataclass
class Root:
    """One of the watched paths: a folder, a single file (an archive, say), or a URL.

    `seen` is which folder was there when it was last looked for (another disk at the same place is another
    one), `watched` the folder that events come from, `due` whether all of it is to be looked through.
    """

    path: str
    seen: tuple[int, int] | None = None
    watched: str | None = None
    missed: bool = False
    due: bool = True

    def look(self) -> tuple[int, int] | None:
        """Which folder is there now. None for nothing, and for an empty one where another one was before."""
        if is_url(self.path):
            return (0, 0)
        try:
            os.stat(self.path)  # noqa: PTH116
            stat = os.stat(self.folder)  # noqa: PTH116
            now = (stat.st_dev, stat.st_ino)
            unmounted = self.watched and now != self.seen and not os.listdir(self.folder)  # noqa: PTH208
        except OSError:
            return None
        return None if unmounted else now

    @property
    def folder(self) -> str:
        """What is to be watched for it, while it is there."""
        return self.path if os.path.isdir(self.path) else parent(self.path)  # noqa: PTH112

    def concerns(self, event: Happened, passed_over: PassedOver) -> bool:
        """Whether it happened to one of its pictures, by the looks of it, or to a folder of them."""
        if event.path == self.path:
            return True
        if not is_below(event.path, self.path):
            return False
        if passed_over.holds_below(self.path, event.path[len(self.path.rstrip("/")) + 1 :]):
            return False
        known = has_picture_ending(event.path) or event.path.endswith(ENDINGS)
        return event.folder or known or os.path.isdir(event.path)  # noqa: PTH112


@dataclass
class _Pause:
    """When to try again what failed: after so many seconds, twice as many the next time."""

    seconds: float
    until: float = 0.0

    def start(self, now: float) -> None:
        self.until, self.seconds = now + self.seconds, min(2 * self.seconds, _LONGEST_PAUSE)


@dataclass
class Watch:
    """Brings in all of `paths`, then what changes there, by `ingest`, until `stop` is set.

    `ingest` is called again, later, where it raises StoreUnavailable or BadSource; what else it raises ends
    the watching. What is not there as a whole is waited for. `settle`, `rescan` and `pause`, the first one
    after an error, are seconds. What happens to what is `passed_over` is nobody's business.
    """

    paths: Sequence[str]
    ingest: Ingest
    stop: threading.Event
    settle: float = 2.0
    rescan: float = 3600.0
    poll: bool = False
    pause: float = 5.0
    passed_over: PassedOver = USUALLY
    _pauses: dict[str, _Pause] = field(default_factory=dict, init=False)
    _again: list[str] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._roots = [Root(path) for path in dict.fromkeys(map(location_of, self.paths))]
        self._settling = Settling(self.settle)
        self._events = Events(poll=self.poll)
        self._next_rescan = time.monotonic() + self.rescan

    def run(self) -> None:
        """Returns when `stop` is set, after what is in hand."""
        with self._events.running():
            while not self.stop.is_set():
                self._turn(time.monotonic())
                self.stop.wait(_TURN)

    def _turn(self, now: float) -> None:
        """Look at everything once, and bring in what is due."""
        for root in self._roots:
            self._look_for(root)
        for event in self._events.taken():
            if any(root.concerns(event, self.passed_over) for root in self._present()):
                # Which picture a file beside it describes, a look at the folder finds out.
                beside = event.path.endswith(ENDINGS)
                self._settling.touch(parent(event.path) if beside else event.path, now)
        if self._events.lost.is_set() or now >= self._next_rescan:
            self._events.lost.clear()
            self._next_rescan = now + self.rescan
            for root in self._roots:
                root.due = True
        for root in self._present():
            if root.due and self._bring_in(root.path, [root.path]):
                root.due = False
        self._bring_in_changes(now)

    def _present(self) -> Sequence[Root]:
        return [root for root in self._roots if root.seen]

    def _look_for(self, root: Root) -> None:
        """If it has come, or is another one now: watch it, and look through all of it."""
        now = root.look()
        if now == root.seen and (now or root.missed):
            return
        if now is None:
            log.warning("%s is not there. It is waited for; its pictures stay.", root.path)
            self._settling.forget(root.path)
        root.seen, root.missed, root.due = now, now is None, True
        if is_url(root.path):
            return
        if root.watched and not any(r.watched == root.watched for r in self._roots if r is not root):
            self._events.leave(root.watched)
        if now:
            root.watched = root.folder
            self._events.watch(root.watched, below=root.watched == root.path)

    def _bring_in_changes(self, now: float) -> None:
        if self._pause("").until > now:
            return
        due = [*self._again, *self._settling.due(now)]
        self._again = []
        for some in gathered([p for p in due if any(is_below(p, r.path) for r in self._present())]):
            if not self._bring_in("", some):
                self._again += some

    def _pause(self, what: str) -> _Pause:
        return self._pauses.setdefault(what, _Pause(self.pause))

    def _bring_in(self, what: str, paths: Sequence[str]) -> bool:
        """Says whether it was done; not while it is to be paused after an error, nor at the end."""
        pause = self._pause(what)
        if self.stop.is_set() or pause.until > time.monotonic():
            return False
        try:
            self.ingest(paths)
        except (StoreUnavailable, BadSource) as error:
            log.warning("%s It is tried again in %.0f s.", error, pause.seconds)
            pause.start(time.monotonic())
            return False
        del self._pauses[what]
        return True
