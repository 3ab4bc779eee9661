"""The demo's picture tower: a small residual CNN as a module of sentence-transformers.

`modules.json` names it `demo.tower.PictureTower`, so `SentenceTransformer(folder)` loads it wherever
this package can be imported.
"""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from sentence_transformers.base.modules import InputModule
from torch import nn
from torch.nn import functional
from transformers import CLIPImageProcessor

WIDTHS = (64, 128, 256)
STEM = 7
"""Pixels a side of the first filters."""

WEIGHTS = "model.safetensors"


class Block(nn.Module):
    """Two 3x3 convolutions with a shortcut, at half the resolution where `stride` is 2."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inside, outside, 3, stride=stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(outside)
        self.second = nn.Conv2d(outside, outside, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(outside)
        self.shortcut = nn.Conv2d(inside, outside, 1, stride=stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, inside, s, s] to [n, outside, s / stride, s / stride]."""
        y = functional.relu(self.first_norm(self.first(x)))
        return functional.relu(self.second_norm(self.second(y)) + self.shortcut(x))


class Network(nn.Module):
    """Pictures [n, 3, 64, 64], normalised, to unit vectors [n, 512]."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third = WIDTHS
        self.stem = nn.Conv2d(3, first, STEM, stride=4, padding=STEM // 2, bias=False)
        self.norm = nn.BatchNorm2d(first)
        self.blocks = nn.Sequential(Block(first, second, 2), Block(second, third, 2), Block(third, third, 1))
        self.head = nn.Linear(2 * third, 512)
        self.spread = nn.BatchNorm1d(512, affine=False)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return unit vectors [n, 512]."""
        maps = self.blocks(functional.relu(self.norm(self.stem(pictures))))
        features = torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1)
        return functional.normalize(self.spread(self.head(features).float()), dim=-1)


class PictureTower(InputModule):
    """The network with CLIP's preprocessing before it: PIL pictures in, unit vectors out."""

    def __init__(self, processor: CLIPImageProcessor, network: Network) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.processor, self.network = processor, network

    @property
    def modalities(self) -> list[Any]:
        """What it takes: pictures only."""
        return ["image"]

    def preprocess(self, inputs: list[Any], prompt: str | None = None, **_: Any) -> dict[str, Any]:  # noqa: ANN401
        """Resize, crop and normalise PIL pictures to `pixel_values` [n, 3, 64, 64]."""
        del prompt  # a question to a text tower; a picture has none
        pictures = [picture.convert("RGB") for picture in inputs]
        values = self.processor(images=pictures, return_tensors="pt")["pixel_values"]
        return {"pixel_values": values}

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: ANN401
        """Add `sentence_embedding` [n, 512] to the features."""
        features["sentence_embedding"] = self.network(features["pixel_values"])
        return features

    def get_embedding_dimension(self) -> int:
        """Return the length of a vector."""
        return self.network.head.out_features

    def save(self, output_path: str, *_: Any, **__: Any) -> None:  # noqa: ANN401
        """Write weights and preprocessing to a folder."""
        self.processor.save_pretrained(output_path)
        save_file(self.network.state_dict(), Path(output_path) / WEIGHTS)

    @classmethod
    def load(cls, model_name_or_path: str, subfolder: str = "", *_: Any, **__: Any) -> "PictureTower":  # noqa: ANN401
        """Read what `save` or the training's export has written; half precision becomes single."""
        folder = Path(model_name_or_path) / subfolder
        network = Network()
        network.load_state_dict(load_file(folder / WEIGHTS))
        return cls(CLIPImageProcessor.from_pretrained(folder), network)
