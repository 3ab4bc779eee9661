"""Write the towers to disk in the layout of the hub's `clip-ViT-B-32` and its multilingual text model."""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPTextConfig,
    CLIPTokenizer,
    DistilBertTokenizerFast,
)
from transformers.models.gpt2.tokenization_gpt2 import bytes_to_unicode

from demo.tower import Network
from demo.train.augment import DEVIATION, MEAN, SIDE
from demo.train.student import Student
from demo.train.text_tower import WIDTH, TextTower
from demo.train.vocabulary import MAX_TOKENS

MODULES = "sentence_transformers.models"


def export_text(tower: TextTower, tokenizer: DistilBertTokenizerFast, folder: Path) -> None:
    """Write DistilBERT and WordPiece to the folder, `1_Pooling` and `2_Dense` beside them."""
    unfinished = _fresh(folder)
    tower.bert.config.architectures = ["DistilBertModel"]
    tower.bert.config.save_pretrained(unfinished)
    _save(tower.bert, unfinished)
    tokenizer.save_pretrained(str(unfinished))
    _write(unfinished / "sentence_bert_config.json", {"max_seq_length": MAX_TOKENS, "do_lower_case": False})
    pooling = {"word_embedding_dimension": WIDTH, "pooling_mode_mean_tokens": True}
    _write(unfinished / "1_Pooling" / "config.json", pooling)
    dense = {"in_features": WIDTH, "out_features": 512, "bias": False}
    activation = {"activation_function": "torch.nn.modules.linear.Identity"}
    _write(unfinished / "2_Dense" / "config.json", dense | activation)
    _save_file({"linear.weight": _half(tower.dense.weight)}, unfinished / "2_Dense" / "model.safetensors")
    _modules(unfinished, [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Dense", "Dense")])
    _replace(unfinished, folder)


def export_picture(student: Student, folder: Path) -> None:
    """Write the ViT as a whole CLIP model to `0_CLIPModel`, with a token text tower.

    CLIP's layout wants a text tower; the texts have one of their own, so this one is as small as
    can be and was never trained.
    """
    unfinished = _fresh(folder)
    inside = unfinished / "0_CLIPModel"
    tokenizer = _byte_tokenizer(inside)
    clip = _whole_clip(student, len(tokenizer))
    clip.config.save_pretrained(inside)
    _save(clip, inside)
    tokenizer.save_pretrained(str(inside))
    _image_processor().save_pretrained(inside)
    _modules(unfinished, [("0_CLIPModel", "CLIPModel")])
    _replace(unfinished, folder)


def export_network(network: Network, folder: Path) -> None:
    """Write the CNN as a sentence-transformers module of its own, `demo.tower.PictureTower`."""
    unfinished = _fresh(folder)
    inside = unfinished / "0_PictureTower"
    inside.mkdir()
    _image_processor().save_pretrained(inside)
    _save(network, inside)
    _write(
        unfinished / "modules.json",
        [{"idx": 0, "name": "0", "path": inside.name, "type": "demo.tower.PictureTower"}],
    )
    _replace(unfinished, folder)


def _whole_clip(student: Student, vocabulary: int) -> CLIPModel:
    text = CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=1,
        projection_dim=512,
        bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 1,
    )
    config = CLIPConfig(
        text_config=text.to_dict(), vision_config=student.clip.config.to_dict(), projection_dim=512
    )
    torch.manual_seed(0)
    clip = CLIPModel(config)
    clip.vision_model.load_state_dict(student.clip.vision_model.state_dict())
    clip.visual_projection.load_state_dict(student.clip.visual_projection.state_dict())
    return clip


def _byte_tokenizer(folder: Path) -> CLIPTokenizer:
    """CLIP's BPE with no merges at all: every byte is a token, alone or at the end of a word."""
    characters = list(bytes_to_unicode().values())
    tokens = [*characters, *(c + "</w>" for c in characters), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True)
    _write(folder / "vocab.json", {token: number for number, token in enumerate(tokens)})
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77)


def _image_processor() -> CLIPImageProcessor:
    return CLIPImageProcessor(
        size={"shortest_edge": SIDE},
        crop_size={"height": SIDE, "width": SIDE},
        image_mean=list(MEAN),
        image_std=list(DEVIATION),
    )


def _half(weight: torch.Tensor) -> torch.Tensor:
    return weight.detach().half().contiguous()


def _save(model: nn.Module, folder: Path) -> None:
    """Write the weights in half precision; they are loaded, and compute, in single."""
    weights = {
        name: _half(value) if value.is_floating_point() else value
        for name, value in model.state_dict().items()
        if not name.endswith("position_ids")
    }
    _save_file(weights, folder / "model.safetensors")


def _save_file(weights: dict[str, torch.Tensor], path: Path) -> None:
    save_file(weights, path, metadata={"format": "pt"})
    path.chmod(0o644)


def _modules(folder: Path, parts: list[tuple[str, str]]) -> None:
    rows = [
        {"idx": number, "name": str(number), "path": path, "type": f"{MODULES}.{kind}"}
        for number, (path, kind) in enumerate(parts)
    ]
    _write(folder / "modules.json", rows)


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _fresh(folder: Path) -> Path:
    unfinished = folder.with_name(folder.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    return unfinished


def _replace(unfinished: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)
