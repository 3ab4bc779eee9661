"""What the model is asked: names, phrasings, drawings of an unseen style, damaged pictures."""

import json
import random
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks.distortions import Distortion
from demo.train.concepts import LANGUAGES, Concept
from demo.train.styles import held_out_style, raster

PHRASINGS = Path(__file__).parent / "phrasings.json"
SIDE = 384
"""Pixels a side of the held-out drawings: the gallery's own size."""


@dataclass(frozen=True)
class Phrasing:
    """What a person might type, and the hexcodes of the pictures that would do."""

    language: str
    text: str
    accept: tuple[str, ...]


@dataclass(frozen=True)
class Unseen:
    """Drawings of the held-out style and the number of the concept each shows."""

    pictures: list[Image.Image]
    concepts: list[int]


def phrasings() -> list[Phrasing]:
    """Return the phrasings, written down before any model was tried on them."""
    rows = json.loads(PHRASINGS.read_text(encoding="utf-8"))
    return [Phrasing(row["language"], row["text"], tuple(row["accept"])) for row in rows]


def named(concepts: list[Concept], language: str) -> list[int]:
    """Return the numbers of CLDR's own concepts (no flags, no variants) with a name in a language."""
    return [i for i, concept in enumerate(concepts) if concept.main and language in concept.words]


def languages() -> tuple[str, ...]:
    """Return the languages of the names."""
    return LANGUAGES


def gallery(concepts: list[Concept], folder: Path) -> list[Image.Image]:
    """Return the gallery's pictures in the order of the concepts."""
    return [Image.open(folder / f"{concept.hexcode}.png").convert("RGB") for concept in concepts]


def unseen(concepts: list[Concept], cache: Path) -> Unseen:
    """Return the held-out style, one drawing a concept, on white like the gallery."""
    drawn = dict(reversed(held_out_style(concepts, cache)))
    pictures = [_on_white(svg) for svg in drawn.values()]
    return Unseen(pictures, list(drawn))


def _on_white(svg: str) -> Image.Image:
    drawing = Image.fromarray(raster(svg, SIDE))
    page = Image.new("RGBA", drawing.size, "white")
    page.alpha_composite(drawing)
    return page.convert("RGB")


def damaged(pictures: list[Image.Image], distortion: Distortion, seed: int) -> list[Image.Image]:
    """Return the pictures, each damaged in its own way."""
    chance = random.Random(seed)  # noqa: S311
    return [distortion(picture, chance) for picture in pictures]
