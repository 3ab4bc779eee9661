"""Text towers under torch, and what of them can be exported."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from torch import nn

from imagesearch.errors import NotExportable
from imagesearch.records import FloatArray
from imagesearch.runtimes.loading import load

_BATCH = 32


class TorchTexts:
    """A text tower as sentence-transformers runs it. Not for two threads: tokenizers do not bear them."""

    def __init__(self, folder: Path, device: str | None = None) -> None:
        self.model = load(folder, device)

    def __call__(self, texts: Sequence[str]) -> FloatArray:
        made = self.model.encode(list(texts), batch_size=_BATCH, show_progress_bar=False)
        return np.asarray(made, dtype=np.float32).reshape(len(texts), -1)


class FromTokens(nn.Module):
    """A text tower from tokens to embeddings [n, dims]."""

    def __init__(self, model: SentenceTransformer) -> None:
        super().__init__()
        self.model = model

    def tokens(self, texts: Sequence[str]) -> dict[str, torch.Tensor]:
        """`input_ids` and `attention_mask` [n, length], as the model cuts its texts. Raises NotExportable."""
        cut = self.model.preprocess(list(texts))
        named = ("input_ids", "attention_mask")
        # Anything else that counts has to be a constant: BERT's kind of a token, 0 where there is one text.
        if any(name not in cut for name in named) or _counts(cut.get("token_type_ids")):
            raise NotExportable("The model takes more than tokens. Use RUNTIME=torch.")
        return {name: cut[name] for name in named}

    def rules(self) -> str:
        """The tokenizer as JSON, its limit and padding included. Raises NotExportable."""
        fast = getattr(self.model.tokenizer, "backend_tokenizer", None)
        if fast is None:
            raise NotExportable("The model's tokenizer has no description that can be exported.")
        rules: str = fast.to_str()
        return rules

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Tokens [n, length] to embeddings [n, dims]."""
        features = {"input_ids": input_ids, "attention_mask": attention_mask, "modality": "text"}
        made: torch.Tensor = self.model(features)["sentence_embedding"]
        return made


def _counts(kinds: torch.Tensor | None) -> bool:
    return kinds is not None and bool(kinds.any())
