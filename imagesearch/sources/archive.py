"""Pictures in zip and tar files, read where they are: nothing is ever written under a member's own name."""

import os
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from stat import S_ISREG
from typing import Protocol

from imagesearch.errors import BadPicture, BadSource
from imagesearch.sources.beside import ENDINGS, described
from imagesearch.sources.found import (
    FoundFile,
    Unreadable,
    has_picture_ending,
    is_below,
    is_inside,
)
from imagesearch.sources.passing import USUALLY, PassedOver
from imagesearch.sources.tars import TAR_ENDINGS, TarMembers
from imagesearch.sources.zips import ZIP_ENDINGS, ZipMembers


class Members(Protocol):
    """The files in an archive by path, of several of a name the last. Used by several threads."""

    # What cut the reading of them short, if anything.
    damage: str | None

    def paths(self) -> Iterable[str]:
        """All of them, in no order."""
        ...

    def look(self, path: str) -> FoundFile | Unreadable | None:
        """What is at `path`, or None."""
        ...

    def content(self, path: str) -> Iterator[bytes]:
        """The bytes of a file, in pieces. Raises BadPicture, OSError."""
        ...

    def keep(self) -> None:
        """Many are going to be read. Raises BadSource if that takes room that is not there."""
        ...


def has_archive_ending(path: str) -> bool:
    """Whether a file of this name is one of the archives that are read."""
    return path.lower().endswith((*ZIP_ENDINGS, *TAR_ENDINGS))


class Archive:
    """The picture files in a zip or tar file, which may change meanwhile."""

    divisible = False

    def __init__(self, file: str | Path, passed_over: PassedOver = USUALLY) -> None:
        self.root = os.path.abspath(file)
        self._passed_over = passed_over
        self._lock = threading.Lock()
        self._state: tuple[int, ...] | None = None
        self._opened: Members | None = None
        self._walked = False

    def walk(self, within: str = "") -> Iterator[FoundFile | Unreadable]:
        members = self._members()
        self._walked = True
        wanted = sorted(path for path in members.paths() if is_below(path, within) and self._is_wanted(path))
        if within and not wanted:
            raise BadSource(f"There is no {within!r} in {self.root}. Check the path.")
        if members.damage:
            yield Unreadable(self.root, "", members.damage)
        beside = any(path.endswith(ENDINGS) for path in members.paths())
        for path in wanted:
            if found := members.look(path):
                yield _with_beside(found, members) if beside and isinstance(found, FoundFile) else found

    def found(self, path: str) -> FoundFile | None:
        members = self._members()
        found = members.look(path)
        if found is None and members.damage:
            raise BadSource(f"The archive {self.root!r} {members.damage}.")
        return _with_beside(found, members) if isinstance(found, FoundFile) else None

    def away(self, folder: str) -> None:
        """An archive is there as a whole."""

    @contextmanager
    def fetch(self, path: str) -> Iterator[Path]:
        members = self._members()
        found = members.look(path)
        if not isinstance(found, FoundFile):
            raise BadPicture(found.reason if found else "is not in the archive any more")
        if self._walked:
            members.keep()
        with temporary(path) as file:
            try:
                with file.open("wb") as out:
                    out.writelines(members.content(path))
            except OSError as error:
                raise BadSource(
                    f"{self.root}: {path} cannot be unpacked into {file.parent}: {error.strerror}."
                ) from error
            yield file

    def _is_wanted(self, path: str) -> bool:
        if not has_picture_ending(path):
            return False
        return not is_inside(path) or not self._passed_over.holds_below(self.root, path)

    def _members(self) -> Members:
        """Those of the archive as it is now. Raises BadSource if it is not there."""
        with self._lock:
            try:
                stat = os.stat(self.root)  # noqa: PTH116
            except OSError as error:
                raise BadSource(f"The archive {self.root!r} cannot be read: {error.strerror}.") from error
            if not S_ISREG(stat.st_mode):
                raise BadSource(f"{self.root!r} is not a regular file.")
            state = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
            if self._opened is None or state != self._state:
                self._opened, self._state = self._open(), state
            return self._opened

    def _open(self) -> Members:
        kind = ZipMembers if self.root.lower().endswith(ZIP_ENDINGS) else TarMembers
        try:
            return kind(self.root)
        except OSError as error:
            raise BadSource(f"The archive {self.root!r} cannot be read: {error.strerror}.") from error


@contextmanager
def temporary(path: str) -> Iterator[Path]:
    """An empty file with the ending of `path`, gone when the block ends. Raises BadSource without room."""
    try:
        handle, name = tempfile.mkstemp(suffix=PurePosixPath(path).suffix[:16], prefix="picture-")
    except OSError as error:
        raise BadSource(f"There is no temporary file to be had: {error.strerror}. Set TMPDIR.") from error
    os.close(handle)
    file = Path(name)
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)


def _with_beside(found: FoundFile, members: Members) -> FoundFile:
    def time(path: str) -> int | None:
        one = members.look(path)
        return one.mtime_ns if isinstance(one, FoundFile) else None

    return described(found, time)
