"""Picture towers under torch: on the CPU, CUDA or Apple's GPU, in single or half precision."""

from typing import TYPE_CHECKING

import torch
from torch import nn

from imagesearch.config import Runtime
from imagesearch.records import FloatArray
from imagesearch.runtimes.devices import device_for
from imagesearch.runtimes.layers import Scaled, pack, simplify, take_bytes
from imagesearch.runtimes.loading import load_pictures
from imagesearch.runtimes.streams import Streams, cores
from imagesearch.runtimes.tower import Tower
from imagesearch.views import ByteArray

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_HALVES = {"torch-bf16": torch.bfloat16, "torch-fp16": torch.float16}


class TorchTower:
    """A picture tower under torch. In half precision matrices are multiplied in it; sums stay in single."""

    def __init__(self, tower: Tower, runtime: Runtime) -> None:
        self._device = device_for(runtime)
        self._streams = Streams(cores() if self._device.type == "cpu" else 1)
        self._model = FromViews(tower, self._device)
        simplify(self._model)
        half = _HALVES.get(runtime)
        if self._device.type == "cpu" and half and pack(self._model):
            half = None
        self._half = half

    def __call__(self, views: ByteArray) -> FloatArray:
        return self._streams.run(self._part, views)

    def _part(self, views: ByteArray, cores: int) -> FloatArray:
        if self._device.type == "cpu" and torch.get_num_threads() != cores:
            torch.set_num_threads(cores)
        half = torch.autocast(self._device.type, self._half, enabled=self._half is not None)
        with torch.inference_mode(), half:
            made = self._model(torch.from_numpy(views).to(self._device))
        result: FloatArray = made.float().cpu().numpy()
        return result


class FromViews(nn.Module):
    """A tower from bytes [n, side, side, 3] to embeddings [n, dims], normalising included."""

    def __init__(self, tower: Tower, device: torch.device) -> None:
        super().__init__()
        self._model = load_pictures(tower.folder)
        self._scaled = nn.Identity() if take_bytes(self._model, tower.view) else Scaled(tower.view)
        self.to(device)

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        return embeddings(self._model, self._scaled(views))


def embeddings(model: "SentenceTransformer", pixels: torch.Tensor) -> torch.Tensor:
    """All modules of a tower after its preprocessing: what its first layer takes, to [n, dims]."""
    made: torch.Tensor = model({"pixel_values": pixels, "modality": "image"})["sentence_embedding"]
    return made
