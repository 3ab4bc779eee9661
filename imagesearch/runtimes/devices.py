"""What torch finds to compute on here. Of the heavy libraries this needs torch alone."""

import torch

from imagesearch.config import Runtime
from imagesearch.errors import BadSetting


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
