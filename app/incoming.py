"""Pictures that come in with a request: read in memory, within limits, a few at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import IO

from flask import Request
from werkzeug.datastructures import FileStorage

from app.kinds import Busy
from imagesearch.errors import BadPicture, BadQuery, PictureTooLarge
from imagesearch.pictures import RASTER, Decoded, decode


class InMemoryRequest(Request):
    """A request whose uploads never touch the disk; MAX_CONTENT_LENGTH caps them."""

    max_form_parts = 200

    def _get_file_stream(self, *_: object, **__: object) -> IO[bytes]:
        return BytesIO()


class Intake:
    """Reads uploaded pictures without letting them take the whole server.

    At most half of the `threads` receive one, so that the others go on answering searches; who comes
    on top of that is told to come back. `decoding` bounds how many large pictures are in memory at a
    time.
    """

    def __init__(self, threads: int, max_pixels: int, decoding: threading.Semaphore) -> None:
        self._room = threading.BoundedSemaphore(max(1, threads // 2))
        self._max_pixels = max_pixels
        self._decoding = decoding

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Wrap around all that touches the upload, the first look at the form above all. Raises Busy."""
        if not self._room.acquire(blocking=False):
            raise Busy("The server takes in as many uploads as it can at a time. Try again in a few seconds.")
        try:
            yield
        finally:
            self._room.release()

    def read(self, image: FileStorage | None) -> tuple[bytes, Decoded]:
        """The bytes of the upload, and what they show.

        Raises BadQuery without an upload, BadPicture, or PictureTooLarge.
        """
        content = image.read() if image else b""
        if not content:
            raise BadQuery(
                "There is no picture in the upload. Send one as the field 'image' of a multipart form."
            )
        try:
            with self._decoding:
                # Not drawings and raw files: they are decoded in this process, and come from anybody.
                return content, decode(content, self._max_pixels, formats=RASTER)
        except PictureTooLarge as error:
            raise PictureTooLarge(f"The uploaded picture {error}.") from error
        except BadPicture as error:
            raise BadPicture(f"The uploaded picture {error}.") from error
