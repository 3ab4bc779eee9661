"""Loading a real pair (of random weights) by the code that loads the hub's, and what it gives."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from PIL import Image

from imagesearch.clip import open_model
from imagesearch.encoders import CLIP, Model, find_spec, fingerprint
from imagesearch.errors import ModelUnavailable
from imagesearch.records import FloatArray
from tests.conftest import bare_copy_of, environment, noise

T = TypeVar("T")


def same(one: FloatArray, other: FloatArray) -> None:
    """Equal but for rounding: the cosines of the rows are 1."""
    np.testing.assert_allclose(np.sum(one * other, axis=1), 1, atol=1e-5)


def neither_counts(encode: Callable[[Sequence[T]], FloatArray], inputs: Sequence[T]) -> None:
    """Each vector is the same whatever else is encoded with it, and in what order."""
    together = encode(inputs)
    same(together, np.concatenate([encode([one]) for one in inputs]))
    same(together, encode(inputs[::-1])[::-1])


@pytest.fixture
def copy(pair: Path, tmp_path: Path) -> Path:
    """A copy of the pair, to be damaged."""
    return bare_copy_of(pair, tmp_path / "copy")


class TestEncoding:
    def test_shapes_and_lengths(self, model: Model) -> None:
        pictures, texts = model.pictures.encode([noise(1), noise(2)]), model.texts.encode(["a", "b", "c"])
        assert (pictures.shape, texts.shape) == ((2, 512), (3, 512))
        for vectors in (pictures, texts):
            assert vectors.dtype == np.float32
            np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        assert float(pictures[0] @ pictures[1]) < 0.99999

    def test_nothing_gives_nothing(self, model: Model) -> None:
        assert model.pictures.encode([]).shape == model.texts.encode([]).shape == (0, 512)

    def test_neither_order_nor_company_counts(self, model: Model) -> None:
        neither_counts(model.pictures.encode, [noise(i, 30 + i, 60 - i) for i in range(40)])
        neither_counts(model.texts.encode, [f"words {'and more ' * (i % 7)}" for i in range(40)])

    def test_threads_get_their_own(self, model: Model) -> None:
        texts = [f"{'abcdefgh'[i]} mountain" for i in range(8)]
        expected, got = model.texts.encode(texts), dict[int, FloatArray]()

        def work(i: int) -> None:
            for _ in range(10):
                got[i] = model.texts.encode([texts[i]])

        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        same(np.concatenate([got[i] for i in range(8)]), expected)

    def test_very_long_and_odd_texts(self, model: Model) -> None:
        odd = ["x " * 5000, "雪" * 9999, "\0", "🏔", "\u202e", " "]
        assert model.texts.encode(odd).shape == (6, 512)

    @pytest.mark.parametrize("size", [(1, 1), (20_000, 1), (1, 20_000), (65_535, 2)])
    def test_odd_pictures(self, model: Model, size: tuple[int, int]) -> None:
        """Scaled up whole, one of these would take gigabytes."""
        assert model.pictures.encode([Image.new("RGB", size, "red")]).shape == (1, 512)

    def test_cutting_a_long_picture_changes_nothing_of_what_is_seen(self, model: Model) -> None:
        """CLIP looks at the centre square: what lies more than twice as far out does not count."""
        wide = noise(3, 900, 100)
        repainted = wide.copy()
        repainted.paste("white", (0, 0, 200, 100))
        repainted.paste("white", (700, 0, 900, 100))
        same(model.pictures.encode([wide]), model.pictures.encode([repainted]))
        kept = wide.crop((250, 0, 650, 100))
        same(model.pictures.encode([wide]), model.pictures.encode([kept]))
        moved = wide.crop((300, 0, 700, 100))
        assert float(model.pictures.encode([wide])[0] @ model.pictures.encode([moved])[0]) < 0.9999


LAZY = """
import sys
from imagesearch.clip import open_model
model = open_model(sys.argv[1])
heavy = [m for m in ("torch", "sentence_transformers", "transformers") if m in sys.modules]
model.texts.encode(["x"])
print(heavy, "_computing" in vars(model.texts), "_computing" in vars(model.pictures))
"""


@pytest.mark.parametrize("runtime", ["torch", "onnx"])
def test_words_load_neither_torch_nor_what_stands_on_it(pair: Path, runtime: str) -> None:
    code = f"open_model(sys.argv[1], {runtime!r}).texts.encode(['x'])"
    heavy = "[m for m in ('torch', 'sentence_transformers', 'transformers', 'onnx') if m in sys.modules]"
    code = f"import sys; from imagesearch.clip import open_model; {code}; print({heavy})"
    done = subprocess.run(
        [sys.executable, "-c", code, pair], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_opening_loads_nothing_and_words_only_the_text_tower(pair: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LAZY, pair], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "[] True False\n"


class TestSpecs:
    def test_the_known_ones(self) -> None:
        assert find_spec("clip") is CLIP
        assert (CLIP.name, CLIP.dims, CLIP.metric, CLIP.element_type) == ("clip", 512, "cosine", "float")
        assert len(CLIP.languages) > 45

    def test_a_folder_has_a_name_of_its_own(self, pair: Path, copy: Path) -> None:
        assert find_spec(str(pair)).name != find_spec(str(copy)).name
        assert find_spec(str(pair)).name.startswith("pair-")

    def test_what_a_folder_says_of_itself(self, copy: Path) -> None:
        says = {"name": "mine", "dims": 512, "languages": ["en"], "licence": "MIT", "weak_words": 0.2}
        (copy / "spec.json").write_text(json.dumps(says))
        spec = find_spec(str(copy))
        assert (spec.name, spec.dims, spec.languages, spec.licence) == ("mine", 512, ("en",), "MIT")
        assert (spec.weak_words, spec.weak_picture) == (0.2, None)

    @pytest.mark.parametrize("name", ["none", "/no/such/folder", "Clip", "."])
    def test_what_is_no_model(self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ModelUnavailable, match=r"There is no model .*'demo' nor 'clip' nor a folder"):
            open_model(name)

    @pytest.mark.parametrize("content", ["{", "[]", "caf\xe9"])
    def test_a_description_that_cannot_be_read(self, copy: Path, content: str) -> None:
        (copy / "spec.json").write_bytes(content.encode("latin-1"))
        with pytest.raises(ModelUnavailable, match=r"spec\.json (cannot be read|holds no JSON object)"):
            open_model(str(copy))

    def test_wrong_dims(self, copy: Path) -> None:
        (copy / "spec.json").write_text('{"dims": 256}')
        with pytest.raises(ModelUnavailable, match=r"gives 512 dimensions, its spec says 256\. Correct"):
            open_model(str(copy), data=nowhere(copy)).texts.encode(["x"])


class TestFingerprints:
    def test_the_same_files_anywhere(self, pair: Path, copy: Path) -> None:
        assert open_model(str(pair)).identity.fingerprint == open_model(str(copy)).identity.fingerprint

    def test_other_weights_or_another_preprocessing(self, pair: Path, copy: Path, other_pair: Path) -> None:
        original = fingerprint(pair / "picture")
        assert fingerprint(other_pair / "picture") != original
        settings = copy / "picture/0_CLIPModel/preprocessor_config.json"
        settings.write_text(settings.read_text().replace("64", "32"))
        assert fingerprint(copy / "picture") != original

    def test_the_text_tower_does_not_count(self, pair: Path, copy: Path, other_pair: Path) -> None:
        shutil.rmtree(copy / "text")
        shutil.copytree(other_pair / "text", copy / "text")
        assert open_model(str(copy)).identity.fingerprint == open_model(str(pair)).identity.fingerprint

    def test_a_file_that_cannot_be_read(self, copy: Path) -> None:
        weights = copy / "picture/0_CLIPModel/model.safetensors"
        weights.rename(copy / "elsewhere")
        weights.symlink_to(copy / "gone")
        (copy / "picture/0_CLIPModel/pytorch_model.bin").write_bytes(b"")
        with pytest.raises(ModelUnavailable, match=r"model\.safetensors cannot be read: No such file"):
            open_model(str(copy))


DAMAGED = [
    "picture/0_CLIPModel/model.safetensors",
    "picture/0_CLIPModel/config.json",
    "picture/0_CLIPModel/preprocessor_config.json",
    "text/model.safetensors",
    "text/2_Dense/model.safetensors",
    "text/2_Dense/config.json",
    "text/1_Pooling/config.json",
    "text/tokenizer.json",
]


@pytest.mark.parametrize("how", ["cut", "junk"])
@pytest.mark.parametrize("file", DAMAGED)
def test_a_damaged_file_is_said_to_be_one(copy: Path, file: str, how: str) -> None:
    content = (copy / file).read_bytes()
    (copy / file).write_bytes(content[: len(content) // 2] if how == "cut" else b"\0junk" * 50)
    model = open_model(str(copy), data=nowhere(copy))
    use = partial(model.texts.encode, ["x"]) if "text" in file else partial(model.pictures.encode, [noise(0)])
    with pytest.raises(ModelUnavailable, match=r"cannot be loaded.*fetch or copy it again") as said:
        use()
    assert str(copy) in str(said.value)


def nowhere(copy: Path) -> Path:
    """A data folder such that no export can be kept: what is loaded then is the tower itself."""
    (copy / "text" / ".runtimes").write_text("no folder can be made here")
    (copy / "data").write_text("nor here")
    return copy / "data"


def test_a_damaged_file_is_said_to_be_one_by_what_exports_it(copy: Path, tmp_path: Path) -> None:
    (copy / "text/model.safetensors").write_bytes(b"\0junk" * 50)
    with pytest.raises(ModelUnavailable, match=r"cannot be loaded.*fetch or copy it again"):
        open_model(str(copy), data=tmp_path / "data").texts.encode(["x"])


def test_weights_of_nothing_but_zeros(copy: Path) -> None:
    from safetensors.numpy import load_file, save_file

    weights = copy / "text/2_Dense/model.safetensors"
    save_file({name: value * 0 for name, value in load_file(weights).items()}, weights)
    with pytest.raises(ModelUnavailable, match="gave a vector without a direction"):
        open_model(str(copy), data=nowhere(copy)).texts.encode(["x"])


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_full_size_pair_gives_what_sentence_transformers_gives(tmp_path: Path) -> None:
    """In the size of clip-ViT-B-32 and its text tower; only the weights are not theirs."""
    from sentence_transformers import SentenceTransformer

    from tests.random_pair import FULL, make_pair

    folder = make_pair(tmp_path / "full", FULL)
    model = open_model(str(folder))
    pictures, texts = [noise(i, 300 + i, 250) for i in range(8)], ["a mountain", "雪山", "x " * 300]
    for ours, tower, inputs in (
        (model.pictures.encode(pictures), "picture", pictures),
        (model.texts.encode(texts), "text", texts),
    ):
        plain = SentenceTransformer(str(folder / tower)).encode(inputs)
        cosines = np.sum(ours * plain, axis=1) / np.linalg.norm(plain, axis=1)
        assert cosines.min() >= 0.9999
