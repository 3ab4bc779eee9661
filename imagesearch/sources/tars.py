"""The members of a tar file, also of a compressed one."""

import bz2
import gzip
import io
import lzma
import math
import os
import tarfile
import tempfile
import threading
import weakref
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from imagesearch.errors import BadPicture, BadSource
from imagesearch.sources.found import LINK, NOT_REGULAR, FoundFile, Unreadable
from imagesearch.sources.members import plain, refused

_GZIP, _BZIP2, _XZ = (".tar.gz", ".tgz"), (".tar.bz2", ".tbz2", ".tbz"), (".tar.xz", ".txz")
TAR_ENDINGS = (".tar", *_GZIP, *_BZIP2, *_XZ)

_PIECE = 1 << 20
# Headers are read at once: the longest names and tables of holes are far shorter.
_MOST_AT_ONCE = 16 << 20
# Pictures are packed already; what unpacks to so much more than it is, is made to fill disks.
MOST_UNPACKED = 200
_ALWAYS_UNPACKED = 64 << 20
_DAMAGE = (
    EOFError,
    LookupError,
    MemoryError,
    ValueError,
    OverflowError,
    RecursionError,
    lzma.LZMAError,
    tarfile.TarError,
    zlib.error,
)


class _Member(NamedTuple):
    """Where its bytes are in the unpacked stream; `refusal` is why it is not read."""

    offset: int
    size: int
    mtime_ns: int
    refusal: str | None


class TarMembers:
    """The files in the tar file at `root`. Raises OSError if that cannot be opened.

    A compressed one is read through to list it. Reading a member reads it up to that member, unless `keep`
    was called: then it is unpacked once, into a temporary file without a name.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._unpacked: int | None = None
        self.damage: str | None = None
        self._members: dict[str, _Member] = {}
        with _Stream(root) as stream:
            self._plain = stream.plain
            try:
                self._list(stream)
            except (*_DAMAGE, OSError) as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise
                self.damage = f"is damaged or cut short: {error}"
        if self._plain:
            self._hold(os.open(root, os.O_RDONLY))

    def _list(self, stream: "_Stream") -> None:
        with tarfile.open(fileobj=cast(BinaryIO, stream), mode="r:") as tar:
            while (info := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # else it keeps all that it ever saw
                if not info.isdir():
                    path = plain(info.name)
                    size = info.size if info.isreg() else 0
                    self._members[path] = _Member(
                        info.offset_data, size, _mtime_ns(info), _refused(path, info)
                    )

    def paths(self) -> Iterable[str]:
        return self._members

    def look(self, path: str) -> FoundFile | Unreadable | None:
        member = self._members.get(path)
        if member is None:
            return None
        if member.refusal:
            return Unreadable(self._root, path, member.refusal)
        return FoundFile(self._root, path, member.size, member.mtime_ns)

    def content(self, path: str) -> Iterator[bytes]:
        member = self._members[path]
        pieces = self._streamed(member) if self._unpacked is None else self._held(member, self._unpacked)
        left = member.size
        try:
            for piece in pieces:
                left -= len(piece)
                yield piece
        except _DAMAGE as error:
            raise BadPicture(f"is damaged in the archive: {error}") from error
        if left:
            raise BadPicture("is cut short in the archive")

    def keep(self) -> None:
        """Unpack a compressed tar file, once. Raises BadSource if there is no room for that."""
        with self._lock:
            if self._unpacked is not None:
                return
            folder = tempfile.gettempdir()
            try:
                with tempfile.TemporaryFile(dir=folder) as out, _Stream(self._root) as stream:
                    with suppress(*_DAMAGE):  # what comes after the damage was not listed
                        while piece := stream.some():
                            out.write(piece)
                    out.flush()
                    self._hold(os.dup(out.fileno()))
            except OSError as error:
                raise BadSource(
                    f"The archive {self._root!r} cannot be unpacked into {folder}: {error.strerror}. "
                    "Set TMPDIR to a folder on a disk with more room, or unpack it yourself."
                ) from error

    def _hold(self, handle: int) -> None:
        self._unpacked = handle
        weakref.finalize(self, os.close, handle)

    def _held(self, member: _Member, handle: int) -> Iterator[bytes]:
        end = member.offset + member.size
        for offset in range(member.offset, end, _PIECE):
            yield os.pread(handle, min(_PIECE, end - offset), offset)

    def _streamed(self, member: _Member) -> Iterator[bytes]:
        with _Stream(self._root) as stream:
            stream.seek(member.offset)
            for at in range(0, member.size, _PIECE):
                yield stream.read(min(_PIECE, member.size - at))


def _opened(root: str) -> io.BufferedIOBase:
    name = root.lower()
    if name.endswith(_GZIP):
        return gzip.open(root)
    if name.endswith(_BZIP2):
        return bz2.open(root)
    if name.endswith(_XZ):
        return lzma.open(root)
    return Path(root).open("rb")


class _Stream:
    """The unpacked bytes of a tar file, forwards only, with a cap on what they may grow to.

    Raises tarfile.ReadError over the cap.
    """

    def __init__(self, root: str) -> None:
        self._file = _opened(root)
        self.plain = root.lower().endswith(".tar")
        self._most = max(_ALWAYS_UNPACKED, MOST_UNPACKED * os.stat(root).st_size)  # noqa: PTH116
        self._at = 0

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end."""
        if size > _MOST_AT_ONCE:
            raise tarfile.ReadError("has a header that is far too long")
        return self._counted(self._file.read(size))

    def some(self) -> bytes:
        """What can be had of the next bytes, also where there is damage soon after."""
        return self._counted(self._file.read1(_PIECE))

    def _counted(self, piece: bytes) -> bytes:
        self._at += len(piece)
        if self._at > self._most:
            raise tarfile.ReadError(f"unpacks to more than {MOST_UNPACKED} times its size")
        return piece

    def tell(self) -> int:
        """How many bytes were read or passed over."""
        return self._at

    def seek(self, offset: int) -> None:
        """Go forwards to `offset`."""
        if self.plain:
            self._at = self._file.seek(offset)
            return
        if offset < self._at:
            raise tarfile.ReadError("goes backwards")
        while self._at < offset and self.read(min(_PIECE, offset - self._at)):
            pass

    def __enter__(self) -> "_Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _mtime_ns(info: tarfile.TarInfo) -> int:
    """Its time of change; of what is no number (a header may say so), 1970."""
    mtime_ns = info.mtime * 10**9
    return int(mtime_ns) if math.isfinite(mtime_ns) else 0


def _refused(path: str, info: tarfile.TarInfo) -> str | None:
    if info.issym() or info.islnk():
        return LINK
    if not info.isreg():
        return NOT_REGULAR
    if info.issparse():
        return "is stored with holes; unpack the archive"
    return refused(path, info.size)
