"""Layers that stand in for a tower's own: the same arithmetic in fewer, larger steps."""

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import nn
from torch.nn import functional
from transformers.activations import QuickGELUActivation
from transformers.models.clip.modeling_clip import (
    CLIPMLP,
    CLIPAttention,
    CLIPEncoderLayer,
    CLIPVisionEmbeddings,
    CLIPVisionTransformer,
)

from imagesearch.views import View

# The factor in CLIP's activation x · sigmoid(1.702 x).
_QUICK = 1.702

# What is taken off bytes, so that they lie around 0; no 16-bit float rounds what is left.
_MIDDLE = 128

# Rows that packed weights are laid out for: half a batch of 32 pictures of 50 patches. Others work, too.
_ROWS = 800

# Weights of so many rows and columns stay in a core's cache while they are multiplied: in blocks of
# this size CLIP's widest layers take little more than half the time.
_BLOCK = 768


class Scaled(nn.Module):
    """Bytes [n, side, side, 3] to what transformers' processor makes of them, [n, 3, side, side]."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, view: View) -> None:
        super().__init__()
        self.register_buffer("mean", 255 * torch.tensor(view.mean))
        self.register_buffer("deviation", 255 * torch.tensor(view.deviation))

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        return ((views.float() - self.mean) / self.deviation).permute(0, 3, 1, 2)


class Patches(nn.Module):
    """Normalising, CLIP's embedding of patches and of their positions as one product.

    Bytes [n, side, side, 3] to [n, 1 + patches, width].
    """

    first: torch.Tensor
    positions: torch.Tensor

    def __init__(self, own: CLIPVisionEmbeddings, view: View) -> None:
        super().__init__()
        self._across, self._patch = view.side // own.patch_size, own.patch_size
        scaled = Scaled(view)
        weight = own.patch_embedding.weight.detach().permute(0, 2, 3, 1) / scaled.deviation
        away = ((scaled.mean - _MIDDLE) * weight).sum((1, 2, 3))
        self._product = nn.Linear(weight[0].numel(), len(weight), bias=False)
        self._product.weight.data = weight.flatten(1).contiguous()
        positions = own.position_embedding.weight.detach()
        self.register_buffer("first", (own.class_embedding.detach() + positions[0]).expand(1, 1, -1))
        self.register_buffer("positions", positions[1:] - away)

    def forward(self, views: torch.Tensor, **_: object) -> torch.Tensor:
        count, across, patch = views.shape[0], self._across, self._patch
        cut = views.reshape(count, across, patch, across, patch, 3).permute(0, 1, 3, 2, 4, 5)
        rows = cut.reshape(count, across * across, -1).float() - _MIDDLE
        patches = self._product(rows) + self.positions
        return torch.cat([self.first.expand(count, -1, -1), patches], dim=1)


def take_bytes(model: nn.Module, view: View) -> bool:
    """Make CLIP's vision transformer in `model` take bytes; False if there is none that can."""
    for module in model.modules():
        if isinstance(module, CLIPVisionTransformer) and _fits(module.embeddings, view):
            module.add_module("embeddings", Patches(module.embeddings, view))
            return True
    return False


def _fits(own: CLIPVisionEmbeddings, view: View) -> bool:
    # Of a side that is no multiple of the patch, CLIP leaves the rest out.
    return bool(own.image_size == view.side and view.side % own.patch_size == 0)


def simplify(model: nn.Module) -> None:
    """CLIP's activation in one step instead of three, its factor moved into the weights around it.

    x · sigmoid(f x) = silu(f x) / f.
    """
    for module in model.modules():
        if isinstance(module, CLIPMLP) and isinstance(module.activation_fn, QuickGELUActivation):
            with torch.no_grad():
                module.fc1.weight.mul_(_QUICK)
                module.fc1.bias.mul_(_QUICK)
                module.fc2.weight.div_(_QUICK)
            module.activation_fn = nn.SiLU(inplace=True)


class PackedLinear(nn.Module):
    """A product with 16-bit weights that lie as the CPU multiplies them, as torch's own compiler puts them.

    Takes any floats, gives 16-bit ones.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        super().__init__()
        half = weight.detach().bfloat16().contiguous()
        self._weight = torch.ops.mkldnn._reorder_linear_weight(half, _ROWS)
        self._bias = None if bias is None else bias.detach().bfloat16()

    @classmethod
    def of(cls, linear: nn.Linear) -> Self:
        """The same as `linear`."""
        return cls(linear.weight, linear.bias)

    def forward(self, x: torch.Tensor, activation: str = "none") -> torch.Tensor:
        made: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            x.bfloat16(), self._weight, self._bias, activation, [], ""
        )
        return made


class PackedLayer(nn.Module):
    """A layer of CLIP whose products are in 16-bit floats, and whose sums between them are in 32."""

    def __init__(self, own: CLIPEncoderLayer) -> None:
        super().__init__()
        attention: CLIPAttention = own.self_attn
        self._heads, self._head = attention.num_heads, attention.head_dim
        self._before_attention, self._before_mlp = own.layer_norm1, own.layer_norm2
        self._queries = PackedLinear.of(attention.q_proj)
        self._keys = PackedLinear.of(attention.k_proj)
        self._values = PackedLinear.of(attention.v_proj)
        self._out = PackedLinear.of(attention.out_proj)
        wide, narrow = own.mlp.fc1, own.mlp.fc2
        # Blocks of the wide layer, each with its part of the sum that the narrow one makes of them.
        weights, biases = torch.split(wide.weight, _BLOCK), torch.split(wide.bias, _BLOCK)
        parts = torch.split(narrow.weight, _BLOCK, dim=1)
        self._wide, self._narrow = nn.ModuleList(), nn.ModuleList()
        for weight, bias, part in zip(weights, biases, parts, strict=True):
            self._narrow.append(PackedLinear(part, None if self._narrow else narrow.bias))
            self._wide.append(PackedLinear(weight, bias))

    def forward(self, x: torch.Tensor, *_: object, **__: object) -> tuple[torch.Tensor]:
        count, length, width = x.shape
        given = self._before_attention(x).bfloat16()
        heads = (
            part(given).view(count, length, self._heads, self._head).transpose(1, 2)
            for part in (self._queries, self._keys, self._values)
        )
        seen = functional.scaled_dot_product_attention(*heads)
        x.add_(self._out(seen.transpose(1, 2).reshape(count, length, width)))
        given = self._before_mlp(x).bfloat16()
        for wide, narrow in zip(self._wide, self._narrow, strict=True):
            x.add_(narrow(wide(given, "swish")))
        return (x,)


def pack(model: nn.Module) -> bool:
    """Put packed layers in the place of a model's; whether it is a CLIP, which then needs no more help."""
    if not _replace(model, _packable, PackedLayer):
        _replace(model, _linear, PackedLinear.of)
        return False
    for module in [module for module in model.modules() if isinstance(module, Patches)]:
        _replace(module, _linear, PackedLinear.of)
    return True


def _linear(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Linear)


def _packable(layer: nn.Module) -> bool:
    return isinstance(layer, CLIPEncoderLayer) and isinstance(layer.mlp.activation_fn, nn.SiLU)


def _replace(
    module: nn.Module, chosen: Callable[[nn.Module], bool], make: Callable[[Any], nn.Module]
) -> bool:
    found = False
    for name, child in module.named_children():
        if chosen(child):
            setattr(module, name, make(child))
            found = True
        else:
            found = _replace(child, chosen, make) or found
    return found
