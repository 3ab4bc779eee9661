"""From what the model sees to embeddings, a batch at a time."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from cachetools import LRUCache

from imagesearch.encoders import PictureEncoder
from imagesearch.records import FloatArray
from ingest.items import Item

# Embeddings made last that are kept at hand: 20 MB at 512 dimensions.
_RECENT = 10_000


class Encoding:
    """Gives each content its embedding, made once."""

    def __init__(self, encoder: PictureEncoder) -> None:
        self._encoder = encoder
        # A store that is being loaded may not find yet what was written to it just now.
        self._recent: LRUCache[str, FloatArray] = LRUCache(_RECENT)

    def encode(self, items: Sequence[Item]) -> list[Item]:
        """`items`, with an embedding for each that was decoded."""
        views = {i.content_hash: i.view for i in items if i.view is not None and i.vector is None}
        unknown = [content for content in views if content not in self._recent]
        vectors = {content: self._recent[content] for content in views if content in self._recent}
        if unknown:
            made = self._encoder.encode_views(np.stack([views[content] for content in unknown]))
            vectors.update(zip(unknown, made, strict=True))
            self._recent.update(zip(unknown, made, strict=True))
        fresh = set(unknown)
        encoded = []
        for item in items:
            content, vector = item.content_hash, item.vector
            first = vector is None and content in fresh
            fresh.discard(content)
            if vector is None:
                vector = vectors.get(content)
            encoded.append(replace(item, view=None, vector=vector, fresh=first))
        return encoded
