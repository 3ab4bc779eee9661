"""How many pictures a second this machine encodes, with full-size random weights of clip-ViT-B-32."""

import io
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from imagesearch.clip import open_model
from imagesearch.pictures import decode
from tests.random_pair import FULL, make_pair

BATCH = 32
_ROUNDS = 5
_MOST_PIXELS = 50_000_000
_SIDES = {"640×480": (640, 480), "12 megapixels": (4000, 3000)}


def measure() -> dict[str, Any]:
    """Encoding at batch 32 with all cores, and decoding JPEGs of two sizes in one thread."""
    with tempfile.TemporaryDirectory() as folder:
        model = open_model(str(make_pair(Path(folder), FULL)))
        pictures = [decode(_jpeg((640, 480), seed), _MOST_PIXELS).image for seed in range(BATCH)]
        encoding = _rates(lambda: model.pictures.encode(pictures), BATCH)
    decoding = {}
    for name, side in _SIDES.items():
        decoding[name] = _rates(partial(decode, _jpeg(side, 0), _MOST_PIXELS), 1)
    return {"encoding": encoding, "decoding": decoding}


def _rates(work: Callable[[], object], pictures: int) -> dict[str, float]:
    """Pictures a second and a second of CPU time: medians of five, after one that warms up.

    The first tells what this machine does beside whatever else it does, the second what a core can do.
    """
    work()
    walls, cpus = [], []
    for _ in range(_ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return {
        "per_second": round(pictures / median(walls), 1),
        "per_cpu_second": round(pictures / median(cpus), 1),
    }


def _jpeg(side: tuple[int, int], seed: int) -> bytes:
    """A picture with something in it at every scale."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (60, 80, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    coarse.resize(side, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
