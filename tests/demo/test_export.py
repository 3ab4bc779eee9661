"""What the training exports is what plain sentence-transformers loads."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from sentence_transformers import SentenceTransformer
from transformers import DistilBertTokenizerFast

from demo.tower import Network
from demo.train.augment import SIDE, normalised
from demo.train.export import export_network, export_picture, export_text
from demo.train.student import Student
from demo.train.text_tower import TextTower

PICTURE = Image.effect_noise((SIDE, SIDE), 60).convert("RGB")


def seen(picture: Image.Image) -> torch.Tensor:
    """The picture as the training's tensors have it."""
    values = torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)[None]
    return normalised(values.float() / 255)


def unit(folder: Path, item: str | Image.Image) -> npt.NDArray[np.float32]:
    (vector,) = np.asarray(SentenceTransformer(str(folder), local_files_only=True).encode([item]))
    normed: npt.NDArray[np.float32] = vector / np.linalg.norm(vector)
    return normed


@pytest.fixture
def tokenizer(tmp_path: Path) -> DistilBertTokenizerFast:
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "snow", "rain"]))
    return DistilBertTokenizerFast(str(vocabulary), do_lower_case=True, model_max_length=128)


def test_the_text_tower(tmp_path: Path, tokenizer: DistilBertTokenizerFast) -> None:
    tower = TextTower(len(tokenizer)).eval()
    export_text(tower, tokenizer, tmp_path / "text")
    inputs = tokenizer(["Snow rain"], return_tensors="pt")
    with torch.inference_mode():
        wanted = tower(inputs["input_ids"], inputs["attention_mask"])[0].numpy()
    assert unit(tmp_path / "text", "Snow rain") @ wanted > 0.9999


def test_the_network(tmp_path: Path) -> None:
    network = Network().eval()
    export_network(network, tmp_path / "picture")
    with torch.inference_mode():
        wanted = network(seen(PICTURE))[0].numpy()
    assert unit(tmp_path / "picture", PICTURE) @ wanted > 0.9999


def test_the_student_in_clips_layout(tmp_path: Path) -> None:
    student = Student().eval()
    export_picture(student, tmp_path / "picture")
    with torch.inference_mode():
        wanted = student(seen(PICTURE))[0].numpy()
    assert unit(tmp_path / "picture", PICTURE) @ wanted > 0.9999
    names = {path.name for path in (tmp_path / "picture" / "0_CLIPModel").iterdir()}
    assert {
        "config.json",
        "merges.txt",
        "model.safetensors",
        "preprocessor_config.json",
        "vocab.json",
    } <= names


def test_an_export_replaces_the_one_before(tmp_path: Path) -> None:
    export_network(Network(), tmp_path / "picture")
    export_picture(Student(), tmp_path / "picture")
    assert [path.name for path in tmp_path.iterdir()] == ["picture"]
    assert not (tmp_path / "picture" / "0_PictureTower").exists()
