"""The members of a zip file."""

import calendar
import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress

from imagesearch.errors import BadPicture
from imagesearch.sources.found import LINK, NOT_REGULAR, FoundFile, Unreadable
from imagesearch.sources.members import plain, refused

ZIP_ENDINGS = (".zip",)

_PIECE = 1 << 20
_READ = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
_ENCRYPTED, _UTF8 = 0x1, 0x800
_DOS = 0  # or Windows, as what made the archive
_FIELD, _UNICODE_PATH = struct.Struct("<HH"), 0x7075
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
            if not (name := _name(info)).endswith("/"):
                self._infos[plain(name)] = info

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
    """The name as unzip would write it."""
    name = _unicode_path(info) or _decoded(info)
    # Some programs on Windows separate folders so; from elsewhere it is a character of the name.
    return name.replace("\\", "/") if info.create_system == _DOS and "/" not in name else name


def _decoded(info: zipfile.ZipInfo) -> str:
    """Many programs write UTF-8 without saying so; then zipfile takes it for the DOS code page."""
    if info.flag_bits & _UTF8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode()
    except UnicodeError:
        return info.filename


def _unicode_path(info: zipfile.ZipInfo) -> str | None:
    """What the field for names in UTF-8 says (APPNOTE.TXT, 4.6.9), if it is of this name.

    It has a checksum of the name that it stands for: a program that does not know it may have renamed.
    """
    extra = info.extra
    while len(extra) >= _FIELD.size:
        kind, size = _FIELD.unpack_from(extra)
        field, extra = extra[_FIELD.size :][:size], extra[_FIELD.size + size :]
        if kind == _UNICODE_PATH and field[:5] == b"\1" + struct.pack("<I", zlib.crc32(_bytes(info))):
            with suppress(UnicodeError):
                return field[5:].decode()
    return None


def _bytes(info: zipfile.ZipInfo) -> bytes:
    """The name as it stands in the archive."""
    return info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8 else "cp437")


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
