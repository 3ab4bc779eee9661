"""The training's pictures as one pool to draw batches from, and the held-out ones to check by."""

from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Thread

import numpy as np
import torch
from torch import nn

from demo.train.augment import Augment, plain, premultiplied
from demo.train.concepts import Concept
from demo.train.styles import Style, held_out_style, raster, training_styles


class Pool:
    """All training drawings; a batch is concepts first, then one of the drawings of each."""

    def __init__(self, styles: list[Style], concepts: int, seed: int) -> None:
        self._pictures = torch.cat([premultiplied(torch.from_numpy(s.pictures)) for s in styles])
        owners = np.concatenate([style.concepts for style in styles])
        self._drawings = [np.flatnonzero(owners == concept) for concept in range(concepts)]
        # Concepts drawn by many hands are what teaches to see past a style.
        weights = np.sqrt([len(drawings) for drawings in self._drawings])
        self._weights = weights / weights.sum()
        self._random = np.random.default_rng(seed)

    def batch(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return drawings, bytes [count, 4, S, S], and the concepts they show [count]."""
        concepts = self._random.choice(len(self._drawings), count, p=self._weights)
        chosen = [int(self._random.choice(self._drawings[concept])) for concept in concepts]
        return self._pictures[chosen], torch.from_numpy(concepts)


@dataclass(frozen=True)
class Batch:
    """Augmented pictures [n, 3, SIDE, SIDE], normalised, and the concepts they show [n]."""

    pictures: torch.Tensor
    concepts: torch.Tensor


class Ahead:
    """Makes augmented batches in a thread of its own, a few ahead of who learns from them."""

    def __init__(self, pool: Pool, count: int, seed: int) -> None:
        self._pool, self._count = pool, count
        self._augment = Augment(torch.Generator().manual_seed(seed))
        self._ready: Queue[Batch] = Queue(maxsize=4)
        Thread(target=self._work, daemon=True).start()

    def batch(self) -> Batch:
        """Return the next batch, waiting for it if need be."""
        return self._ready.get()

    def _work(self) -> None:
        while True:
            drawings, concepts = self._pool.batch(self._count)
            self._ready.put(Batch(self._augment(drawings), concepts))


class Checks:
    """What a picture tower knows: the gallery's own style, and the style it never saw."""

    def __init__(self, concepts: list[Concept], targets: torch.Tensor, cache: Path) -> None:
        openmoji = next(s for s in training_styles(concepts, cache) if s.name == "openmoji")
        self._gallery = plain(premultiplied(torch.from_numpy(openmoji.pictures)))
        unseen = held_out_style(concepts, cache)
        drawn = np.stack([raster(svg) for _, svg in unseen])
        self._unseen = plain(premultiplied(torch.from_numpy(drawn)))
        self._owners = torch.tensor([concept for concept, _ in unseen])
        self._targets = targets

    def line(self, tower: nn.Module) -> str:
        """Return the recalls as a line for the log."""
        gallery, unseen = encode(tower, self._gallery), encode(tower, self._unseen)
        everyone = torch.arange(len(gallery))
        return (
            f"gallery to target {_recall(gallery, self._targets, everyone)}, "
            f"unseen to target {_recall(unseen, self._targets, self._owners)}, "
            f"unseen to gallery {_recall(unseen, gallery, self._owners)}"
        )


def encode(tower: nn.Module, pictures: torch.Tensor) -> torch.Tensor:
    """Return unit vectors [n, 512] of normalised pictures [n, 3, 64, 64]."""
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        parts = [tower(pictures[at : at + 256]) for at in range(0, len(pictures), 256)]
    return torch.cat(parts)


def _recall(queries: torch.Tensor, places: torch.Tensor, right: torch.Tensor) -> str:
    """Recall at 1 and at 10."""
    best = (queries @ places.T).topk(10).indices == right[:, None]
    return f"{best[:, 0].float().mean():.3f}/{best.any(1).float().mean():.3f}"


def pool(concepts: list[Concept], cache: Path, seed: int) -> Pool:
    """Return the pool of all training styles."""
    return Pool(training_styles(concepts, cache), len(concepts), seed)


def plain_batch(pool: Pool, count: int = 2000) -> torch.Tensor:
    """Return drawings as a gallery shows them, normalised: [count, 3, 64, 64]."""
    return plain(pool.batch(count)[0])
