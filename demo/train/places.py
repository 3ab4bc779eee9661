"""Where a trained picture tower has put the concepts: what the text tower is tuned to in the end.

The picture tower never quite reaches the targets. Names then have to be sought where the pictures
are, not where they were meant to be.
"""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from demo.train.augment import plain, premultiplied
from demo.train.concepts import Concept
from demo.train.drawings import encode
from demo.train.styles import training_styles

AIM = 0.5
"""Weight of the target in a common place: it holds the meaning that the pictures scatter around."""


def places(
    tower: nn.Module, concepts: list[Concept], targets: torch.Tensor, cache: Path
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gallery's vectors, and the common place of each concept in all training styles.

    Both are unit vectors [concepts, 512].
    """
    total = torch.zeros_like(targets)
    count = torch.zeros(len(concepts), 1)
    gallery = targets
    for style in training_styles(concepts, cache):
        vectors = encode(tower, plain(premultiplied(torch.from_numpy(style.pictures))))
        owners = torch.from_numpy(style.concepts)
        total.index_add_(0, owners, vectors)
        count.index_add_(0, owners, torch.ones(len(owners), 1))
        if style.name == "openmoji":
            gallery = vectors[owners.argsort()]
    common = functional.normalize(total / count + AIM * targets, dim=-1)
    return gallery, common
