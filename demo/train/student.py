"""The picture tower that ships: a small ViT in CLIP's layout, taught by the CNN.

A ViT knows nothing of pictures at first, not even that neighbouring patches belong together, and
nine thousand drawings are too few to find that out. Three things help: a start that imitates a
trained one (Trockman and Kolter, "Mimetic initialization of self-attention layers", 2023), patches
embedded by their principal components, and a teacher that labels any picture, blends included.
"""

import torch
from torch import nn
from torch.nn import functional
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection
from transformers.models.clip.modeling_clip import CLIPAttention

from demo.tower import Network
from demo.train.augment import SIDE
from demo.train.drawings import Ahead, Pool
from demo.train.teacher import BATCH, SCALE

WIDTH = 192
LAYERS = 6
HEADS = 3
PATCH = 16
BLENDED = 0.4
"""Share of the batches whose pictures are mixed with each other."""


class Student(nn.Module):
    """Pictures [n, 3, 64, 64], normalised, to unit vectors [n, 512]."""

    def __init__(self) -> None:
        super().__init__()
        config = CLIPVisionConfig(
            hidden_size=WIDTH,
            intermediate_size=4 * WIDTH,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            image_size=SIDE,
            patch_size=PATCH,
            projection_dim=512,
            hidden_act="gelu",
            attn_implementation="eager",
        )
        self.clip = CLIPVisionModelWithProjection(config)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return unit vectors [n, 512]."""
        return functional.normalize(self.clip(pixel_values=pictures).image_embeds.float(), dim=-1)

    @torch.no_grad()
    def warm_start(self, pictures: torch.Tensor) -> None:
        """Set patches, positions and attention to a start that a ViT learns quickly from."""
        embeddings = self.clip.vision_model.embeddings
        embeddings.patch_embedding.weight.copy_(_patch_filters(pictures))
        embeddings.position_embedding.weight[1:] = _positions(SIDE // PATCH, WIDTH)
        for layer in self.clip.vision_model.encoder.layers:
            _imitate(layer.self_attn)


def _patch_filters(pictures: torch.Tensor) -> torch.Tensor:
    """Principal components of patches, whitened: filters [WIDTH, 3, PATCH, PATCH]."""
    patches = functional.unfold(pictures, PATCH, stride=PATCH).transpose(1, 2).reshape(-1, 3 * PATCH**2)
    _, sizes, components = torch.pca_lowrank(patches - patches.mean(0), q=WIDTH, niter=4)
    deviations = sizes / len(patches) ** 0.5
    softened = components / (deviations + 0.1 * deviations[0]) * 0.5
    filters: torch.Tensor = softened.T.reshape(WIDTH, 3, PATCH, PATCH)
    return filters


def _positions(side: int, width: int) -> torch.Tensor:
    """Sines and cosines of both axes: [side * side, width]."""
    steps = torch.exp(-torch.arange(width // 4) / (width // 4) * 4.0)
    angles = torch.arange(side)[:, None] * steps * 1.5
    axis = torch.cat([angles.sin(), angles.cos()], 1)
    down = axis[:, None].expand(side, side, -1)
    across = axis[None].expand(side, side, -1)
    return torch.cat([down, across], -1).reshape(side * side, width) * 0.5


def _imitate(attention: CLIPAttention) -> None:
    """Queries meet their like, values are subtracted, as in attention that has been trained."""
    identity = torch.eye(WIDTH)
    size = WIDTH // HEADS
    for head in range(HEADS):
        rows = slice(head * size, (head + 1) * size)
        meeting = 0.7 * torch.randn(WIDTH, WIDTH) / WIDTH**0.5 + 0.7 * identity
        left, values, right = torch.linalg.svd(meeting)
        root = values[:size].sqrt()
        attention.q_proj.weight[rows] = (left[:, :size] * root).T * size**0.25
        attention.k_proj.weight[rows] = (right[:size].T * root).T * size**0.25
    mixing = 0.4 * torch.randn(WIDTH, WIDTH) / WIDTH**0.5 - 0.4 * identity
    left, values, right = torch.linalg.svd(mixing)
    attention.v_proj.weight.copy_(values.sqrt()[:, None] * right)
    attention.out_proj.weight.copy_(left * values.sqrt())


class Apprenticeship:
    """Makes batches and their loss: the teacher's vector, its doubts, and the truth where known."""

    def __init__(
        self, student: Student, teacher: Network | None, pool: Pool, targets: torch.Tensor, seed: int
    ) -> None:
        self._student, self._teacher, self._targets = student, teacher, targets
        self._generator = torch.Generator().manual_seed(seed)
        self._ahead = Ahead(pool, BATCH, seed)

    def step(self) -> torch.Tensor:
        """Return the loss of one batch."""
        batch = self._ahead.batch()
        if self._teacher is None:
            logits = self._logits(self._seen(self._student, batch.pictures))
            return functional.cross_entropy(logits, batch.concepts)
        if torch.rand((), generator=self._generator) < BLENDED:
            return self._taught(self._teacher, self._blended(batch.pictures), None)
        return self._taught(self._teacher, batch.pictures, batch.concepts)

    def _seen(self, tower: nn.Module, pictures: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            vectors: torch.Tensor = tower(pictures)
        return vectors

    def _logits(self, vectors: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = SCALE * vectors @ self._targets.T
        return logits

    def _taught(
        self, teacher: Network, pictures: torch.Tensor, concepts: torch.Tensor | None
    ) -> torch.Tensor:
        with torch.no_grad():
            wanted = self._seen(teacher, pictures)
            doubts = self._logits(wanted).softmax(-1)
        vectors = self._seen(self._student, pictures)
        logits = self._logits(vectors)
        apart = (1 - (vectors * wanted).sum(-1)).mean()
        loss: torch.Tensor = 5 * apart + functional.cross_entropy(logits, doubts)
        return loss if concepts is None else loss + 0.5 * functional.cross_entropy(logits, concepts)

    def _blended(self, pictures: torch.Tensor) -> torch.Tensor:
        """Mix each picture with another: pictures that no one drew, for the teacher to name."""
        share = torch.rand(len(pictures), 1, 1, 1, generator=self._generator) * 0.5
        other = pictures[torch.randperm(len(pictures), generator=self._generator)]
        blended: torch.Tensor = pictures * (1 - share) + other * share
        return blended
