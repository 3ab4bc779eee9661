"""Uploaded pictures, kept in memory for a while: an address cannot hold one, but can name it."""

import io
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace

from PIL import Image

LIFETIME_SECONDS = 60 * 60
# Room for some fifty photographs as they are decoded for search.
ROOM_BYTES = 96 * 2**20
THUMBNAIL_SIDE = 160


@dataclass(frozen=True)
class Upload:
    """A picture as it is searched by, and a small WebP of it to show; `until` is monotonic seconds."""

    image: Image.Image
    thumbnail: bytes
    until: float

    @property
    def size(self) -> int:
        """Bytes of memory, about."""
        return self.image.width * self.image.height * 3 + len(self.thumbnail)


@dataclass
class Uploads:
    """The pictures by their handles; the longest unused ones make room for new ones."""

    room: int = ROOM_BYTES
    lifetime: float = LIFETIME_SECONDS
    _kept: OrderedDict[str, Upload] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, image: Image.Image) -> str:
        """Keep `image` (RGB) and return its handle, which nobody can guess."""
        handle = secrets.token_urlsafe(12)
        upload = Upload(image, _thumbnail(image), time.monotonic() + self.lifetime)
        with self._lock:
            self._kept[handle] = upload
            self._make_room()
        return handle

    def get(self, handle: str) -> Upload | None:
        """The picture, which is then kept for another lifetime; None once it is gone."""
        with self._lock:
            found = self._kept.pop(handle, None)
            if found is None or found.until < time.monotonic():
                return None
            self._kept[handle] = replace(found, until=time.monotonic() + self.lifetime)
            return found

    def _make_room(self) -> None:
        now = time.monotonic()
        for handle in [h for h, upload in self._kept.items() if upload.until < now]:
            del self._kept[handle]
        while len(self._kept) > 1 and sum(u.size for u in self._kept.values()) > self.room:
            self._kept.popitem(last=False)


def _thumbnail(image: Image.Image) -> bytes:
    small = image.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    content = io.BytesIO()
    small.save(content, "WEBP", quality=80)
    return content.getvalue()
