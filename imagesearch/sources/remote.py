"""Pictures in object stores, through fsspec and the package that it takes for each kind of them."""

import errno
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from imagesearch.errors import BadPicture, BadSource, PackageMissing
from imagesearch.sources.archive import temporary
from imagesearch.sources.beside import ENDINGS, beginning, described, described_in_passing
from imagesearch.sources.found import (
    NOT_TEXT,
    OUTSIDE,
    FoundFile,
    Unreadable,
    has_picture_ending,
    is_inside,
    is_text,
    too_large,
)
from imagesearch.sources.passing import USUALLY, PassedOver

# The package that fsspec takes for each.
PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
# What each of them calls the time of the last change, and what changes with the content.
_TIMES = ("LastModified", "last_modified", "mtime", "updated")
_TAGS = ("ETag", "etag", "md5Hash")
# How many names S3 lists at a time.
_NEAR = 1000

Info = Mapping[str, Any]
# fsspec has no types.
Files = Any


def is_url(given: str) -> bool:
    """Whether it is meant as a URL, not as a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", given) is not None


class Remote:
    """The picture files below a URL such as `s3://bucket/folder`.

    Credentials are the environment's, as the package for that store reads them; none may be in the URL.
    """

    divisible = True

    def __init__(self, url: str, passed_over: PassedOver = USUALLY) -> None:
        """Raises BadSource for a URL of no use."""
        self._passed_over = passed_over
        parts = urlsplit(url)
        self._scheme = parts.scheme.lower()
        if self._scheme not in PACKAGES:
            known = ", ".join(f"{scheme}://" for scheme in PACKAGES)
            raise BadSource(
                f"{parts.scheme}:// cannot be read. Name a folder, an archive, or one of {known}."
            )
        if "@" in parts.netloc:
            raise BadSource(
                f"Leave user name and password out of the {parts.scheme}:// URL: it is stored with every "
                "picture. Credentials are taken from the environment (docs/sources.md)."
            )
        self._base = url.partition("://")[2].rstrip("/")
        if not parts.netloc or not is_inside(self._base):
            raise BadSource(f"{parts.scheme}:// takes the name of a bucket after it, and perhaps a folder.")
        self.root = f"{self._scheme}://{self._base}"

    def walk(self, within: str = "") -> Iterator[FoundFile | Unreadable]:
        anything = False
        if within and (one := self.found(within)):
            anything = True
            yield one
        with self._in_words():
            listed = self._listed(f"{within}/" if within else "")
            if start := next(listed, None):
                anything = True
                yield from described_in_passing(self._of_use(chain([start], listed)), self._time)
        if not anything:
            raise BadSource(f"There is nothing at {self._name(within)}. Check the name.")

    def found(self, path: str) -> FoundFile | None:
        found = self._look(path) if path else None
        if found is None:
            self._check_whole()
            return None
        return described(found, self._times_near(path))

    def away(self, folder: str) -> None:
        """Folders in a bucket are only names."""

    @contextmanager
    def fetch(self, path: str) -> Iterator[Path]:
        if not is_inside(path):
            raise BadPicture(OUTSIDE)
        with temporary(path) as file:
            self._download(path, file)
            yield file

    def _download(self, path: str, file: Path) -> None:
        with self._in_words():
            try:
                self._files().get_file(self._key(path), str(file), callback=_capped())
            except FileNotFoundError as error:
                self._check_whole()
                raise BadPicture("is not there any more") from error
            except PermissionError as error:
                self._check_whole()  # all of it, or this one: archived in a slower class, say
                raise BadPicture("may not be read, or is archived") from error

    def _check_whole(self) -> None:
        """Raises BadSource where there is nothing at all, or no way to it."""
        with self._in_words():
            anything = next(iter(self._listed("")), None)
        if anything is None:
            raise BadSource(f"There is nothing at {self.root}. Check the name.")

    def _listed(self, prefix: str) -> Iterator[tuple[str, Info]]:
        """Every file below `prefix`, in the order of their paths."""
        files = self._files()
        listed = pages_of_s3 if self._scheme == "s3" else whole_listing
        below = f"{self._base}/"
        for name, info in listed(files, below + prefix):
            yield name.removeprefix(below), info

    def _of_use(self, listed: Iterable[tuple[str, Info]]) -> Iterator[FoundFile | Unreadable]:
        """The pictures in a listing, and what may be beside them."""
        for path, info in listed:
            if not is_inside(path) or not self._passed_over.holds_below(self.root, path):
                if has_picture_ending(path):
                    yield self._described(path, info)
                elif path.endswith(ENDINGS) and isinstance(file := self._described(path, info), FoundFile):
                    yield file

    def _look(self, path: str) -> FoundFile | None:
        """The file at `path` without what is beside it."""
        with self._in_words():
            try:
                info = self._files().info(self._key(path), refresh=True)
            except FileNotFoundError:
                return None
        found = self._described(path, info) if info["type"] == "file" else None
        return found if isinstance(found, FoundFile) else None

    def _times_near(self, path: str) -> Callable[[str], int | None]:
        """The times of what is beside `path`: in one request, if names there are not all alike."""
        if self._scheme == "s3":
            with self._in_words():
                near = list(islice(self._listed(beginning(path)), _NEAR))
            if len(near) < _NEAR:
                times = {
                    file.path: file.mtime_ns for file in self._of_use(near) if isinstance(file, FoundFile)
                }
                return times.get
        return self._time

    def _time(self, path: str) -> int | None:
        found = self._look(path)
        return found.mtime_ns if found else None

    def _described(self, path: str, info: Info) -> FoundFile | Unreadable:
        if not is_inside(path):
            return Unreadable(self.root, path, OUTSIDE)
        if not is_text(path):
            return Unreadable(self.root, path, NOT_TEXT)
        size = int(info["size"] if "size" in info else info["Size"])
        if reason := too_large(size):
            return Unreadable(self.root, path, reason)
        return FoundFile(self.root, path, size, _mtime_ns(info))

    def _files(self) -> Files:
        """The file system. Raises PackageMissing."""
        import fsspec

        try:
            return fsspec.filesystem(self._scheme, use_listings_cache=False)
        except ImportError as error:
            package = PACKAGES[self._scheme]
            extra = "-r requirements-s3.txt" if package == "s3fs" else package
            raise PackageMissing(
                f"Pictures in {self._scheme}:// take the package {package}, which is not installed: "
                f"pip install {extra}"
            ) from error

    def _key(self, path: str) -> str:
        return f"{self._base}/{path}"

    def _name(self, path: str) -> str:
        return f"{self.root}/{path}" if path else self.root

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """Whatever the library raises, as BadSource: without its own words, which may hold what is secret."""
        try:
            yield
        except (BadSource, BadPicture):
            raise
        except FileNotFoundError as error:
            raise BadSource(f"There is nothing at {self.root}. Check the name.") from error
        except PermissionError as error:
            raise BadSource(
                f"{self.root} may not be read with the credentials of this environment (docs/sources.md)."
            ) from error
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise BadSource("There is no room for temporary files. Set TMPDIR.") from error
            raise BadSource(self._unreachable(error)) from error
        except Exception as error:  # each library raises its own
            raise BadSource(self._unreachable(error)) from error

    def _unreachable(self, error: Exception) -> str:
        return (
            f"{self.root} cannot be reached ({type(error).__name__}). Check the name, the network and the "
            "credentials (docs/sources.md)."
        )


def pages_of_s3(files: Files, prefix: str) -> Iterator[tuple[str, Info]]:
    """Names and what is known of each object, page by page: S3 lists keys by their bytes in order."""
    bucket, _, key = prefix.partition("/")
    more: dict[str, str] = {}
    while True:
        page = files.call_s3("list_objects_v2", Bucket=bucket, Prefix=key, **more)
        for item in page.get("Contents", ()):
            if not item["Key"].endswith("/"):
                yield f"{bucket}/{item['Key']}", item
        if not page.get("IsTruncated"):
            return
        more = {"ContinuationToken": page["NextContinuationToken"]}


def whole_listing(files: Files, prefix: str) -> Iterable[tuple[str, Info]]:
    """The same of any other file system of fsspec, which gives them at once and in an order of its own."""
    listed: dict[str, Info] = files.find(prefix.rstrip("/"), detail=True)
    return sorted(item for item in listed.items() if item[0].startswith(prefix) and not item[0].endswith("/"))


def _mtime_ns(info: Info) -> int:
    """The second of the last change, and, in its nanoseconds, a checksum of what changes with the content.

    So that an object that was replaced within a second by one of the same size is noticed.
    """
    changed = next((info[name] for name in _TIMES if info.get(name)), 0)
    if isinstance(changed, str):
        changed = datetime.fromisoformat(changed)
    seconds = changed.timestamp() if isinstance(changed, datetime) else changed
    tag = next((str(info[name]).strip('"') for name in _TAGS if info.get(name)), "")
    return int(seconds) * 10**9 + zlib.crc32(tag.encode()) % 10**9


def _capped() -> Files:
    """What stops a download that turns out to be larger than its listing said."""
    from fsspec.callbacks import Callback

    class Capped(Callback):  # type: ignore[misc]
        def set_size(self, size: int) -> None:
            if size and (reason := too_large(size)):
                raise BadPicture(reason)

    return Capped()
