"""Pictures as a person's might look: turned, zoomed, recoloured, on any background, crushed.

Everything works on whole batches of tensors: drawings are bytes [n, 4, S, S], colours already times
alpha; pictures are floats [n, 3, side, side].
"""

import math

import torch
from torch.nn import functional

SIDE = 64
"""Pixels a side of what the towers see."""

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
"""CLIP's own normalisation."""


def normalised(pictures: torch.Tensor) -> torch.Tensor:
    """Scale RGB [n, 3, s, s] from 0 … 1 to what a tower takes."""
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, DEVIATION))
    return ((pictures - mean) / deviation).contiguous(memory_format=torch.channels_last)


def plain(drawings: torch.Tensor) -> torch.Tensor:
    """Drawings [n, 4, S, S] on white at the towers' size, normalised: as a gallery shows them."""
    values = drawings.float() / 255
    on_white = values[:, :3] + 1 - values[:, 3:]
    size = (SIDE, SIDE)
    small = functional.interpolate(on_white, size, mode="bicubic", antialias=True).clamp(0, 1)
    return normalised(small)


class Augment:
    """Random variants of drawings; each batch draws anew from the generator."""

    def __init__(self, generator: torch.Generator) -> None:
        self._generator = generator

    def __call__(self, drawings: torch.Tensor) -> torch.Tensor:
        """Drawings [n, 4, S, S] to RGB [n, 3, SIDE, SIDE], normalised."""
        warped = self._warped(drawings.float()) / 255
        background = self._backgrounds(len(drawings))
        pictures = warped[:, :3] + background * (1 - warped[:, 3:])
        pictures = self._coarse(self._recoloured(pictures))
        return normalised(self._erased(self._noisy(pictures)).clamp(0, 1))

    def _uniform(self, low: float, high: float, *shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=self._generator) * (high - low) + low

    def _chance(self, share: float, count: int) -> torch.Tensor:
        return torch.rand(count, generator=self._generator) < share

    def _warped(self, pictures: torch.Tensor) -> torch.Tensor:
        """Rotate, zoom, stretch, mirror and shift within the frame."""
        count = len(pictures)
        turn = torch.randn(count, generator=self._generator) * 0.15
        zoom = torch.exp(self._uniform(math.log(0.85), math.log(1.5), count))
        stretch = torch.exp(self._uniform(-0.12, 0.12, count))
        mirror = 1 - 2 * self._chance(0.25, count).float()
        shear = self._uniform(-0.1, 0.1, count)
        cos, sin = torch.cos(turn) * zoom, torch.sin(turn) * zoom
        room = (zoom - 0.8).clamp(0.08, 0.4)
        shift = self._uniform(-1, 1, count, 2) * room[:, None]
        across = torch.stack([cos * stretch * mirror, -sin + shear, shift[:, 0]], 1)
        down = torch.stack([sin * mirror, cos / stretch, shift[:, 1]], 1)
        matrices = torch.stack([across, down], 1)
        grid = functional.affine_grid(matrices, [count, 4, SIDE, SIDE], align_corners=False)
        return functional.grid_sample(pictures, grid, align_corners=False)

    def _backgrounds(self, count: int) -> torch.Tensor:
        """White half of the time, else a colour or a slope between two: [count, 3, SIDE, SIDE]."""
        start, end = self._uniform(0, 1, count, 3, 1, 1), self._uniform(0, 1, count, 3, 1, 1)
        end = torch.where(self._chance(0.6, count).view(-1, 1, 1, 1), start, end)
        white = self._chance(0.5, count).view(-1, 1, 1, 1)
        start, end = start.masked_fill(white, 1.0), end.masked_fill(white, 1.0)
        ramp = torch.linspace(0, 1, SIDE)
        upright = self._chance(0.5, count).view(-1, 1, 1, 1)
        slope = torch.where(upright, ramp.view(1, 1, -1, 1), ramp.view(1, 1, 1, -1))
        return start + (end - start) * slope

    def _recoloured(self, pictures: torch.Tensor) -> torch.Tensor:
        """Brightness, contrast, gains and mixing of channels, and now and then no colour at all."""
        count = len(pictures)
        mixing = torch.eye(3) + torch.randn(count, 3, 3, generator=self._generator) * 0.08
        mixing = mixing * self._uniform(0.75, 1.25, count, 3, 1)
        grey = self._chance(0.12, count).view(-1, 1, 1)
        mixing = torch.where(grey, torch.tensor([0.30, 0.59, 0.11]).expand(count, 3, 3), mixing)
        mixed = torch.einsum("nij,njhw->nihw", mixing, pictures)
        contrast, light = self._uniform(0.7, 1.2, count, 1, 1, 1), self._uniform(-0.1, 0.1, count, 1, 1, 1)
        recoloured: torch.Tensor = (mixed - 0.5) * contrast + 0.5 + light
        return recoloured

    def _coarse(self, pictures: torch.Tensor) -> torch.Tensor:
        """One batch in six loses detail, as by a small thumbnail or a hard JPEG."""
        if torch.rand((), generator=self._generator) > 1 / 6:
            return pictures
        side = int(self._uniform(28, 60, 1))
        small = functional.interpolate(pictures, (side, side), mode="bilinear", antialias=True)
        enlarged: torch.Tensor = functional.interpolate(small, (SIDE, SIDE), mode="bilinear")
        return enlarged

    def _noisy(self, pictures: torch.Tensor) -> torch.Tensor:
        """One batch in five gets noise: drawing it costs as much as all the rest together."""
        if torch.rand((), generator=self._generator) > 0.2:
            return pictures
        strength = self._uniform(0, 0.08, len(pictures), 1, 1, 1)
        return pictures + torch.randn(pictures.shape, generator=self._generator) * strength

    def _erased(self, pictures: torch.Tensor) -> torch.Tensor:
        """Hide a square of a quarter of the pictures."""
        count = len(pictures)
        corner = self._uniform(-10, SIDE - 10, count, 2, 1, 1)
        side = self._uniform(8, 28, count, 1, 1) * self._chance(0.25, count).view(-1, 1, 1)
        line = torch.arange(SIDE)
        inside_down = (line.view(1, -1, 1) >= corner[:, 0]) & (line.view(1, -1, 1) < corner[:, 0] + side)
        inside_across = (line.view(1, 1, -1) >= corner[:, 1]) & (line.view(1, 1, -1) < corner[:, 1] + side)
        hidden = (inside_down & inside_across).unsqueeze(1)
        return torch.where(hidden, self._uniform(0, 1, count, 3, 1, 1), pictures)


def premultiplied(drawings: torch.Tensor) -> torch.Tensor:
    """RGBA bytes [n, S, S, 4] to bytes [n, 4, S, S], colours times alpha, so that edges mix rightly."""
    values = drawings.permute(0, 3, 1, 2)
    colours = (values[:, :3].int() * values[:, 3:] + 127) // 255
    return torch.cat([colours.byte(), values[:, 3:]], 1)
