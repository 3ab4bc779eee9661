"""Computing the parts of a batch at the same time, each by itself."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from imagesearch.records import FloatArray
from imagesearch.views import ByteArray

# Below this a part's matrices are too small to keep a core busy.
_LEAST = 4


class Streams:
    """Cuts batches into parts, one for each core.

    Cores that share every step wait for the slowest at each; where decoders want the cores as well, that
    costs more than half of the speed (docs/encoding.md). Several threads may ask at a time.
    """

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._threads = ThreadPoolExecutor(cores, "encoding")
        self._whole = threading.Lock()

    def run(self, compute: Callable[[ByteArray, int], FloatArray], views: ByteArray) -> FloatArray:
        """`compute(part, cores for it)` for all parts, together. A small batch has all cores to itself."""
        count = max(1, min(self._cores, len(views) // _LEAST))
        if count == 1:
            with self._whole:
                return compute(views, self._cores)
        parts = np.array_split(views, count)
        return np.concatenate(list(self._threads.map(lambda p: compute(p, self._cores // count), parts)))


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
