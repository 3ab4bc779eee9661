"""What computes the towers: torch or ONNX Runtime, in several precisions, behind one call for each tower."""

import logging
from functools import partial

from imagesearch.config import Runtime
from imagesearch.errors import NotExportable
from imagesearch.runtimes.tower import Computing, ComputingTexts, TextTower, Tower

__all__ = [
    "Computing",
    "ComputingTexts",
    "TextTower",
    "Tower",
    "describe",
    "open_texts",
    "open_tower",
    "resolve",
]

log = logging.getLogger(__name__)


def resolve(asked: Runtime) -> Runtime:
    """The runtime itself, where `auto` is asked for: the fastest here that keeps the meaning."""
    if asked != "auto":
        return asked
    from imagesearch.runtimes.devices import fastest

    return fastest()


def describe(runtime: Runtime) -> str:
    """What computes, and on what, for a person. Raises BadSetting for what this machine lacks."""
    if runtime.startswith("onnx"):
        return f"{runtime} on the CPU"
    from imagesearch.runtimes.devices import device_for

    return f"{runtime} on {device_for(runtime).type.replace('cpu', 'the CPU')}"


def open_tower(runtime: Runtime, tower: Tower) -> Computing:
    """The loaded tower under a runtime that is not `auto`. Raises ModelUnavailable or BadSetting."""
    if runtime.startswith("onnx"):
        from imagesearch.runtimes.onnx_tower import OnnxTower

        return OnnxTower(tower, runtime)
    from imagesearch.runtimes.torch_tower import TorchTower

    return TorchTower(tower, runtime)


def open_texts(tower: TextTower) -> ComputingTexts:
    """The loaded text tower: under ONNX Runtime, which loads in a tenth of the time, where it can be.

    Raises ModelUnavailable.
    """
    from imagesearch.runtimes.exporting import write_texts
    from imagesearch.runtimes.exports import exported

    try:
        file = exported(tower, "texts", partial(write_texts, tower))
    except NotExportable as error:
        log.info("Words are encoded by torch: %s", error)
        from imagesearch.runtimes.torch_texts import TorchTexts

        return TorchTexts(tower.folder)
    from imagesearch.runtimes.onnx_texts import OnnxTexts

    return OnnxTexts(file)
