"""The side process of a node that computes what one uploaded model computes.

The node starts it with the model's folder and asks by lines of JSON on its standard input: `{"text": …}`.
Each is answered by a line: `{"vector": […], "truncated": …}`, or `{"error": …, "status": …}`. It says
`{"ready": true}` first, and ends when its input does, that is with the node.

Here stands in for Elasticsearch's own tokeniser and inference process what `tokenizers` and `torch` make
of the uploaded configuration, vocabulary and TorchScript. Nothing of the project's own models is read.
"""

import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors

BAD_REQUEST, FAILED = 400, 500


class TooLong(ValueError):
    """A text of more tokens than the model takes, where it must not be cut."""


class UploadedModel:
    """A text embedding model as it was uploaded to `folder`."""

    def __init__(self, folder: Path) -> None:
        config = json.loads((folder / "config.json").read_bytes())
        self._rules = config["inference_config"]["text_embedding"]["tokenization"]["bert"]
        vocabulary = json.loads((folder / "vocabulary.json").read_bytes())["vocabulary"]
        self._tokenizer = bert_tokenizer(vocabulary, self._rules)
        parts = sorted((folder / "definition").iterdir(), key=lambda part: int(part.name))
        definition = io.BytesIO(b"".join(part.read_bytes() for part in parts))
        self._module = torch.jit.load(definition, map_location="cpu")  # type: ignore[no-untyped-call]

    def embed(self, text: str) -> tuple[list[float], bool]:
        """The embedding of a text, and whether the text was cut. Raises TooLong."""
        ids, truncated = self._tokens(text)
        given = torch.tensor([ids])
        masks, types = torch.ones_like(given), torch.zeros_like(given)
        # Optimised for a length of text, the first two answers would take thirty times as long as the others.
        plainly = torch.jit.optimized_execution(False)  # type: ignore[attr-defined]
        with torch.inference_mode(), plainly:
            vectors = self._module(given, masks, types, torch.arange(len(ids)).unsqueeze(0))
        return vectors[0].tolist(), truncated

    def _tokens(self, text: str) -> tuple[list[int], bool]:
        most = self._rules["max_sequence_length"]
        found = self._tokenizer.encode(text, add_special_tokens=self._rules["with_special_tokens"])
        if len(found) <= most:
            return found.ids, False
        if self._rules["truncate"] == "none":
            raise TooLong(
                f"Input too large. The tokenized input length [{len(found)}] exceeds the maximum sequence "
                f"length [{most}]"
            )
        last = found.ids[-1:] if self._rules["with_special_tokens"] else []
        return found.ids[: most - len(last)] + last, True


def bert_tokenizer(vocabulary: list[str], rules: dict[str, Any]) -> Tokenizer:
    """WordPiece as Elasticsearch's BERT tokeniser does it: accents go when, and only when, case goes."""
    ids = {token: i for i, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))  # noqa: S106  # no password
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, lowercase=rules["do_lower_case"]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"]))
    if "[MASK]" in ids:
        tokenizer.add_special_tokens([AddedToken("[MASK]", normalized=False)])
    return tokenizer


def answer(model: UploadedModel, text: str) -> dict[str, object]:
    """What is said to one text."""
    try:
        vector, truncated = model.embed(text)
    except TooLong as error:
        return {"error": str(error), "status": BAD_REQUEST}
    except RuntimeError as error:  # what TorchScript raises
        return {"error": f"Error in inference process: [{error}]", "status": FAILED}
    return {"vector": vector, "truncated": truncated}


def main(folder: Path, threads: int) -> None:
    """Load the model in `folder`, then answer until the input ends."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as answers:
        sys.stdout = sys.stderr  # whatever a library prints must not come between the answers
        torch.set_num_threads(threads)
        model = UploadedModel(folder)
        print(json.dumps({"ready": True}), file=answers, flush=True)
        for line in sys.stdin:
            print(json.dumps(answer(model, json.loads(line)["text"])), file=answers, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
