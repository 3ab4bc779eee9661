"""Where the files behind the records are, and what of them may be shown."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from imagesearch.errors import OriginalMissing
from imagesearch.pictures import sniff
from imagesearch.records import Picture

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
    """A file that is a picture at this moment. `mimetype` is None if browsers do not show its format."""

    file: Path
    mimetype: str | None
    unchanged: bool


def locate(picture: Picture) -> Path:
    """The file of `picture`. Links are followed, as they were by the walk that found it.

    Raises OriginalMissing if the record's path leads out of the folder that was ingested.
    """
    path = PurePosixPath(picture.path)
    if path.is_absolute() or ".." in path.parts or "\0" in picture.path or not path.parts:
        raise OriginalMissing(_message(picture, "its path leads out of the folder that was ingested"))
    return Path(picture.source, path)


def find(picture: Picture) -> Original:
    """The file of `picture` as it is now, looked into rather than trusted by its name.

    Raises OriginalMissing if it is gone, cannot be read, or is no picture any more.
    """
    file = locate(picture)
    try:
        format, stat = sniff(file), file.stat()
    except OSError as error:
        raise OriginalMissing(_message(picture, error.strerror or "it cannot be read")) from error
    if format is None:
        raise OriginalMissing(_message(picture, "it is no picture any more"))
    unchanged = (stat.st_size, stat.st_mtime_ns) == (picture.size, picture.mtime_ns)
    return Original(file, _SHOWN.get(format), unchanged)


def _message(picture: Picture, reason: str) -> str:
    return (
        f"The file of {picture.name!r} ({picture.path}) cannot be shown: {reason}. Bring it back, or run "
        "python -m ingest with --prune to drop what is gone."
    )
