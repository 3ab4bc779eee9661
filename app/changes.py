"""Adding and removing pictures while the server runs."""

import errno
import logging
import os
import threading
from pathlib import Path

from app.durable import write_whole
from app.originals import inside
from imagesearch.config import Settings
from imagesearch.encoders import Model
from imagesearch.entries import describe, merged
from imagesearch.errors import StoreFull, StoreReadOnly, StoreUnavailable, UnknownPicture
from imagesearch.pictures import Decoded
from imagesearch.records import Entry, FloatArray, Metadata, Picture, picture_id
from imagesearch.search import Searcher
from imagesearch.sources.found import in_64_bits
from imagesearch.store import is_elastic

log = logging.getLogger(__name__)

# Where the decoder's name of a format is not the usual ending of its files.
_ENDINGS = {"JPEG": "jpg", "JPEG2000": "jp2", "MPO": "jpg", "TIFF": "tif"}


def uploads_folder(location: str, settings: Settings) -> Path:
    """Where the originals of added pictures lie, for the store at `location`.

    In the store's own folder, so that whoever moves or deletes the store does so with them; for a store
    without a folder, in the data folder.
    """
    if is_elastic(location):
        return Path(os.path.abspath(settings.data / "uploads" / settings.index))
    return Path(os.path.abspath(Path(location).expanduser() / "uploads"))


class Changes:
    """Adds pictures to the store that `searcher` asks, and removes them, one at a time.

    Originals of added pictures are kept in `folder`.
    """

    def __init__(self, searcher: Searcher, folder: Path) -> None:
        self._store = searcher.store
        self._searcher = searcher
        self._folder = folder
        self._lock = threading.Lock()

    def add(self, content: bytes, decoded: Decoded, metadata: Metadata) -> tuple[Picture, bool]:
        """Bring in an upload; says whether it is new. The same content again only gets the metadata.

        When this returns, picture and record are on disk. Raises StoreFull, StoreUnavailable,
        WrongModel, ModelUnavailable.
        """
        model = self._searcher.model_of(self._store)
        vector, facts = self._vector(decoded, model), decoded.facts
        with self._lock:
            self._store.adopt(model.identity)
            ending = _ENDINGS.get(facts.format, facts.format.lower())
            file = self._folder / f"{facts.content_hash}.{ending}"
            known = self._store.get(picture_id(str(self._folder), file.name))
            if known is None or not file.exists():
                self._write_original(file, content)
            described = merged(known.metadata if known else facts.metadata, metadata)
            given = merged(known.given if known else None, metadata)
            mtime_ns = in_64_bits(file.stat().st_mtime_ns)
            picture = describe(facts, str(self._folder), file.name, mtime_ns, described, given)
            try:
                self._store.write([Entry(picture, vector)])
            except StoreUnavailable:
                if known is None:
                    file.unlink()
                raise
        return picture, known is None

    def remove(self, id: str) -> None:
        """Forget a picture; the file goes only if it was uploaded. Raises UnknownPicture."""
        with self._lock:
            picture = self._store.get(id)
            if picture is None or not self._store.delete([id]):
                raise UnknownPicture(f"No picture has the id {id!r}. It may have been removed already.")
            if picture.source == str(self._folder):
                self._remove_original(self._folder / inside(picture))

    def _vector(self, decoded: Decoded, model: Model) -> FloatArray:
        content_hash = decoded.facts.content_hash
        known = self._store.embeddings_by_content([content_hash])
        if content_hash in known:
            return known[content_hash]
        made: FloatArray = model.pictures.encode([decoded.image])[0]
        return made

    def _write_original(self, file: Path, content: bytes) -> None:
        try:
            write_whole(file, content, on_disk=True)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StoreFull(
                    f"The disk that holds {self._folder} is full. Nothing was changed."
                ) from error
            kind = StoreReadOnly if error.errno == errno.EROFS else StoreUnavailable
            raise kind(
                f"The folder of uploads {self._folder} cannot be written: {error.strerror}."
            ) from error

    def _remove_original(self, file: Path) -> None:
        """The record is gone already; a file that stays is only in the way."""
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("The original of a removed picture is still there: %s", error)
