"""The members of a zip file."""

import calendar
import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator

from imagesearch.errors import BadPicture
from imagesearch.sources.found import LINK, NOT_REGULAR, FoundFile, Unreadable
from imagesearch.sources.members import plain, refused

ZIP_ENDINGS = (".zip",)

_PIECE = 1 << 20
_READ = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
_ENCRYPTED, _UTF8 = 0x1, 0x800
# What zipfile and its decoders raise on damaged archives. (bz2 raises an OSError, but one without a number.)
DAMAGE = (
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)


class ZipMembers:
    """The files in the zip file at `root`. Raises OSError if that cannot be opened."""

    def __init__(self, root: str) -> None:
        self._root = root
        self.damage: str | None = None
        self._infos: dict[str, zipfile.ZipInfo] = {}
        try:
            self._zip = zipfile.ZipFile(root)
        except DAMAGE as error:
            self.damage = f"is damaged or no zip file: {error}"
            return
        for info in self._zip.infolist():
            if not info.is_dir():
                self._infos[plain(_name(info))] = info

    def paths(self) -> Iterable[str]:
        return self._infos

    def look(self, path: str) -> FoundFile | Unreadable | None:
        info = self._infos.get(path)
        if info is None:
            return None
        if reason := _refused(path, info):
            return Unreadable(self._root, path, reason)
        return FoundFile(self._root, path, info.file_size, _mtime_ns(info))

    def content(self, path: str) -> Iterator[bytes]:
        try:
            # It reads no more than the size that is stated, whatever the member unpacks to.
            with self._zip.open(self._infos[path]) as member:
                while piece := member.read(_PIECE):
                    yield piece
        except DAMAGE as error:
            raise BadPicture(f"is damaged in the archive: {error}") from error
        except OSError as error:
            if error.errno is None:
                raise BadPicture(f"is damaged in the archive: {error}") from error
            raise

    def keep(self) -> None:
        """Members are unpacked one by one."""


def _name(info: zipfile.ZipInfo) -> str:
    """Many programs write UTF-8 without saying so; then zipfile takes it for the DOS code page."""
    if info.flag_bits & _UTF8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode()
    except UnicodeError:
        return info.filename


def _refused(path: str, info: zipfile.ZipInfo) -> str | None:
    mode = info.external_attr >> 16
    if stat.S_ISLNK(mode):
        return LINK
    if stat.S_IFMT(mode) and not stat.S_ISREG(mode):
        return NOT_REGULAR
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted; unpack the archive with its password"
    if info.compress_type not in _READ:
        return f"is packed by a method that is not read here ({info.compress_type}); unpack the archive"
    return refused(path, info.file_size)


def _mtime_ns(info: zipfile.ZipInfo) -> int:
    """The date of the member, and, in the nanoseconds, which a zip file does not have, its CRC-32.

    So that a member that was replaced by one of the same size and date is noticed. The date is the clock of
    the machine that packed it, without a zone: taken for UTC.
    """
    try:
        seconds = calendar.timegm((*info.date_time, 0, 0, 0))
    except ValueError:
        seconds = 0
    return seconds * 10**9 + info.CRC % 10**9
