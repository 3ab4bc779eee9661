"""The files beside a picture that describe it: XMP of other programs, JSON of Google Takeout."""

import os
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from unicodedata import normalize

from imagesearch.records import composed
from imagesearch.sources.found import FoundFile, Unreadable

ENDINGS = (".json", ".xmp")

# How many pictures, and how many other files, are remembered of a listing that goes by once.
_REMEMBERED = 10_000

# Google cuts what comes before `.json` off here.
_LONGEST_STEM = 46
_NUMBERED = re.compile(r"(.*)(\(\d+\))(\.[^.]*)")
_EDITED = re.compile(r"(.*)-edited((?:\(\d+\))?\.[^.]*)")


def described(file: FoundFile, time_of: Callable[[str], int | None]) -> FoundFile:
    """`file` with the files beside it; its time is then the second of the newest of them all.

    The nanoseconds of it are a checksum of all the times, so that whoever compares sees that one of the files
    came, changed or went. `time_of` is the time of a path in nanoseconds since 1970, None where there is no
    such file.
    """
    folder, slash, name = file.path.rpartition("/")
    times = {path: time_of(path) for path in (folder + slash + n for n in sidecar_names(name))}
    there = {path: time for path, time in times.items() if time is not None}
    if not there:
        return file
    newest = max(file.mtime_ns, *there.values()) // 10**9
    times_of_all = repr((file.mtime_ns, sorted(there.items())))
    checksum = zlib.crc32(times_of_all.encode()) % 10**9
    return replace(file, mtime_ns=newest * 10**9 + checksum, beside=tuple(there))


def described_in_passing(
    listed: Iterable[FoundFile | Unreadable], time_of: Callable[[str], int | None]
) -> Iterator[FoundFile | Unreadable]:
    """The pictures of `listed`, each with the files beside it, as `described` has them.

    `listed` holds pictures and what may be beside them in the order of their paths, and is gone through
    once: a picture waits until all has come that begins as it does. `time_of` is asked for what is too far
    away for that.
    """
    waiting: deque[tuple[FoundFile | Unreadable, str]] = deque()
    times: dict[str, int] = {}
    since = ""

    def first(before: str | None) -> FoundFile | Unreadable:
        def time(path: str) -> int | None:
            known = path > since and (before is None or path < before)
            return times.get(path) if known else time_of(path)

        file, _ = waiting.popleft()
        return described(file, time) if isinstance(file, FoundFile) else file

    for file in listed:
        while waiting and (len(waiting) == _REMEMBERED or not file.path.startswith(waiting[0][1])):
            yield first(before=file.path)
        if isinstance(file, Unreadable) or not file.path.endswith(ENDINGS):
            waiting.append((file, file.path if isinstance(file, Unreadable) else beginning(file.path)))
            continue
        times[file.path] = file.mtime_ns
        if len(times) > _REMEMBERED:
            since = next(iter(times))
            del times[since]
    while waiting:
        yield first(before=None)


def beginning(path: str) -> str:
    """What `path` and those of all files that may be beside it begin with."""
    folder, slash, name = path.rpartition("/")
    names = (name, *sidecar_names(name))
    # Of all of them these two have least in common.
    return folder + slash + os.path.commonprefix([min(names), max(names)])  # noqa: RUF071  # letter by letter


def sidecar_names(name: str) -> tuple[str, ...]:
    """What files that describe the picture `name` (without its folder) may be called.

    What a later one says counts more. Google puts the number of a second `a.jpg`, which it calls `a(1).jpg`,
    after the ending (`a.jpg(1).json`), cuts long names off, and describes edited pictures with the original.
    Accents may be in their letters or apart from them, whichever they are in `name`.
    """
    either = (normalize(form, n) for n in _names_beside(composed(name)) for form in ("NFC", "NFD"))
    return tuple(dict.fromkeys((*either, *_names_beside(name))))


def _names_beside(name: str) -> tuple[str, ...]:
    stem = name.rpartition(".")[0] or name
    edited = _EDITED.fullmatch(name)
    of_original = _takeout_names(edited[1] + edited[2]) if edited else ()
    return tuple(dict.fromkeys((*of_original, *_takeout_names(name), f"{stem}.xmp", f"{name}.xmp")))


def _takeout_names(name: str) -> tuple[str, ...]:
    numbered = _NUMBERED.fullmatch(name)
    plain, number = (numbered[1] + numbered[3], numbered[2]) if numbered else (name, "")
    stems = []
    for supplement in ("", ".supplemental-metadata"):
        stems.append(f"{plain}{supplement}"[:_LONGEST_STEM] + number)
        stems.append(f"{plain}{supplement}"[: _LONGEST_STEM - len(number)] + number)
        stems.append(f"{name}{supplement}"[:_LONGEST_STEM])
    return tuple(f"{stem}.json" for stem in stems)
