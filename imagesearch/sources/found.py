"""What a look at a source finds, and which names count: the same rules for every kind of source."""

from dataclasses import dataclass
from typing import Protocol

from imagesearch.pictures import picture_endings
from imagesearch.records import picture_id

# The largest file that is unpacked from an archive or downloaded: a picture of 170 million pixels, 16 bits
# a channel, uncompressed, has as much.
MAX_FILE_MB = 1024


class Recorded(Protocol):
    """What a store remembers of a file so that a change of it is noticed."""

    @property
    def size(self) -> int: ...
    @property
    def mtime_ns(self) -> int: ...


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that may be a picture: `path` is relative to `source`, with `/`.

    `beside` are the paths of the files that describe it; what a later one says counts more. `mtime_ns` is as
    databases keep it, see `in_64_bits`.
    """

    source: str
    path: str
    size: int
    mtime_ns: int
    beside: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "mtime_ns", in_64_bits(self.mtime_ns))

    @property
    def id(self) -> str:
        """That of its record."""
        return picture_id(self.source, self.path)

    @property
    def location(self) -> str:
        """Source and path in one."""
        return location(self.source, self.path)

    def is_still(self, known: Recorded) -> bool:
        """Whether it is, by size and time, as it was when `known` was recorded."""
        return (self.size, self.mtime_ns) == (known.size, known.mtime_ns)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file or folder that could not be looked into, and why. An empty `path` is the whole source."""

    source: str
    path: str
    reason: str

    @property
    def location(self) -> str:
        """Source and path in one."""
        return location(self.source, self.path)


def location(source: str, path: str) -> str:
    """The place of a file as one string; of an empty `path`, the source's."""
    if not path:
        return source
    return source + path if source.endswith("/") else f"{source}/{path}"


def in_64_bits(mtime_ns: int) -> int:
    """A time of change, which file systems take to any year, in a signed number of 64 bits.

    Those before 1678 and after 2262 come out as others: still different ones for different times, which is
    all that they are for.
    """
    return (mtime_ns + 2**63) % 2**64 - 2**63


def has_picture_ending(name: str) -> bool:
    """Whether it ends as one of the formats that are read, in any case."""
    return name[name.rfind(".") :].lower() in picture_endings()


def is_inside(path: str) -> bool:
    """Whether `path` stays below what it is relative to."""
    return not path.startswith("/") and ".." not in path.split("/") and "\0" not in path


def is_text(path: str) -> bool:
    """Whether it can be written down: names of files are bytes, which need not be UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_below(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or below it; everything is below an empty one."""
    return not folder or path == folder or path.startswith(folder.rstrip("/") + "/")


def too_large(size: int) -> str | None:
    """Why a file of `size` bytes is not fetched, if it is not."""
    if size <= MAX_FILE_MB << 20:
        return None
    return f"has {size / 2**20:,.0f} MiB, more than the {MAX_FILE_MB:,} MiB that are fetched"


NOT_TEXT = "has a name that is not valid UTF-8; rename it"
NOT_REGULAR = "is not a regular file"
EMPTY = "holds nothing now"
LEADS_NOWHERE = "is a link to what is not there; is a disk not mounted?"
LINK = "is a link; of archives only files themselves are read"
OUTSIDE = "has a name that leads out of the archive or bucket"
