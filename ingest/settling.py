"""When a changed file may be read: once it has stood still, and together with the others."""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from imagesearch.sources.found import is_below

# The most paths that are brought in one by one; of a folder with more of them, all of it.
MOST = 300

# Size and time of change, or None where there is no file.
_Look = tuple[int, int] | None


class _Seen(NamedTuple):
    since: float
    look: _Look


@dataclass
class Settling:
    """Changed paths, until they have stood still for `seconds`: neither size nor time of change moved.

    That a file is gone has to stand as well: programs save by deleting and writing anew. Times are given
    by the caller, in seconds of any clock.
    """

    seconds: float
    _waiting: dict[str, _Seen] = field(default_factory=dict)

    def touch(self, path: str, now: float) -> None:
        """Something happened to `path`."""
        self._waiting[path] = _Seen(now, _look(path))

    def due(self, now: float) -> list[str]:
        """The paths that have settled, in the order in which they were touched first; they are forgotten."""
        settled = []
        for path, seen in list(self._waiting.items()):
            if now - seen.since < self.seconds:
                continue
            look = _look(path)
            if look == seen.look:
                del self._waiting[path]
                settled.append(path)
            else:
                self._waiting[path] = _Seen(now, look)
        return settled

    def forget(self, folder: str) -> None:
        """Nothing at or below `folder` is waited for any more."""
        for path in [p for p in self._waiting if is_below(p, folder)]:
            del self._waiting[path]

    def __len__(self) -> int:
        return len(self._waiting)


def gathered(paths: Collection[str], most: int = MOST) -> Iterator[list[str]]:
    """`paths` in lists of at most `most`, none below another one; for many of a folder, the folder."""
    crowds = Counter(map(parent, paths))
    tops = {folder for folder, count in crowds.items() if count > most}
    left = list(_outermost(above if (above := parent(path)) in tops else path for path in paths))
    for i in range(0, len(left), most):
        yield left[i : i + most]


def parent(path: str) -> str:
    """The folder that an absolute path is in."""
    return os.path.dirname(path)  # noqa: PTH120  # for each event


def _outermost(paths: Iterable[str]) -> Iterator[str]:
    """Each once, and none that lies below another."""
    each = dict.fromkeys(paths)
    return (path for path in each if not any(above in each for above in _folders(path)))


def _folders(path: str) -> Iterator[str]:
    while (above := parent(path)) != path:
        yield above
        path = above


def _look(path: str) -> _Look:
    try:
        stat = os.stat(path)  # noqa: PTH116  # for each event of a file that is being written
    except (OSError, ValueError):
        return None
    return stat.st_size, stat.st_mtime_ns
