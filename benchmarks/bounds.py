"""Where a model's best result is probably no match: the bounds `weak_words` and `weak_picture`.

    python -m benchmarks.bounds --model demo

Compares the best cosine of queries that have an answer, and found it among their first ten, with that of
queries that can have none: texts about what no pictogram shows (unanswerable.json), and noise. The bound
proposed is the 5th percentile of the answered ones; it goes into the model's spec.json.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from PIL import Image

from benchmarks import questions
from benchmarks.distortions import DISTORTIONS
from benchmarks.evaluation import SEED, Evaluation
from benchmarks.shares import ranks
from demo.train import concepts, sources
from imagesearch.clip import open_model
from imagesearch.encoders import Model
from imagesearch.records import FloatArray

UNANSWERABLE = Path(__file__).parent / "unanswerable.json"
NOISE = 60
DAMAGED = 100


@dataclass(frozen=True)
class Bound:
    """A cosine, and what lies below it: the share of answered queries and of unanswerable ones."""

    asked: str
    cosine: float
    answered_below: float
    unanswerable_below: float


@click.command()
@click.option("--model", "name", default="demo", show_default=True, help="demo, clip or a folder.")
@click.option("--gallery", default=Path("data/gallery"), show_default=True, type=click.Path(path_type=Path))
@click.option("--cache", default=sources.DEFAULT_CACHE, show_default=True, type=click.Path(path_type=Path))
def main(name: str, gallery: Path, cache: Path) -> None:
    """Print the bounds and how well they tell answered from unanswerable queries."""
    model = open_model(name)
    evaluation = Evaluation(model, concepts.load(cache), gallery, cache)
    click.echo("| query | bound | answered below | unanswerable below |\n|---|---|---|---|")
    for bound in (words_bound(model, evaluation), picture_bound(model, evaluation)):
        below = f"{bound.answered_below:.0%} | {bound.unanswerable_below:.0%}"
        click.echo(f"| {bound.asked} | {bound.cosine:.3f} | {below} |")


def words_bound(model: Model, evaluation: Evaluation) -> Bound:
    """By the natural phrasings, against texts that no picture answers."""
    asked = questions.phrasings()
    place = {concept.hexcode: i for i, concept in enumerate(evaluation.concepts)}
    right = [[place[code] for code in phrasing.accept] for phrasing in asked]
    texts = model.texts.encode([phrasing.text for phrasing in asked])
    unanswerable = model.texts.encode(json.loads(UNANSWERABLE.read_text(encoding="utf-8")))
    return _bound("words", texts, right, unanswerable, evaluation.gallery)


def picture_bound(model: Model, evaluation: Evaluation) -> Bound:
    """By drawings of the held-out style and damaged gallery pictures, against noise."""
    rng = np.random.default_rng(SEED)
    chosen = rng.permutation(len(evaluation.pictures))[:DAMAGED].tolist()
    damaged = [
        picture
        for distortion in DISTORTIONS.values()
        for picture in questions.damaged([evaluation.pictures[i] for i in chosen], distortion, SEED)
    ]
    vectors = np.concatenate([evaluation.unseen_vectors, model.pictures.encode(damaged)])
    right = [[i] for i in [*evaluation.unseen.concepts, *chosen * len(DISTORTIONS)]]
    noise = [_noise(rng) for _ in range(NOISE)]
    return _bound("picture", vectors, right, model.pictures.encode(noise), evaluation.gallery)


def _noise(rng: np.random.Generator) -> Image.Image:
    """Coloured blotches of any coarseness."""
    side = int(rng.integers(2, 48))
    coarse = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((384, 384), Image.Resampling.BICUBIC)


def _bound(
    asked: str,
    queries: FloatArray,
    right: Sequence[Sequence[int]],
    unanswerable: FloatArray,
    gallery: FloatArray,
) -> Bound:
    best = (queries @ gallery.T).max(axis=1)
    answered = best[ranks(queries, gallery, right) <= 10]
    cosine = float(np.percentile(answered, 5))
    unanswered = (unanswerable @ gallery.T).max(axis=1)
    return Bound(asked, cosine, float((answered < cosine).mean()), float((unanswered < cosine).mean()))


if __name__ == "__main__":
    main()
