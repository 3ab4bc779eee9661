"""Whether our encoders give what plain sentence-transformers gives."""

import numpy as np
from PIL import Image
from sentence_transformers import SentenceTransformer

from imagesearch.encoders import Model

FLOOR = 0.9999
"""The least cosine that counts as the same."""


def lowest_cosines(model: Model, pictures: list[Image.Image], texts: list[str]) -> dict[str, float]:
    """Return the lowest cosine between our vectors and plain sentence-transformers' own."""
    plain = {
        "pictures": SentenceTransformer(model.spec.picture).encode(pictures),
        "texts": SentenceTransformer(model.spec.text).encode(texts),
    }
    ours = {"pictures": model.pictures.encode(pictures), "texts": model.texts.encode(texts)}
    lowest = {}
    for kind, theirs in plain.items():
        unit = theirs / np.linalg.norm(theirs, axis=1, keepdims=True)
        lowest[kind] = float((unit * ours[kind]).sum(1).min())
    return lowest
