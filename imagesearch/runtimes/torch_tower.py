"""Picture towers under torch: on the CPU, CUDA or Apple's GPU, in single or half precision."""

from typing import TYPE_CHECKING

import torch
from torch import nn
from transformers.activations import QuickGELUActivation
from transformers.models.clip.modeling_clip import CLIPMLP

from imagesearch.config import Runtime
from imagesearch.errors import BadSetting
from imagesearch.records import FloatArray
from imagesearch.runtimes.loading import load_pictures
from imagesearch.runtimes.streams import Streams, cores
from imagesearch.runtimes.tower import Tower
from imagesearch.views import ByteArray, View

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_HALVES = {"torch-bf16": torch.bfloat16, "torch-fp16": torch.float16}

# The factor in CLIP's activation x · sigmoid(1.702 x).
_QUICK = 1.702

# Rows that weights are laid out for: a batch of 32 pictures of 50 patches. Others work, too.
_ROWS = 1600


def fastest() -> Runtime:
    """The fastest runtime here whose results are found like those of single precision (docs/encoding.md)."""
    amx = torch.cpu._is_amx_tile_supported()
    return "torch-bf16" if _best_device().type == "cpu" and amx else "torch"


def device_for(runtime: Runtime) -> torch.device:
    """Where it computes. Raises BadSetting for 16-bit floats that only a GPU computes with, without one."""
    device = _best_device()
    if runtime == "torch-fp16" and device.type == "cpu":
        raise BadSetting(
            "RUNTIME: torch-fp16 needs a GPU, and torch finds none here. Use auto, or torch-bf16."
        )
    return device


def _best_device() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


class TorchTower:
    """A picture tower under torch. In half precision matrices are multiplied in it; sums stay in single."""

    def __init__(self, tower: Tower, runtime: Runtime) -> None:
        self._device = device_for(runtime)
        self._half = _HALVES.get(runtime)
        self._streams = Streams(cores() if self._device.type == "cpu" else 1)
        self._model = load_pictures(tower.folder, self._device.type)
        self._scaled = _Scaled(tower.view).to(self._device)
        _simplify(self._model)
        if self._device.type == "cpu" and self._half == torch.bfloat16:
            _pack(self._model)

    def __call__(self, views: ByteArray) -> FloatArray:
        return self._streams.run(self._part, views)

    def _part(self, views: ByteArray, cores: int) -> FloatArray:
        if self._device.type == "cpu" and torch.get_num_threads() != cores:
            torch.set_num_threads(cores)
        half = torch.autocast(self._device.type, self._half, enabled=self._half is not None)
        with torch.inference_mode(), half:
            given = self._scaled(torch.from_numpy(views).to(self._device))
            made = embeddings(self._model, given)
        result: FloatArray = made.float().cpu().numpy()
        return result


class _Scaled(nn.Module):
    """Bytes [n, side, side, 3] to what the tower takes, [n, 3, side, side]."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, view: View) -> None:
        super().__init__()
        self.register_buffer("mean", 255 * torch.tensor(view.mean))
        self.register_buffer("deviation", 255 * torch.tensor(view.deviation))

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        return ((views.float() - self.mean) / self.deviation).permute(0, 3, 1, 2)


def embeddings(model: "SentenceTransformer", pixels: torch.Tensor) -> torch.Tensor:
    """All modules of a tower after its preprocessing: [n, 3, side, side], normalised, to [n, dims]."""
    made: torch.Tensor = model({"pixel_values": pixels, "modality": "image"})["sentence_embedding"]
    return made


class FromViews(nn.Module):
    """Normalising and the tower as one, to be exported: bytes [n, side, side, 3] to [n, dims]."""

    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.model = load_pictures(tower.folder, "cpu")
        self.scaled = _Scaled(tower.view)

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        return embeddings(self.model, self.scaled(views))


def _simplify(model: nn.Module) -> None:
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


class _PackedLinear(nn.Module):
    """A linear layer whose weights lie as the CPU multiplies them, as torch's own compiler would put it."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach().bfloat16()
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight, _ROWS)
        self._bias = None if linear.bias is None else linear.bias.detach().bfloat16()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            x.bfloat16(), self._weight, self._bias, "none", [], ""
        )
        return made


def _pack(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, _PackedLinear(child))
        else:
            _pack(child)
