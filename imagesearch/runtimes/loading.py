"""Loading a tower by sentence-transformers."""

from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from imagesearch.errors import ModelUnavailable

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# What comes out of loading files that are damaged, cut short or of another layout.
_UNLOADABLE = (
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    SafetensorError,
    TypeError,
    UnpicklingError,
    ValueError,
)


def load(folder: Path, device: str | None = None) -> "SentenceTransformer":
    """The tower in `folder`, on `device` or the best there is. Raises ModelUnavailable."""
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.set_verbosity_error()  # its advice is for developers, not for who searches pictures
    try:
        model: SentenceTransformer = SentenceTransformer(str(folder), device=device, local_files_only=True)
    except _UNLOADABLE as error:
        raise ModelUnavailable(
            f"The model in {folder} cannot be loaded: {error}. Its files are incomplete or of "
            "another layout; fetch or copy it again."
        ) from error
    return model.eval()


def load_pictures(folder: Path) -> "SentenceTransformer":
    """The same on the CPU, without CLIP's own text tower, a third of its weights: words have their own."""
    from torch import nn
    from transformers import CLIPModel

    model = load(folder, "cpu")
    for module in model.modules():
        if isinstance(module, CLIPModel):
            module.text_model = nn.Identity()
    return model
