"""Whether the runtimes find what single precision finds: overlap@10, and cosines."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.ingest.pictures import crops
from benchmarks.questions import phrasings
from imagesearch.clip import open_model
from imagesearch.config import Runtime
from imagesearch.records import FloatArray
from imagesearch.views import ByteArray

K = 10
_CROPS = 1000
_ASKED = 100

Indexed = dict[str, FloatArray]


def on_the_gallery(gallery: Path, runtimes: Iterable[Runtime]) -> dict[str, Any]:
    """The demo model on its gallery: the phrasings as words, and every 20th picture as a query."""
    files = sorted(gallery.rglob("*.png"))
    view, texts = open_model("demo").pictures.view, open_model("demo").texts
    views = np.stack([view.of(Image.open(file).convert("RGB")) for file in files])
    words = texts.encode([phrasing.text for phrasing in phrasings()])
    return _compare("demo", views, runtimes, {"words": words}, every=20)


def in_full_size(pair: Path, runtimes: Iterable[Runtime]) -> dict[str, Any]:
    """Random weights of the size of clip-ViT-B-32 on parts of photographs, every tenth as a query.

    `directions` are random: what is asked of them is more than of any query that means something, since
    nothing stands out.
    """
    view = open_model(str(pair)).pictures.view
    views = np.stack([view.of(crop) for crop in crops(_CROPS, (320, 240), seed=1)])
    directions = np.random.default_rng(0).normal(size=(_ASKED, 512)).astype(np.float32)
    return _compare(str(pair), views, runtimes, {"directions": directions}, every=_CROPS // _ASKED)


def _compare(
    name: str, views: ByteArray, runtimes: Iterable[Runtime], given: Indexed, every: int
) -> dict[str, Any]:
    whole = open_model(name, "torch").pictures.encode_views(views)
    found: dict[str, Any] = {}
    for runtime in runtimes:
        made = open_model(name, runtime).pictures.encode_views(views)
        overlaps = {kind: overlap(queries, queries, whole, made) for kind, queries in given.items()}
        overlaps["pictures"] = overlap(whole[::every], made[::every], whole, made)
        found[runtime] = {
            "cosine": {
                "lowest": _rounded((whole * made).sum(1).min()),
                "mean_centred": _centred(whole, made),
            },
            "overlap_at_10": overlaps,
        }
    asked = {kind: len(queries) for kind, queries in given.items()} | {"pictures": len(whole[::every])}
    return {"pictures": len(views), "queries": asked, "runtimes": found}


def overlap(asked: FloatArray, asked_of_it: FloatArray, whole: FloatArray, made: FloatArray) -> float:
    """The share of the ten best that both name. A picture that is the query, the first, is left out."""
    skip = 1 if asked is not asked_of_it else 0
    best, best_of_it = _best(asked, whole, skip), _best(asked_of_it, made, skip)
    return _rounded(np.mean([len(set(a) & set(b)) / K for a, b in zip(best, best_of_it, strict=True)]))


def _best(queries: FloatArray, indexed: FloatArray, skip: int) -> list[list[int]]:
    ranked = np.argsort(-(queries @ indexed.T), axis=1, kind="stable")
    return [list(map(int, row)) for row in ranked[:, skip : skip + K]]


def _centred(whole: FloatArray, made: FloatArray) -> float:
    """The mean cosine after what all pictures share is taken off both: of what tells them apart."""
    one, other = whole - whole.mean(0), made - whole.mean(0)
    return _rounded(
        np.mean((one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1))
    )


def _rounded(value: float | np.floating[Any]) -> float:
    return round(float(value), 5)
