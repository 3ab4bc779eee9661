"""Facet counts, remembered for a minute: over 100,000 pictures they take most of a second."""

import threading
import time
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field

from imagesearch.records import Facets, Filters
from imagesearch.store import Store

LIFETIME_SECONDS = 60
MOST = 64

# The filters, the kinds of values, and how many pictures there were in all.
_Asked = tuple[Filters, tuple[str, ...], int]


@dataclass
class Counts:
    """The facets of the filters that were asked for last. They are asked anew when pictures come or go."""

    lifetime: float = LIFETIME_SECONDS
    _known: OrderedDict[_Asked, tuple[float, Facets]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def facets(self, store: Store, filters: Filters, kinds: Collection[str]) -> Facets:
        """The counts of `kinds` among the pictures that pass `filters`."""
        key, now = (filters, tuple(kinds), store.count()), time.monotonic()
        with self._lock:
            until, facets = self._known.get(key, (now, Facets()))
        if until > now:
            return facets
        facets = store.facets(filters, kinds=kinds)
        with self._lock:
            self._known[key] = (now + self.lifetime, facets)
            self._known.move_to_end(key)
            if len(self._known) > MOST:
                self._known.popitem(last=False)
        return facets
