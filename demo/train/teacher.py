"""Training the CNN: from drawings to the fixed targets.

A CNN learns from few pictures what a ViT does not; it teaches the ViT of the CLIP layout.
"""

import torch
from torch.nn import functional

from demo.tower import STEM, WIDTHS, Network
from demo.train.drawings import Ahead, Pool

SCALE = 20.0
"""Sharpness of the softmax over cosines."""

BATCH = 160


def new_network(pictures: torch.Tensor) -> Network:
    """Return a network whose stem starts from the principal components of the pictures' windows."""
    network = Network()
    windows = functional.unfold(pictures, STEM, stride=STEM).transpose(1, 2).reshape(-1, 3 * STEM**2)
    drawn = windows[windows.std(1) > 0.05]
    centred = drawn - drawn.mean(0)
    sizes, components = torch.linalg.eigh(centred.T @ centred / len(centred))
    whitened = (components / (sizes + 0.05).sqrt()).T.flip(0)[: WIDTHS[0]]
    with torch.no_grad():
        network.stem.weight.copy_(whitened.reshape(WIDTHS[0], 3, STEM, STEM))
    return network


class Lesson:
    """Makes batches of drawings and their loss over all targets."""

    def __init__(self, tower: Network, pool: Pool, targets: torch.Tensor, seed: int) -> None:
        self._tower, self._targets = tower, targets
        self._ahead = Ahead(pool, BATCH, seed)

    def step(self) -> torch.Tensor:
        """Return the cross-entropy of one batch."""
        batch = self._ahead.batch()
        with torch.autocast("cpu", torch.bfloat16):
            vectors = self._tower(batch.pictures)
        return functional.cross_entropy(SCALE * vectors @ self._targets.T, batch.concepts)
