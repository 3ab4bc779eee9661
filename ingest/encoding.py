"""From what the model sees to embeddings, a batch at a time."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
from cachetools import LRUCache

from imagesearch.encoders import PictureEncoder
from imagesearch.records import FloatArray
from imagesearch.views import ByteArray
from ingest.items import Item

# Embeddings made last that are kept at hand: 20 MB at 512 dimensions.
_RECENT = 10_000


class Encoding:
    """Gives each content its embedding, made once. Used by several threads, each with a batch."""

    def __init__(self, encoder: PictureEncoder) -> None:
        self._encoder = encoder
        self._lock = threading.Lock()
        # A store that is being loaded may not find yet what was written to it just now; and another thread
        # may be about to make it.
        self._recent: LRUCache[str, Future[FloatArray]] = LRUCache(_RECENT)

    def encode(self, items: Sequence[Item]) -> list[Item]:
        """`items`, with an embedding for each that was decoded."""
        views = {i.content_hash: i.view for i in items if i.view is not None and i.vector is None}
        with self._lock:
            made = {content: self._recent[content] for content in views if content in self._recent}
            unknown: dict[str, Future[FloatArray]] = {c: Future() for c in views if c not in made}
            self._recent.update(unknown)
        if unknown:
            self._make(unknown, views)
        made.update(unknown)
        fresh = set(unknown)
        encoded = []
        for item in items:
            content, vector = item.content_hash, item.vector
            first = vector is None and content in fresh
            fresh.discard(content)
            if vector is None and content in made:
                vector = made[content].result()
            encoded.append(replace(item, view=None, vector=vector, fresh=first))
        return encoded

    def _make(self, unknown: Mapping[str, Future[FloatArray]], views: Mapping[str, ByteArray]) -> None:
        try:
            vectors = self._encoder.encode_views(np.stack([views[content] for content in unknown]))
        except BaseException as error:
            for future in unknown.values():
                future.set_exception(error)
            raise
        for future, vector in zip(unknown.values(), vectors, strict=True):
            future.set_result(vector)
