"""Small pictures, made when they are first asked for and kept on disk up to a cap."""

import io
import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from app.durable import write_whole
from app.originals import Originals
from imagesearch.errors import BadPicture, OriginalMissing
from imagesearch.pictures import decode
from imagesearch.records import Picture

log = logging.getLogger(__name__)

_QUALITY = 82
# How far below the cap clearing goes, so that it is not needed again with the next thumbnail.
_CLEAR_TO = 0.9


@dataclass(frozen=True)
class Thumbnail:
    """A WebP, and the hash of the original it was made of (the record may not know its newest yet)."""

    content: bytes
    content_hash: str


class Thumbnails:
    """WebP files in `folder`, named by content and size, at most `cap` bytes of them.

    Transparent pictures lie on white, as the encoder sees them: line art in black stays visible on a
    dark page, and what the page shows is what was compared. `decoding` bounds how many large pictures
    are in memory at a time.
    """

    def __init__(
        self,
        folder: Path,
        cap: int,
        max_pixels: int,
        decoding: threading.Semaphore,
        originals: Originals,
    ) -> None:
        self._folder = folder
        self._cap = cap
        self._max_pixels = max_pixels
        self._decoding = decoding
        self._originals = originals
        self._lock = threading.Lock()
        self._used: int | None = None

    def get(self, picture: Picture, size: int) -> Thumbnail:
        """The thumbnail of `picture`, its longer side at most `size` pixels.

        Raises OriginalMissing if the original is gone or cannot be decoded any more.
        """
        kept = self._path(picture.content_hash, size)
        try:
            content = kept.read_bytes()
            os.utime(kept)  # clearing takes the least recently used first
        except OSError:
            with self._originals.fetched(picture) as file, self._decoding:
                made = self._make(picture, file, size)
            self._keep(self._path(made.content_hash, size), made.content)
            return made
        return Thumbnail(content, picture.content_hash)

    def _path(self, content_hash: str, size: int) -> Path:
        return self._folder / content_hash[:2] / f"{content_hash}-{size}.webp"

    def _make(self, picture: Picture, file: Path, size: int) -> Thumbnail:
        try:
            decoded = decode(file.read_bytes(), self._max_pixels, side=size)
        except OSError as error:
            raise OriginalMissing(f"The file of {picture.name!r} cannot be read any more.") from error
        except BadPicture as error:
            raise OriginalMissing(f"The file of {picture.name!r} {error}.") from error
        image = decoded.image
        image.thumbnail((size, size))
        out = io.BytesIO()
        image.save(out, "WEBP", quality=_QUALITY)
        return Thumbnail(out.getvalue(), decoded.facts.content_hash)

    def _keep(self, path: Path, content: bytes) -> None:
        """Keep it if that can be: a cache that cannot be written must not keep pictures from being shown."""
        try:
            write_whole(path, content)
            self._count(len(content))
        except OSError as error:
            log.warning("A thumbnail could not be kept in %s: %s", self._folder, error.strerror)

    def _count(self, added: int) -> None:
        with self._lock:
            if self._used is None:
                self._used = sum(size for _, size, _ in self._files())
            else:
                self._used += added
            if self._used > self._cap:
                self._used = self._clear()

    def _clear(self) -> int:
        """Remove the least recently used; says how many bytes are left."""
        files = sorted(self._files())
        used = sum(size for _, size, _ in files)
        for _, size, path in files:
            if used <= self._cap * _CLEAR_TO:
                break
            path.unlink(missing_ok=True)
            used -= size
        return used

    def _files(self) -> list[tuple[int, int, Path]]:
        """When each was last used, its bytes, and where it is."""
        found = []
        for path in self._folder.glob("??/*.webp"):
            try:
                stat = path.stat()
            except OSError:
                continue  # another process cleared it
            found.append((stat.st_mtime_ns, stat.st_size, path))
        return found
