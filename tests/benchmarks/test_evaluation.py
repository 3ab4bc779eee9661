"""The evaluation on a model that knows the answers: what it asks, and what it counts."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import questions
from benchmarks.evaluation import Evaluation
from benchmarks.fidelity import FLOOR, lowest_cosines
from benchmarks.questions import Phrasing, Unseen
from demo.train.concepts import Concept, Words
from imagesearch.clip import open_model
from imagesearch.encoders import Model, ModelSpec
from imagesearch.records import FloatArray, ModelIdentity

COLOURS = {"red": (250, 0, 0), "green": (0, 250, 0), "blue": (0, 0, 250)}
CONCEPTS = [Concept(name, {"en": Words(name, ())}, main=True) for name in COLOURS]


class Colours:
    """Sees the mean colour of a picture, and knows the colours' names."""

    def encode(self, inputs: list[Image.Image] | list[str]) -> FloatArray:
        seen = [COLOURS[i] if isinstance(i, str) else np.asarray(i).mean((0, 1)) for i in inputs]
        vectors = np.array(seen, dtype=np.float32)
        unit: FloatArray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


@pytest.fixture
def evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Evaluation:
    for name, colour in COLOURS.items():
        Image.new("RGB", (32, 32), colour).save(tmp_path / f"{name}.png")
    drawings = [Image.new("RGB", (32, 32), colour) for colour in COLOURS.values()]
    monkeypatch.setattr(questions, "unseen", lambda *_: Unseen(drawings, [2, 1, 0]))
    monkeypatch.setattr(questions, "languages", lambda: ("en",))
    monkeypatch.setattr(questions, "phrasings", lambda: [Phrasing("en", "red", ("blue", "red"))])
    towers = Colours()
    model = Model(ModelSpec("fake", "", ""), towers, towers, ModelIdentity("fake", 3, ""))  # type: ignore[arg-type]
    return Evaluation(model, CONCEPTS, tmp_path, tmp_path)


def test_names_find_their_pictures(evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.evaluation.KS", (1, 2))
    row = evaluation.names_to_gallery().rows[0]
    assert (row.label, row.shares[1].value) == ("en", 1.0)
    assert row.shares[1].chance == pytest.approx(1 / 3)


def test_unseen_drawings_are_matched_by_concept(
    evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.evaluation.KS", (1, 2))
    assert evaluation.unseen_to_gallery().rows[0].shares[1].hits == 1  # only green shows its own concept


def test_any_acceptable_answer_counts(evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.evaluation.KS", (1, 2))
    share = evaluation.phrasings_to_gallery().rows[0].shares[1]
    assert share.value == 1.0
    assert share.chance == pytest.approx(2 / 3)


def test_damaged_pictures_find_themselves(evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.evaluation.KS", (1, 2))
    rows = {row.label: row.shares[1] for row in evaluation.damaged_to_gallery(3).rows}
    assert rows["JPEG-crushed"].value == 1.0
    assert rows["all"].total == 12


def test_our_encoders_agree_with_plain_sentence_transformers() -> None:
    pictures = [Image.new("RGB", (90, 60), colour) for colour in COLOURS.values()]
    assert min(lowest_cosines(open_model("demo"), pictures, ["red", "a green thing"]).values()) >= FLOOR
