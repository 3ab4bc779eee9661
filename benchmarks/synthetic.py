"""Stores of made-up embeddings, for what does not depend on what the pictures show."""

import time
from pathlib import Path

import numpy as np

from imagesearch.clip import open_model
from imagesearch.records import Entry, FloatArray, Metadata, Picture, picture_id
from imagesearch.store import open_store

CLUSTERS = 1000
_BATCH = 1000


def clustered(n: int, dims: int, seed: int = 0) -> FloatArray:
    """Embeddings around 1000 centres, as pictures lie: float32, shape (n, dims), unit length."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((CLUSTERS, dims), dtype=np.float32)
    vectors = centres[rng.integers(0, CLUSTERS, n)] + 0.7 * rng.standard_normal((n, dims), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def write_synthetic_store(folder: Path, model: str, n: int) -> float:
    """Fill an embedded store as if `model` had made its embeddings; says how many seconds that took."""
    identity = open_model(model).identity
    vectors = clustered(n, identity.dims)
    started = time.perf_counter()
    with open_store(str(folder), create=True) as store:
        store.adopt(identity)
        for start in range(0, n, _BATCH):
            batch = range(start, min(start + _BATCH, n))
            store.write([Entry(_picture(i), vectors[i]) for i in batch])
    return time.perf_counter() - started


def _picture(i: int) -> Picture:
    path = f"{i // 1000:04}/{i:08}.jpg"
    return Picture(
        id=picture_id("/synthetic", path),
        source="/synthetic",
        path=path,
        content_hash=f"{i:064x}",
        size=1,
        mtime_ns=0,
        format="JPEG",
        width=640,
        height=480,
        colour="#808080",
        metadata=Metadata(tags=(f"tag{i % 1000}",), group=f"group{i % 20}"),
    )
