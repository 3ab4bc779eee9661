"""From what the model sees to embeddings, a batch at a time."""

import threading
from collections.abc import Sequence
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
        # In which batch, and which row of it. A store that is being loaded may not find yet what was written
        # to it just now; and another thread may be about to make it.
        self._recent: LRUCache[str, tuple[Future[FloatArray], int]] = LRUCache(_RECENT)

    def encode(self, items: Sequence[Item]) -> list[Item]:
        """`items`, with an embedding for each that was decoded."""
        views = {i.content_hash: i.view for i in items if i.view is not None and i.vector is None}
        batch: Future[FloatArray] = Future()
        with self._lock:
            # Before any is added: adding lets go of the oldest, which may be one of these.
            made = {content: self._recent[content] for content in views if content in self._recent}
            unknown = {content: view for content, view in views.items() if content not in made}
            rows = {content: (batch, row) for row, content in enumerate(unknown)}
            self._recent.update(rows)
        made.update(rows)
        if unknown:
            self._make(batch, np.stack(list(unknown.values())))
        fresh = set(unknown)
        encoded = []
        for item in items:
            content, vector = item.content_hash, item.vector
            first = vector is None and content in fresh
            fresh.discard(content)
            if vector is None and content in made:
                its, row = made[content]
                vector = its.result()[row]
            encoded.append(replace(item, view=None, vector=vector, fresh=first))
        return encoded

    def _make(self, batch: Future[FloatArray], views: ByteArray) -> None:
        try:
            batch.set_result(self._encoder.encode_views(views))
        except BaseException as error:
            batch.set_exception(error)  # for whoever else waits for it
            raise
