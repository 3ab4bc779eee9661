"""What is timed: the usual loop, our ingest, encoding by itself, and each stage by itself."""

import hashlib
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, cast

import numpy as np
from PIL import Image

from imagesearch.clip import open_model
from imagesearch.config import Runtime
from imagesearch.encoders import Model
from imagesearch.pictures import read_picture
from imagesearch.records import FloatArray
from imagesearch.store import open_store
from imagesearch.views import ByteArray
from ingest.decoding import Limits
from ingest.job import Job
from ingest.plan import Asked
from ingest.progress import Silent
from ingest.report import Report

BATCH = 32
_LIMITS = Limits(max_pixels=50_000_000, memory=4 << 30, seconds=60)
_COMPARED = 16


def files(folder: Path, count: int | None = None) -> list[Path]:
    """The pictures of a folder, in order; the first `count`."""
    return sorted(folder.glob("*.jpg"))[:count]


class Loop:
    """`for p in paths: model.encode(Image.open(p))`, with sentence-transformers as it comes."""

    def __init__(self, pair: Path) -> None:
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(str(pair / "picture"), device="cpu")
        self._model.encode(Image.new("RGB", (64, 64)))

    def run(self, folder: Path, count: int) -> dict[str, Any]:
        paths = files(folder, count)
        start = time.perf_counter()
        made = [self._model.encode(Image.open(path)) for path in paths]
        seconds = time.perf_counter() - start
        return {"per_second": len(paths) / seconds, "vectors": _unit(made[:_COMPARED]).tolist()}


class Ours:
    """Our ingest into a new embedded store, and its parts, under one runtime."""

    def __init__(self, pair: Path, runtime: str) -> None:
        self._model: Model = open_model(str(pair), cast(Runtime, runtime))
        side = self._model.pictures.view.side
        self._model.pictures.encode_views(np.zeros((BATCH, side, side, 3), dtype=np.uint8))

    def run(self, folder: Path, count: int) -> dict[str, Any]:
        """The whole job. Raises AssertionError if a picture is missing in the store."""
        with tempfile.TemporaryDirectory() as place, open_store(place, create=True) as store:
            report = Report()
            start = time.perf_counter()
            Job(store, self._model, _LIMITS, batch_size=BATCH).run(Asked([folder]), Silent(), report)
            seconds = time.perf_counter() - start
            assert store.count() == count, report.lines()  # noqa: S101
            hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files(folder, _COMPARED)]
            made = store.embeddings_by_content(hashes)
        return {"per_second": count / seconds, "vectors": [made[content].tolist() for content in hashes]}

    def encode(self, folder: Path, count: int) -> dict[str, Any]:
        """Encoding alone: views that are in memory, a batch at a time."""
        views = self._views(files(folder, BATCH))
        rounds = max(1, count // len(views))
        start = time.perf_counter()
        for _ in range(rounds):
            self._model.pictures.encode_views(views)
        return {"per_second": rounds * len(views) / (time.perf_counter() - start)}

    def stages(self, folder: Path, count: int) -> dict[str, Any]:
        """Milliseconds of processor time a picture takes in each stage, each run by itself."""
        paths = files(folder, min(count, BATCH))
        view, views = self._model.pictures.view, self._views(paths)
        decoded = [read_picture(path, _LIMITS.max_pixels) for path in paths]
        return {
            "hash": _milliseconds(lambda: [hashlib.sha256(p.read_bytes()).hexdigest() for p in paths], paths),
            "decode": _milliseconds(lambda: [read_picture(p, _LIMITS.max_pixels, "0") for p in paths], paths),
            "view": _milliseconds(lambda: [view.of(d.image) for d in decoded], paths),
            "encode": _milliseconds(lambda: self._model.pictures.encode_views(views), paths),
        }

    def _views(self, paths: Sequence[Path]) -> ByteArray:
        view = self._model.pictures.view
        return np.stack([view.of(read_picture(path, _LIMITS.max_pixels).image) for path in paths])


def _milliseconds(work: Callable[[], object], paths: Sequence[Path]) -> float:
    taken = []
    for _ in range(3):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return 1000 * median(taken) / len(paths)


def _unit(vectors: Sequence[FloatArray]) -> FloatArray:
    stacked = np.stack(vectors)
    unit: FloatArray = stacked / np.linalg.norm(stacked, axis=1, keepdims=True)
    return unit
