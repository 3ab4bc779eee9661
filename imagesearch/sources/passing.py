"""Which files and folders are passed over: nobody's pictures, and what the user leaves out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property

from imagesearch.records import composed
from imagesearch.sources.found import location

# What is hidden, thrown away, or made by a program for itself. docs/sources.md says whose each of them is.
USUAL = (
    ".*",
    "__MACOSX",
    # network storages
    "@eaDir",
    "@Recycle",
    "@Recently-Snapshot",
    "@sharebin",
    "@tmp",
    "#recycle",
    "#snapshot",
    # Windows and Linux
    "$RECYCLE.BIN",
    "RECYCLER",
    "RECYCLED",
    "System Volume Information",
    "lost+found",
    # programs for photographs
    "*.lrdata",
    "*.lrcat-data",
    "CaptureOne/Cache",
    "*.cocatalog/Cache",
    "*.photoslibrary/database",
    "*.photoslibrary/internal",
    "*.photoslibrary/private",
    "*.photoslibrary/resources",
    "*.photoslibrary/scopes",
    "*.photolibrary/Previews",
    "*.photolibrary/Thumbnails",
    "*.aplibrary/Previews",
    "*.aplibrary/Thumbnails",
    # Nextcloud
    "appdata_*/preview",
    "files_trashbin",
    "files_versions",
)


@dataclass(frozen=True)
class PassedOver:
    """Files and folders, with all that is in them, whose names fit one of USUAL or of `more`.

    Each is a pattern of a name (`*`, `?` and `[…]` as in a shell), or of several that follow each other, with
    `/` between them. Neither case nor the way in which accents are written matters. What a person names to be
    ingested is never passed over itself, but its name counts for what is in it.
    """

    more: tuple[str, ...] = ()

    @cached_property
    def _patterns(self) -> list[list[re.Pattern[str]]]:
        given = ([part for part in pattern.split("/") if part] for pattern in (*USUAL, *self.more))
        return [[re.compile(translate(composed(part)), re.IGNORECASE) for part in parts] for parts in given]

    @cached_property
    def _last(self) -> re.Pattern[str]:
        """What the name of everything that is passed over fits, so that most names are looked at once."""
        return re.compile("|".join(parts[-1].pattern for parts in self._patterns), re.IGNORECASE)

    def holds(self, name: str, folders: Sequence[str]) -> bool:
        """Whether what is called `name` is passed over; `folders` are those that it lies in."""
        if not self._last.match(composed(name)):
            return False
        names = [composed(one) for one in (*folders, name)]
        return any(_fit(parts, names[-len(parts) :]) for parts in self._patterns)

    def holds_below(self, root: str, path: str) -> bool:
        """Whether any part of `path`, which is relative to `root`, is passed over."""
        names = location(root, path).split("/")
        own = len(root.rstrip("/").split("/"))
        return any(self.holds(names[i], names[:i]) for i in range(own, len(names)))


def _fit(patterns: Sequence[re.Pattern[str]], names: Sequence[str]) -> bool:
    return len(patterns) == len(names) and all(p.match(n) for p, n in zip(patterns, names, strict=True))


USUALLY = PassedOver()
