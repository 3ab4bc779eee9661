"""Folders on this machine."""

import errno
import os
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

from imagesearch.errors import BadPicture, BadSource
from imagesearch.sources.beside import ENDINGS, described, sidecar_names
from imagesearch.sources.found import (
    EMPTY,
    LEADS_NOWHERE,
    NOT_REGULAR,
    NOT_TEXT,
    FoundFile,
    Unreadable,
    has_picture_ending,
    is_inside,
    is_text,
    location,
)
from imagesearch.sources.passing import USUALLY, PassedOver


class _Listing(NamedTuple):
    """What is to be looked at in a folder: its path with `/`, its names (a folder's with `/`) in order.

    `real` is where it is when links are followed, `links` those of the names that are some, `unclear` why it
    is not known of a name what is there, `beside` the names of files that may describe pictures.
    """

    prefix: str
    real: str
    names: Iterator[str]
    links: set[str]
    unclear: dict[str, str]
    beside: set[str]


class Folder:
    """The picture files below a folder.

    Links are followed, a folder once, unless what they lead to lies below `root` and is found anyway.
    """

    divisible = True

    def __init__(self, root: str | Path, passed_over: PassedOver = USUALLY) -> None:
        self.root = os.path.abspath(root)
        self._passed_over = passed_over

    def walk(self, within: str = "") -> Iterator[FoundFile | Unreadable]:
        start = location(self.root, within)
        # These of os.path say no, where those of Path raise, of what may not be looked at.
        if os.path.isfile(start):  # noqa: PTH113
            yield self._described(within, sidecar_names(within.rpartition("/")[2]))
        elif os.path.isdir(start):  # noqa: PTH112
            yield from self._walk_folder(within)
        else:
            raise BadSource(f"There is no folder or file {start!r}. Check the path.")

    def found(self, path: str) -> FoundFile | None:
        if not is_inside(path) or not is_text(path):
            return None
        try:
            stat = os.stat(location(self.root, path))  # noqa: PTH116  # a Path for each costs more than the call
        except OSError as error:
            self._check_whole()
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
                raise self._unclear(path, error) from error
            # Out of a folder that is empty now it may have been moved; behind such a link nobody knows.
            if (away := self.away(path.rpartition("/")[0])) and away.reason == LEADS_NOWHERE:
                raise BadSource(f"{away.location} {LEADS_NOWHERE}") from error
            return None
        if not S_ISREG(stat.st_mode):
            self._check_whole()
            return None
        return described(FoundFile(self.root, path, stat.st_size, stat.st_mtime_ns), self._time)

    def away(self, folder: str) -> Unreadable | None:
        while folder:
            at = location(self.root, folder)
            try:
                return Unreadable(self.root, folder, EMPTY) if self._is_empty(at) else None
            except (FileNotFoundError, NotADirectoryError):
                if os.path.islink(at) and not os.path.exists(at):  # noqa: PTH110, PTH114
                    return Unreadable(self.root, folder, LEADS_NOWHERE)
            except OSError as error:
                raise self._unclear(folder, error) from error
            folder = folder.rpartition("/")[0]
        return None

    @contextmanager
    def fetch(self, path: str) -> Iterator[Path]:
        file = Path(location(self.root, path))
        try:
            regular = is_inside(path) and S_ISREG(file.stat().st_mode)
        except OSError as error:
            self._check_whole()
            raise BadPicture(f"cannot be read: {error.strerror}") from error
        if not regular:
            raise BadPicture(NOT_REGULAR)
        yield file

    def _unclear(self, path: str, error: OSError) -> BadSource:
        place = location(self.root, path)
        return BadSource(f"It cannot be told whether {place!r} is there: {error.strerror}.")

    def _check_whole(self) -> None:
        """Raises BadSource where the folder is gone, or as empty as one that a disk should be mounted on."""
        try:
            if not self._is_empty(self.root):
                return
            reason = "is empty"
        except OSError as error:
            reason = f"cannot be looked into: {error.strerror}"
        raise BadSource(f"The folder {self.root!r} {reason}. Is a disk not mounted?")

    def _is_empty(self, folder: str) -> bool:
        """Whether it holds nothing, but perhaps what is passed over. Raises OSError."""
        folders = folder.split("/")
        with os.scandir(folder) as entries:
            return all(self._passed_over.holds(entry.name, folders) for entry in entries)

    def _walk_folder(self, start: str) -> Iterator[FoundFile | Unreadable]:
        followed: set[str] = set()
        prefix = f"{start}/" if start else ""
        step = self._enter(prefix, os.path.realpath(location(self.root, start)), followed)
        listings = [step] if isinstance(step, _Listing) else []
        if isinstance(step, Unreadable):
            yield step
        while listings:
            listing = listings[-1]
            for name in listing.names:
                path = listing.prefix + name
                if name in listing.unclear:
                    yield Unreadable(self.root, path, listing.unclear[name])
                elif not name.endswith("/"):
                    yield self._described(path, listing.beside)
                elif isinstance(step := self._enter(path, self._real(listing, name), followed), _Listing):
                    listings.append(step)
                    break
                elif step:
                    yield step
            else:
                listings.pop()

    def _real(self, listing: _Listing, name: str) -> str:
        if name in listing.links:
            return os.path.realpath(location(self.root, listing.prefix + name[:-1]))
        return location(listing.real, name[:-1])

    def _enter(self, prefix: str, real: str, followed: set[str]) -> _Listing | Unreadable | None:
        """The listing of a folder, unless a link led to it before."""
        if real in followed:
            return None
        followed.add(real)
        try:
            return self._listing(prefix, real)
        except OSError as error:
            return Unreadable(self.root, prefix.rstrip("/"), error.strerror or str(error))

    def _listing(self, prefix: str, real: str) -> _Listing:
        names: list[str] = []
        listing = _Listing(prefix, real, iter(names), set(), {}, set())
        folder = location(self.root, prefix.rstrip("/"))
        folders = folder.split("/")
        with os.scandir(folder) as entries:
            for entry in entries:
                name, link = entry.name, entry.is_symlink()
                if self._passed_over.holds(name, folders) or (link and self._found_anyway(entry.path)):
                    continue
                try:
                    if entry.is_dir():
                        names.append(name + "/")
                        listing.links.update([name + "/"] if link else ())
                    elif has_picture_ending(name):
                        names.append(name)
                    elif name.endswith(ENDINGS):
                        listing.beside.add(name)
                except OSError as error:
                    names.append(name)
                    listing.unclear[name] = error.strerror or str(error)
        names.sort()
        return listing

    def _found_anyway(self, link: str) -> bool:
        """Whether the walk comes to what `link` leads to by its own name, too."""
        target, root = Path(os.path.realpath(link)), Path(os.path.realpath(self.root))
        if not target.is_relative_to(root):
            return False
        if self._passed_over.holds_below(self.root, "/".join(target.relative_to(root).parts)):
            return False
        if os.path.isdir(target):  # noqa: PTH112
            return True
        return os.path.isfile(target) and has_picture_ending(target.name)  # noqa: PTH113

    def _described(self, path: str, beside: Container[str]) -> FoundFile | Unreadable:
        """What is at `path`, with those files of the names `beside` that describe it."""
        found = self._look(path)
        if not beside or isinstance(found, Unreadable):
            return found
        return described(found, lambda p: self._time(p) if p.rpartition("/")[2] in beside else None)

    def _time(self, path: str) -> int | None:
        try:
            stat = os.stat(location(self.root, path))  # noqa: PTH116
        except OSError:
            return None
        return stat.st_mtime_ns if S_ISREG(stat.st_mode) else None

    def _look(self, path: str) -> FoundFile | Unreadable:
        if not path.isascii() and not is_text(path):
            return Unreadable(self.root, path, NOT_TEXT)
        try:
            stat = os.stat(location(self.root, path))  # noqa: PTH116  # a million of them in a walk
        except OSError as error:
            return Unreadable(self.root, path, error.strerror or str(error))
        if not S_ISREG(stat.st_mode):
            return Unreadable(self.root, path, NOT_REGULAR)
        return FoundFile(self.root, path, stat.st_size, stat.st_mtime_ns)
