"""Model pairs with random weights, in the hub's layout: what loading has to cope with, in any size.

`python -m tests.random_pair FOLDER` makes FOLDER/pair and FOLDER/other, with their exports.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPTokenizer,
    DistilBertConfig,
    DistilBertModel,
    DistilBertTokenizerFast,
)


@dataclass(frozen=True)
class Size:
    """How large the towers are; `FULL` is that of clip-ViT-B-32 and its multilingual text tower."""

    picture_width: int
    picture_layers: int
    patch: int
    side: int
    text_width: int
    text_layers: int


TINY = Size(picture_width=32, picture_layers=1, patch=32, side=64, text_width=32, text_layers=1)
FULL = Size(picture_width=768, picture_layers=12, patch=32, side=224, text_width=768, text_layers=6)
DIMS = 512


def make_pair(folder: Path, size: Size = TINY, seed: int = 0) -> Path:
    """A pair below `folder`, ready for MODEL=folder. The same seed gives the same weights."""
    torch.manual_seed(seed)
    _make_picture_tower(folder / "picture", size)
    _make_text_tower(folder / "text", size)
    return folder


def _make_picture_tower(folder: Path, size: Size) -> None:
    inner = folder / "0_CLIPModel"
    inner.mkdir(parents=True)
    heads = max(1, size.picture_width // 64)
    shared = {"num_attention_heads": heads, "intermediate_size": 4 * size.picture_width}
    config = CLIPConfig(
        text_config={**shared, "hidden_size": size.picture_width, "num_hidden_layers": 1, "vocab_size": 300},
        vision_config={
            **shared,
            "hidden_size": size.picture_width,
            "num_hidden_layers": size.picture_layers,
            "patch_size": size.patch,
            "image_size": size.side,
        },
        projection_dim=DIMS,
    )
    CLIPModel(config).save_pretrained(inner)
    square = {"height": size.side, "width": size.side}
    processor = CLIPImageProcessor(size={"shortest_edge": size.side}, crop_size=square)
    CLIPProcessor(processor, _bpe_tokenizer(inner)).save_pretrained(inner)
    _write_modules(folder, [("0_CLIPModel", "sentence_transformers.models.CLIPModel")])


def _bpe_tokenizer(folder: Path) -> CLIPTokenizer:
    symbols = [chr(c) for c in range(97, 123)]
    words = [*symbols, *(s + "</w>" for s in symbols), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77)


def _make_text_tower(folder: Path, size: Size) -> None:
    folder.mkdir(parents=True)
    config = DistilBertConfig(
        vocab_size=len(_WORDS),
        dim=size.text_width,
        n_layers=size.text_layers,
        n_heads=max(1, size.text_width // 64),
        hidden_dim=4 * size.text_width,
    )
    DistilBertModel(config).save_pretrained(folder)
    _wordpiece_tokenizer().save_pretrained(folder)
    _write_json(folder / "sentence_bert_config.json", {"max_seq_length": 128, "do_lower_case": False})
    _write_pooling(folder / "1_Pooling", size.text_width)
    _write_dense(folder / "2_Dense", size.text_width)
    _write_modules(
        folder,
        [
            ("", "sentence_transformers.models.Transformer"),
            ("1_Pooling", "sentence_transformers.models.Pooling"),
            ("2_Dense", "sentence_transformers.models.Dense"),
        ],
    )


_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_WORDS = [*_SPECIAL, *(chr(c) for c in range(97, 123)), *("##" + chr(c) for c in range(97, 123)), "雪", "山"]


def _wordpiece_tokenizer() -> DistilBertTokenizerFast:
    tokenizer = Tokenizer(
        models.WordPiece({word: i for i, word in enumerate(_WORDS)}, unk_token="[UNK]")  # noqa: S106
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return DistilBertTokenizerFast(tokenizer_object=tokenizer, model_max_length=128)


def _write_pooling(folder: Path, width: int) -> None:
    _write_json(folder / "config.json", {"word_embedding_dimension": width, "pooling_mode_mean_tokens": True})


def _write_dense(folder: Path, width: int) -> None:
    from safetensors.torch import save_file

    _write_json(
        folder / "config.json",
        {
            "in_features": width,
            "out_features": DIMS,
            "bias": False,
            "activation_function": "torch.nn.modules.linear.Identity",
        },
    )
    save_file({"linear.weight": torch.randn(DIMS, width) / width**0.5}, folder / "model.safetensors")


def _write_modules(folder: Path, modules: list[tuple[str, str]]) -> None:
    listed = [
        {"idx": i, "name": str(i), "path": path, "type": kind} for i, (path, kind) in enumerate(modules)
    ]
    (folder / "modules.json").write_text(json.dumps(listed))


def _write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def _export(pair: Path) -> None:
    from imagesearch.clip import open_model

    model = open_model(str(pair), "onnx")
    model.pictures.encode([Image.new("RGB", (64, 64))])
    model.texts.encode(["x"])


if __name__ == "__main__":
    for seed, name in enumerate(("pair", "other")):
        _export(make_pair(Path(sys.argv[1], name), seed=seed))
