"""Where picture files are: folders, archives, object stores."""

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from cachetools import LRUCache

from imagesearch.errors import BadSource
from imagesearch.sources.archive import Archive, has_archive_ending
from imagesearch.sources.folder import Folder
from imagesearch.sources.found import FoundFile, Unreadable
from imagesearch.sources.passing import USUALLY, PassedOver
from imagesearch.sources.remote import Remote, is_url

__all__ = ["FoundFile", "PassedOver", "Source", "Sources", "Unreadable", "open_source", "source_at"]

# Archives whose lists of members are kept at hand.
_KEPT = 8


class Source(Protocol):
    """Picture files below one root. Used by several threads at a time."""

    @property
    def root(self) -> str:
        """What `Picture.source` says: an absolute folder, an archive's absolute path, or a URL."""
        ...

    @property
    def divisible(self) -> bool:
        """Whether what lies below a part of it may be a source of its own: a folder, not an archive."""
        ...

    def walk(self, within: str = "") -> Iterator[FoundFile | Unreadable]:
        """Every picture file at or below the path `within`, by code points in the order of the paths.

        Raises BadSource if there is nothing of that name.
        """
        ...

    def found(self, path: str) -> FoundFile | None:
        """The file at `path` as it is now, or None if there is no such file.

        Raises BadSource where that cannot be told: the source as a whole is not there.
        """
        ...

    def away(self, folder: str) -> Unreadable | None:
        """The part of the source that `folder` is or lies in, if it looks like a disk that is not mounted.

        The reason is EMPTY or LEADS_NOWHERE. Raises BadSource where it cannot be told.
        """
        ...

    def fetch(self, path: str) -> AbstractContextManager[Path]:
        """The file on this machine: itself, or a copy that is gone when the block ends.

        Raises BadPicture if it is the file's fault, BadSource if the source as a whole is not there or there
        is no room for a copy.
        """
        ...


class Sources:
    """Sources by their roots, the last archives kept open: their lists of members take long to read."""

    def __init__(self, passed_over: PassedOver = USUALLY) -> None:
        self._passed_over = passed_over
        self._kept: LRUCache[str, Source] = LRUCache(_KEPT)
        self._lock = threading.Lock()

    def at(self, root: str) -> Source:
        """As `source_at`, but the same archive again."""
        with self._lock:
            if root not in self._kept:
                source = source_at(root, self._passed_over)
                if not isinstance(source, Archive):
                    return source
                self._kept[root] = source
            return self._kept[root]


def open_source(given: str | Path, passed_over: PassedOver = USUALLY) -> tuple[Source, str]:
    """What a person names: a folder, a single file, an archive or a URL; with the path in it that is meant.

    Archives that lie in folders are not looked into. Raises BadSource, in words, for what cannot be used.
    """
    if is_url(str(given)):
        return Remote(str(given), passed_over), ""
    path = os.path.abspath(Path(given).expanduser())
    # These of os.path say no, where those of Path raise, of what may not be looked at.
    if os.path.isdir(path):  # noqa: PTH112
        return Folder(path, passed_over), ""
    if not os.path.isfile(path):  # noqa: PTH113
        raise BadSource(f"There is no folder or file {path!r}. Check the path.")
    if has_archive_ending(path):
        return Archive(path, passed_over), ""
    folder, name = os.path.split(path)
    return Folder(folder, passed_over), name


def source_at(root: str, passed_over: PassedOver = USUALLY) -> Source:
    """The source that records name as theirs, also when it is gone. Raises BadSource for a URL of no use."""
    if is_url(root):
        return Remote(root, passed_over)
    if has_archive_ending(root) and not os.path.isdir(root):  # noqa: PTH112
        return Archive(root, passed_over)
    return Folder(root, passed_over)
