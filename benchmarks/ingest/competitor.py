"""Setting rclip up: its package in an environment of its own, our weights where it looks for its."""

import subprocess
import sys
from pathlib import Path

import torch
from torch import nn

from imagesearch.runtimes.loading import load_pictures
from imagesearch.runtimes.torch_tower import embeddings

VERSION = "3.3.0"

# rclip.model_download.MODEL_SUBDIR and VISUAL_ONNX.
_MODEL = Path("ViT-B-32-256-datacomp_s34b_b86k", "visual.onnx")


def python(data: Path) -> Path:
    """The interpreter of the environment with rclip in it, made below `data` at first."""
    place = data / f"rclip-{VERSION}"
    if not (place / "done").exists():
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, "--clear", place], check=True)
        into = place / "bin" / "python"
        subprocess.run([uv, "pip", "install", "--quiet", "--python", into, f"rclip=={VERSION}"], check=True)
        (place / "done").touch()
    return place / "bin" / "python"


class _Visual(nn.Module):
    """Normalised pixels to embeddings, which is what rclip's own model file takes and gives."""

    def __init__(self, pair: Path) -> None:
        super().__init__()
        self.model = load_pictures(pair / "picture")

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return embeddings(self.model, pixels)


def export(pair: Path, folder: Path, side: int) -> Path:
    """Write the picture tower of `pair` as rclip's model below `folder`, which becomes its data folder."""
    file = folder / _MODEL
    file.parent.mkdir(parents=True)
    with torch.inference_mode():
        torch.onnx.export(
            _Visual(pair).eval(),
            (torch.zeros(2, 3, side, side),),
            str(file),
            input_names=["input"],
            output_names=["output"],
            dynamic_axes={"input": {0: "n"}, "output": {0: "n"}},
            opset_version=17,
            dynamo=False,
        )
    return folder
