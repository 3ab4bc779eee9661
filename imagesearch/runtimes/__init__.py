"""What computes a picture tower: torch or ONNX Runtime, in several precisions, behind one call."""

from imagesearch.config import Runtime
from imagesearch.runtimes.tower import Computing, Tower

__all__ = ["Computing", "Tower", "describe", "open_tower", "resolve"]


def resolve(asked: Runtime) -> Runtime:
    """The runtime itself, where `auto` is asked for: the fastest here that keeps the meaning."""
    if asked != "auto":
        return asked
    from imagesearch.runtimes.torch_tower import fastest

    return fastest()


def describe(runtime: Runtime) -> str:
    """What computes, and on what, for a person. Raises BadSetting for what this machine lacks."""
    if runtime.startswith("onnx"):
        return f"{runtime} on the CPU"
    from imagesearch.runtimes.torch_tower import device_for

    return f"{runtime} on {device_for(runtime).type.replace('cpu', 'the CPU')}"


def open_tower(runtime: Runtime, tower: Tower) -> Computing:
    """The loaded tower under a runtime that is not `auto`. Raises ModelUnavailable or BadSetting."""
    if runtime.startswith("onnx"):
        from imagesearch.runtimes.onnx_tower import OnnxTower

        return OnnxTower(tower, runtime)
    from imagesearch.runtimes.torch_tower import TorchTower

    return TorchTower(tower, runtime)
