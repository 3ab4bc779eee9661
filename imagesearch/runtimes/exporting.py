"""Writing a tower as an ONNX file, and its matrices as 8-bit integers. In a process of its own."""

import logging
import platform
import warnings
from pathlib import Path

from imagesearch.config import Runtime
from imagesearch.errors import ModelUnavailable
from imagesearch.runtimes.tower import Tower

_OPSET = 17
_PRODUCTS = ["MatMul", "Gemm"]


def write(tower: Tower, runtime: Runtime, folder: Path) -> Path:
    """Write the tower for `onnx` or `onnx-int8` into `folder`; returns the file.

    Bytes [n, side, side, 3] go in as `views`, `embeddings` [n, dims] come out.
    Raises ModelUnavailable, or OSError where there is no room.
    """
    logging.disable(logging.WARNING)  # they are for who develops exporters
    warnings.simplefilter("ignore")
    whole = folder / "whole.onnx"
    _export(tower, whole)
    if runtime == "onnx":
        return whole
    _quantise(whole, folder / "int8.onnx")
    return folder / "int8.onnx"


def _export(tower: Tower, file: Path) -> None:
    import torch

    from imagesearch.runtimes.torch_tower import FromViews

    side = tower.view.side
    model = FromViews(tower, torch.device("cpu")).eval()
    try:
        with torch.inference_mode():
            torch.onnx.export(
                model,
                (torch.zeros(2, side, side, 3, dtype=torch.uint8),),
                str(file),
                input_names=["views"],
                output_names=["embeddings"],
                dynamic_axes={"views": {0: "n"}, "embeddings": {0: "n"}},
                opset_version=_OPSET,
                dynamo=False,
            )
    except (RuntimeError, TypeError, ValueError) as error:
        raise ModelUnavailable(
            f"The model in {tower.folder} cannot be exported for ONNX Runtime: {error}. Use RUNTIME=torch."
        ) from error


def _quantise(whole: Path, file: Path) -> None:
    """Products with weights in 8 bits: a scale for each channel of these, one for what each batch brings.

    The last product, which makes the embeddings, keeps its floats: it costs next to nothing.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    nodes = onnx.load(whole, load_external_data=False).graph.node
    last = [node.name for node in nodes if node.op_type in _PRODUCTS][-1:]
    quantize_dynamic(
        whole,
        file,
        op_types_to_quantize=_PRODUCTS,
        # The quantiser first makes a MatMul of that name of each Gemm.
        nodes_to_exclude=[*last, *(f"{name}_MatMul" for name in last)],
        per_channel=True,
        reduce_range=_overflows(),
        weight_type=QuantType.QInt8,
    )


def _overflows() -> bool:
    """Whether sums of 8-bit products overflow: on x86 without VNNI, where weights therefore get 7 bits."""
    import torch

    on_x86 = platform.machine().lower() in ("x86_64", "amd64")
    return on_x86 and not torch.cpu._is_vnni_supported()
