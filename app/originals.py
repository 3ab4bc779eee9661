"""Where the files behind the records are, and what of them may be shown."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from imagesearch.errors import BadPicture, BadSource, OriginalMissing, PackageMissing
from imagesearch.pictures import sniff
from imagesearch.records import Picture
from imagesearch.sources import Sources
from imagesearch.sources.found import is_inside

log = logging.getLogger(__name__)

# What browsers show, as the decoder calls it. Some cameras' JPEGs hold several pictures: MPO.
_SHOWN = {
    "AVIF": "image/avif",
    "BMP": "image/bmp",
    "GIF": "image/gif",
    "ICO": "image/x-icon",
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
}


@dataclass(frozen=True)
class Original:
    """A file that is a picture at this moment; a copy of it, where it lies elsewhere.

    `mimetype` is None if browsers do not show its format; `changed` is when, in seconds since 1970.
    """

    file: Path
    mimetype: str | None
    unchanged: bool
    changed: float


class Originals:
    """The files of pictures, wherever they lie: folders, archives, object stores. For several threads."""

    def __init__(self) -> None:
        self._sources = Sources()

    def is_unchanged(self, picture: Picture) -> bool:
        """Whether the file is there and as it was when it was ingested. Raises OriginalMissing."""
        with _in_words(picture):
            found = self._sources.at(picture.source).found(inside(picture))
        return found is not None and found.is_still(picture)

    @contextmanager
    def opened(self, picture: Picture) -> Iterator[Original]:
        """The file of `picture` as it is now, looked into rather than trusted by its name.

        A copy is gone when the block ends. Raises OriginalMissing if it is gone, cannot be read, or is no
        picture any more.
        """
        with self.fetched(picture) as file:
            with _in_words(picture):
                format, found = sniff(file), self._sources.at(picture.source).found(picture.path)
            if format is None or found is None:
                raise OriginalMissing(_message(picture, "it is no picture any more"))
            yield Original(file, _SHOWN.get(format), found.is_still(picture), found.mtime_ns / 10**9)

    @contextmanager
    def fetched(self, picture: Picture) -> Iterator[Path]:
        """The file of `picture`, or a copy that is gone when the block ends. Raises OriginalMissing."""
        with ExitStack() as held:
            with _in_words(picture):
                source = self._sources.at(picture.source)
                file = held.enter_context(source.fetch(inside(picture)))
            yield file


def inside(picture: Picture) -> str:
    """The path of `picture` below its source. Links are followed, as they were by the walk that found it.

    Raises OriginalMissing if the record's path leads out of what was ingested.
    """
    if not is_inside(picture.path) or not PurePosixPath(picture.path).parts:
        raise OriginalMissing(_message(picture, "its path leads out of the folder that was ingested"))
    return picture.path


@contextmanager
def _in_words(picture: Picture) -> Iterator[None]:
    """Why a file cannot be had, without what is nobody's business: folders and hosts are for the log."""
    try:
        yield
    except BadPicture as error:
        raise OriginalMissing(_message(picture, f"it {error}")) from error
    except PackageMissing as error:
        raise OriginalMissing(f"The file of {picture.name!r} cannot be shown. {error}.") from error
    except BadSource as error:
        log.warning("%s", error)
        raise OriginalMissing(_message(picture, "where it lies cannot be reached now")) from error
    except OSError as error:
        raise OriginalMissing(_message(picture, error.strerror or "it cannot be read")) from error


def _message(picture: Picture, reason: str) -> str:
    return (
        f"The file of {picture.name!r} ({picture.path}) cannot be shown: {reason}. Bring it back, or run "
        "python -m ingest with --prune to drop what is gone."
    )
