"""Writing towers as ONNX files, and their matrices as 8-bit integers. In a process of its own."""

import logging
import platform
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagesearch.config import Runtime
from imagesearch.errors import NotExportable
from imagesearch.runtimes.tower import TextTower, Tower

if TYPE_CHECKING:
    from torch import nn

_OPSET = 17
_PRODUCTS = ["MatMul", "Gemm"]
# What of a text tower's export is the rules by which words are cut into tokens.
TOKENIZER = "tokenizer"
# Of different lengths and scripts: an export has to give for them what torch gives.
_SAMPLE = ["a mountain covered in snow", " Schneebedeckter BERG\n", "雪", "", "many words " * 200]


def write(tower: Tower, runtime: Runtime, folder: Path) -> Path:
    """Write the tower for `onnx` or `onnx-int8` into `folder`; returns the file.

    Bytes [n, side, side, 3] go in as `views`, `embeddings` [n, dims] come out.
    Raises ModelUnavailable, or OSError where there is no room.
    """
    import torch

    from imagesearch.runtimes.torch_tower import FromViews

    _quiet()
    side, whole = tower.view.side, folder / "whole.onnx"
    model = FromViews(tower, torch.device("cpu")).eval()
    views = torch.zeros(2, side, side, 3, dtype=torch.uint8)
    _export(tower, model, {"views": views}, {"views": {0: "n"}}, whole)
    if runtime == "onnx":
        return whole
    _quantise(whole, folder / "int8.onnx")
    return folder / "int8.onnx"


def write_texts(tower: TextTower, folder: Path) -> Path:
    """Write the text tower into `folder`, with the rules of its tokenizer; returns the file.

    `input_ids` and `attention_mask` [n, length] go in, `embeddings` [n, dims] come out.
    Raises ModelUnavailable, or OSError where there is no room.
    """
    import onnx

    from imagesearch.runtimes.torch_texts import FromTokens, TorchTexts

    _quiet()
    file, torch_texts = folder / "texts.onnx", TorchTexts(tower.folder, "cpu")
    model = FromTokens(torch_texts.model)
    sample = model.tokens(_SAMPLE)
    _export(tower, model, sample, {name: {0: "n", 1: "length"} for name in sample}, file)
    exported = onnx.load(file, load_external_data=False)
    onnx.helper.set_model_props(exported, {TOKENIZER: model.rules()})
    onnx.save(exported, file)
    _compare(tower, file, torch_texts)
    return file


def _quiet() -> None:
    logging.disable(logging.WARNING)  # they are for who develops exporters
    warnings.simplefilter("ignore")


def _export(
    tower: Tower | TextTower,
    model: "nn.Module",
    inputs: Mapping[str, Any],
    axes: Mapping[str, Mapping[int, str]],
    file: Path,
) -> None:
    """Write `model` to `file`: `inputs`, of any size along `axes`, to `embeddings`."""
    import torch

    try:
        with torch.inference_mode():
            torch.onnx.export(
                model,
                tuple(inputs.values()),
                str(file),
                input_names=list(inputs),
                output_names=["embeddings"],
                dynamic_axes={**axes, "embeddings": {0: "n"}},
                opset_version=_OPSET,
                dynamo=False,
            )
    except (RuntimeError, TypeError, ValueError) as error:
        raise NotExportable(
            f"The model in {tower.folder} cannot be exported for ONNX Runtime: {error}. Use RUNTIME=torch."
        ) from error


def _compare(tower: TextTower, file: Path, torch_texts: Any) -> None:  # noqa: ANN401  # no cycle of imports
    """Raises NotExportable if the export gives anything but what torch gives."""
    from imagesearch.runtimes.onnx_texts import OnnxTexts

    ours, theirs = OnnxTexts(file)(_SAMPLE), torch_texts(_SAMPLE)
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    if not np.allclose((ours * theirs).sum(axis=1), lengths, rtol=1e-5):
        raise NotExportable(f"The export of the model in {tower.folder} does not give what the model gives.")


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
