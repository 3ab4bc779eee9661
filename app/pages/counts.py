"""Facet counts, remembered for a minute: over 100,000 pictures they take most of a second."""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from imagesearch.records import Facets, Filters
from imagesearch.store import Store

LIFETIME_SECONDS = 60
MOST = 64


@dataclass
class Counts:
    """The facets of the filters that were asked for last. They are asked anew when pictures come or go."""

    lifetime: float = LIFETIME_SECONDS
    _known: OrderedDict[tuple[Filters, int], tuple[float, Facets]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def facets(self, store: Store, filters: Filters) -> Facets:
        """The counts among the pictures that pass `filters`."""
        key, now = (filters, store.count()), time.monotonic()
        with self._lock:
            until, facets = self._known.get(key, (now, Facets()))
        if until > now:
            return facets
        facets = store.facets(filters)
        with self._lock:
            self._known[key] = (now + self.lifetime, facets)
            self._known.move_to_end(key)
            if len(self._known) > MOST:
                self._known.popitem(last=False)
        return facets
