"""Text towers under ONNX Runtime: a search in words loads neither torch nor transformers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from imagesearch.errors import ModelUnavailable
from imagesearch.records import FloatArray
from imagesearch.runtimes.exporting import TOKENIZER

_BATCH = 32


class OnnxTexts:
    """An exported text tower. Raises ModelUnavailable if the file cannot be loaded."""

    def __init__(self, file: Path) -> None:
        try:
            self._session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
            rules = self._session.get_modelmeta().custom_metadata_map[TOKENIZER]
            self._tokenizer = Tokenizer.from_str(rules)
        except Exception as error:  # the errors of both have no base of their own
            raise ModelUnavailable(f"The exported model {file} cannot be loaded: {error}.") from error

    def __call__(self, texts: Sequence[str]) -> FloatArray:
        parts = [self._part(texts[start : start + _BATCH]) for start in range(0, len(texts), _BATCH)]
        return np.concatenate(parts)

    def _part(self, texts: Sequence[str]) -> FloatArray:
        cut = self._tokenizer.encode_batch(list(texts))
        ids = np.array([one.ids for one in cut], dtype=np.int64)
        mask = np.array([one.attention_mask for one in cut], dtype=np.int64)
        made: FloatArray = self._session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        return made
