"""The Muon optimizer for matrices, AdamW for everything else.

Muon (Jordan and others 2024, "Muon: An optimizer for hidden layers") makes every update of a matrix
orthogonal, so that all its directions learn at the same rate. The size of the update follows Liu and
others 2025, "Muon is scalable for LLM training": as large as AdamW's, so that one rate serves both.
"""

from collections.abc import Iterable

import torch

MOMENTUM = 0.95
QUINTIC = (3.4445, -4.7750, 2.0315)
"""Jordan's coefficients: five steps bring every singular value near 1."""


class Muon:
    """Steps matrices (and filters, seen as matrices) by orthogonal updates."""

    def __init__(self, weights: Iterable[torch.Tensor], decay: float) -> None:
        self._weights = list(weights)
        self._momenta = [torch.zeros_like(weight) for weight in self._weights]
        self._decay = decay

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Update every weight once by its gradient."""
        for weight, momentum in zip(self._weights, self._momenta, strict=True):
            if weight.grad is None:
                continue
            momentum.lerp_(weight.grad, 1 - MOMENTUM)
            ahead = weight.grad.lerp(momentum, MOMENTUM)
            update = orthogonal(ahead.flatten(1)).view_as(weight)
            size = 0.2 * max(weight.shape[0], weight[0].numel()) ** 0.5
            weight.mul_(1 - rate * self._decay).add_(update, alpha=-rate * size)


def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """Return the nearest orthogonal matrix, roughly, by five Newton-Schulz steps."""
    a, b, c = QUINTIC
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).bfloat16()
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    nearest: torch.Tensor = (x.T if tall else x).to(matrix.dtype)
    return nearest
