import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.questions import PHRASINGS
from demo.train import sources
from demo.train.augment import SIDE, Augment, plain, premultiplied
from demo.train.concepts import LANGUAGES, Concept, Words
from demo.train.muon import orthogonal
from demo.train.styles import slug
from demo.train.targets import DIMS
from demo.train.teacher import new_network
from demo.train.unseen import LeakError, assert_unseen
from demo.train.wording import Wording, words_of


def concept(hexcode: str, **words: str) -> Concept:
    return Concept(hexcode, {lang: Words(name, ("cold", "white")) for lang, name in words.items()}, True)


@pytest.fixture
def function_words(tmp_path: Path) -> Path:
    """A cache that holds nothing but a list of function words."""
    package = sources.FUNCTION_WORDS
    folder = tmp_path / f"{package.name}-{package.version}" / "package"
    folder.mkdir(parents=True)
    lists = {language: ["the", "of", "cold"] for language in LANGUAGES}
    (folder / "stopwords-iso.json").write_text(json.dumps(lists))
    return tmp_path


def test_the_evaluation_may_not_leak_into_the_training() -> None:
    phrasing = json.loads(PHRASINGS.read_text())[0]["text"]
    assert_unseen(["snow-capped mountain"])
    with pytest.raises(LeakError, match="MOUNTAIN COVERED"):
        assert_unseen(["umbrella", phrasing.upper()])


def test_the_held_out_style_is_no_training_style() -> None:
    assert sources.FLUENT not in sources.ICON_SETS


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        ("Snow-capped mountain", "en", ["snow", "capped", "mountain"]),
        ("l’eau d'Été", "fr", ["l’eau", "d'été"]),
        ("雪封山头", "zh", ["雪封", "封山", "山头"]),
        ("雪山", "ja", ["雪山"]),
        ("बर्फ का पहाड़", "hi", ["बर्फ", "का", "पहाड़"]),
    ],
)
def test_words_of(text: str, language: str, words: list[str]) -> None:
    assert words_of(text, language) == [unicodedata.normalize("NFC", word) for word in words]


def test_wordings_repeat_by_seed_and_keep_a_word_of_the_concept(function_words: Path) -> None:
    concepts = [concept("1F3D4", en="snow mountain")]
    once = Wording(concepts, function_words, seed=3)
    again = Wording(concepts, function_words, seed=3)
    for _ in range(50):
        text = once.text(0, "en")
        assert text == again.text(0, "en")
        assert any(stem in text.lower() for stem in ("sn", "mount", "cold", "whi")), text


def test_function_words_leave_out_what_means_something(function_words: Path) -> None:
    words, weights = Wording([concept("1F3D4", en="snow")], function_words, 1).function_words["en"]
    assert words == ["the", "of"]
    assert weights[1] > weights[0]


def test_slugs_are_those_of_the_icon_sets() -> None:
    assert slug("woman’s hat") == "womans-hat"
    assert slug("piñata") == "pinata"
    assert slug("family: adult, child") == "family-adult-child"


def test_orthogonal_makes_singular_values_alike() -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonal(torch.randn(48, 20)))
    assert values.min() > 0.5
    assert values.max() < 1.5


def test_premultiplied_hides_what_is_transparent() -> None:
    drawing = torch.tensor([[[[200, 100, 0, 0], [200, 100, 0, 255]]]], dtype=torch.uint8)
    assert premultiplied(drawing)[0, :, 0].T.tolist() == [[0, 0, 0, 0], [200, 100, 0, 255]]


def test_augmented_batches_repeat_by_seed() -> None:
    drawings = torch.randint(0, 256, (6, 4, 96, 96), dtype=torch.uint8)
    one, other = (Augment(torch.Generator().manual_seed(5))(drawings) for _ in range(2))
    assert one.shape == (6, 3, SIDE, SIDE)
    assert torch.equal(one, other)


def test_a_transparent_drawing_is_seen_on_white() -> None:
    white = plain(torch.zeros(1, 4, 96, 96, dtype=torch.uint8))
    assert white.min() > 1.5


def test_a_new_network_gives_unit_vectors() -> None:
    pictures = plain(torch.randint(0, 256, (16, 4, 96, 96), dtype=torch.uint8))
    vectors = new_network(pictures).eval()(pictures)
    assert vectors.shape == (16, DIMS)
    np.testing.assert_allclose(vectors.detach().norm(dim=1).numpy(), 1, atol=1e-5)
