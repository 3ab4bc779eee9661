"""The shipped weights: loaded as anyone would, and traced as Elasticsearch's client would."""

import io
import json
import unicodedata
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from sentence_transformers import SentenceTransformer

from demo.gallery import draw, drawings
from demo.train.concepts import LANGUAGES

MODEL = Path(__file__).parents[2] / "demo" / "model"
MEGABYTE = 1_000_000

TEXTS = ["a mountain covered in snow", "Ein Berg!", "雪に覆われた山", "눈 덮인 산", "पहाड़", ""]


def load(tower: str) -> SentenceTransformer:
    model: SentenceTransformer = SentenceTransformer(str(MODEL / tower), local_files_only=True)
    return model


def encode(tower: SentenceTransformer, inputs: list[Any]) -> npt.NDArray[np.float32]:
    return np.asarray(tower.encode(inputs))


@pytest.fixture(scope="module")
def texts() -> SentenceTransformer:
    return load("text")


@pytest.fixture(scope="module")
def pictures() -> SentenceTransformer:
    return load("picture")


def picture(hexcode: str, size: int = 128) -> Image.Image:
    return Image.open(io.BytesIO(draw(drawings()[hexcode], size)))


def cosine(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_the_weights_fit_in_twenty_megabytes() -> None:
    assert sum(path.stat().st_size for path in MODEL.rglob("*.safetensors")) <= 20 * MEGABYTE


def test_the_spec_says_what_the_towers_do(texts: SentenceTransformer) -> None:
    spec = json.loads((MODEL / "spec.json").read_text())
    assert spec["name"] == "demo"
    assert tuple(spec["languages"]) == LANGUAGES
    assert encode(texts, ["rain"]).shape == (1, spec["dims"])


def test_both_towers_compute_in_single_precision(
    texts: SentenceTransformer, pictures: SentenceTransformer
) -> None:
    for tower in (texts, pictures):
        assert {weight.dtype for weight in tower.parameters()} == {torch.float32}
    assert encode(pictures, [picture("2602")]).dtype.name == "float32"


def test_words_and_picture_meet(texts: SentenceTransformer, pictures: SentenceTransformer) -> None:
    mountain, dog = encode(pictures, [picture("1F3D4"), picture("1F436")])
    for words in ("snow-capped mountain", "montaña con nieve", "雪山"):
        (vector,) = encode(texts, [words])
        assert cosine(vector, mountain) > cosine(vector, dog) + 0.2


def test_pictures_of_any_mode_and_shape_are_taken(pictures: SentenceTransformer) -> None:
    odd = [Image.new("L", (1, 1)), Image.new("RGB", (300, 20)), picture("2602").convert("P")]
    assert np.isfinite(encode(pictures, odd)).all()


def test_padding_does_not_change_a_vector(texts: SentenceTransformer) -> None:
    (alone,) = encode(texts, TEXTS[:1])
    beside, _ = encode(texts, [TEXTS[0], "a " * 100])
    assert cosine(alone, beside) > 0.99999


def test_the_tokenizer_is_berts(texts: SentenceTransformer) -> None:
    """Lower case, accents off, Han by characters: what Elasticsearch's BERT tokenizer does too."""
    pieces = texts.tokenizer.tokenize
    assert pieces("MOUNTAIN") == pieces("mountain")
    assert pieces("montaña") == pieces("montana")
    assert pieces("雪山") == ["雪", "山"]
    assert not any(unicodedata.combining(c) for piece in pieces("पहाड़") for c in piece)


def test_eland_traces_the_text_tower_faithfully(texts: SentenceTransformer, tmp_path: Path) -> None:
    traced, tokenizer, config = _traced(tmp_path)
    assert config["inference_config"]["text_embedding"]["embedding_size"] == 512
    for text in TEXTS:
        inputs = tokenizer(text, return_tensors="pt")
        ids, mask = inputs["input_ids"], inputs["attention_mask"]
        order = torch.arange(ids.shape[1]).unsqueeze(0)
        found = traced(ids, mask, torch.zeros_like(ids), order)
        vector = (found[0] if isinstance(found, tuple) else found).detach().numpy()[0]
        np.testing.assert_allclose(vector, encode(texts, [text])[0], atol=1e-5)


def _traced(folder: Path) -> tuple[Any, Any, dict[str, Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from eland.ml.pytorch.transformers import TransformerModel

        model = TransformerModel(
            model_id=str(MODEL / "text"),
            task_type="text_embedding",
            es_version=(9, 5, 0),
            max_model_input_size=128,
        )
        path, config, _ = model.save(str(folder))
        traced = torch.jit.load(path)  # type: ignore[no-untyped-call]
        return traced, model._tokenizer, config.to_dict()
