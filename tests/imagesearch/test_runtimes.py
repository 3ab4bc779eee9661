"""Every runtime gives what sentence-transformers gives, and exports survive what can befall them."""

import logging
import subprocess
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from imagesearch.clip import open_model
from imagesearch.config import PROJECT, Runtime
from imagesearch.encoders import Model
from imagesearch.errors import BadSetting, ModelUnavailable
from imagesearch.records import FloatArray
from imagesearch.runtimes import TextTower, exports, open_texts, resolve
from imagesearch.runtimes.streams import Streams
from imagesearch.views import ByteArray
from tests.conftest import bare_copy_of, environment, lacking, noise
from tests.random_pair import TINY, Size, make_pair

PICTURES = [noise(i, 60 + 7 * i, 90) for i in range(20)]
LEAST: dict[Runtime, float] = {"torch": 0.99999, "onnx": 0.99999, "torch-bf16": 0.9995, "onnx-int8": 0.995}

# More than one block of weights in a layer, the second a smaller one; and a side that patches do not fill.
BROAD = replace(TINY, picture_width=256, picture_layers=2)
ODD = replace(TINY, side=72)


@pytest.fixture(scope="module")
def own(pair: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the pair, beside which exports are kept."""
    return bare_copy_of(pair, tmp_path_factory.mktemp("own") / "pair")


@pytest.fixture(scope="module")
def plain(pair: Path) -> FloatArray:
    """What sentence-transformers makes of PICTURES, of unit length."""
    made: FloatArray = SentenceTransformer(str(pair / "picture"), device="cpu").encode(PICTURES)
    unit: FloatArray = made / np.linalg.norm(made, axis=1, keepdims=True)
    return unit


@pytest.fixture
def exported_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Towers are exported within this process, which has torch already; TestExports has the real way."""
    monkeypatch.setattr(exports, "_process", lambda: ThreadPoolExecutor(1))
    with warnings.catch_warnings():
        yield
    logging.disable(logging.NOTSET)


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.onnx"))


@pytest.mark.usefixtures("exported_here")
class TestMeaning:
    @pytest.mark.parametrize(("runtime", "least"), LEAST.items())
    def test_equal_to_sentence_transformers(
        self, own: Path, plain: FloatArray, runtime: Runtime, least: float
    ) -> None:
        made = open_model(str(own), runtime).pictures.encode(PICTURES)
        assert made.shape == plain.shape
        assert made.dtype == np.float32
        assert float((made * plain).sum(1).min()) >= least

    @pytest.mark.parametrize("size", [BROAD, ODD], ids=["broad", "odd"])
    def test_of_other_sizes(self, tmp_path: Path, size: Size) -> None:
        pair = make_pair(tmp_path / "pair", size)
        expected: FloatArray = SentenceTransformer(str(pair / "picture"), device="cpu").encode(PICTURES)
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        for runtime, least in LEAST.items():
            made = open_model(str(pair), runtime).pictures.encode(PICTURES)
            assert float((made * expected).sum(1).min()) >= least, runtime

    def test_of_the_demo_model(self, tmp_path: Path) -> None:
        expected: FloatArray = SentenceTransformer("demo/model/picture", device="cpu").encode(PICTURES)
        for runtime, least in (("torch", 0.99999), ("torch-bf16", 0.999)):
            made = open_model("demo", runtime, tmp_path).pictures.encode(PICTURES)  # type: ignore[arg-type]
            assert float((made * expected).sum(1).min()) >= least

    @pytest.mark.parametrize("runtime", ["torch", "onnx"])
    def test_pictures_and_their_views_are_one_path(self, own: Path, runtime: Runtime) -> None:
        encoder = open_model(str(own), runtime).pictures
        views = np.stack([encoder.view.of(picture) for picture in PICTURES])
        np.testing.assert_array_equal(encoder.encode(PICTURES), encoder.encode_views(views))

    def test_every_runtime_is_of_one_model(self, own: Path) -> None:
        identities = {open_model(str(own), runtime).identity for runtime in LEAST}
        assert len(identities) == 1


class TestChoice:
    def test_auto_says_what_it_took(self, own: Path) -> None:
        assert (
            open_model(str(own), "auto").pictures.runtime
            == open_model(str(own), resolve("auto")).pictures.runtime
        )

    @pytest.mark.parametrize(("matrices", "picked"), [(True, "torch-bf16"), (False, "torch")])
    def test_auto_takes_bf16_where_the_processor_multiplies_matrices(
        self,
        monkeypatch: pytest.MonkeyPatch,
        matrices: bool,
        picked: Runtime,
    ) -> None:
        if torch.cuda.is_available() or torch.backends.mps.is_available():
            lacking("There is a GPU here, which auto takes; this test is about processors.")
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: matrices)
        assert resolve("auto") == picked

    def test_fp16_wants_a_gpu(self, own: Path) -> None:
        if torch.cuda.is_available() or torch.backends.mps.is_available():
            made = open_model(str(own), "torch-fp16").pictures.encode(PICTURES)
            assert np.isfinite(made).all()
            return
        with pytest.raises(BadSetting, match="torch-fp16 needs a GPU"):
            open_model(str(own), "torch-fp16").pictures.encode(PICTURES)

    def test_names(self, own: Path) -> None:
        assert open_model(str(own), "onnx-int8").pictures.runtime == "onnx-int8 on the CPU"


class TestExports:
    def test_once_beside_the_model(self, own: Path) -> None:
        open_model(str(own), "onnx").pictures.encode(PICTURES[:1])
        (file,) = [f for f in files(own / "picture") if "int8" not in f.name]
        before = file.stat().st_mtime_ns
        open_model(str(own), "onnx").pictures.encode(PICTURES[:1])
        assert file.stat().st_mtime_ns == before
        assert file.parent == own / "picture" / ".runtimes"
        assert not list(file.parent.glob("tmp*"))

    @pytest.mark.usefixtures("exported_here")
    @pytest.mark.parametrize("how", ["cut", "junk", "flipped"])
    def test_a_damaged_one_is_made_again(self, own: Path, plain: FloatArray, how: str) -> None:
        open_model(str(own), "onnx").pictures.encode(PICTURES[:1])
        (file,) = [f for f in files(own / "picture") if "int8" not in f.name]
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 0xFF
        damaged = bytes({"cut": content[: len(content) // 2], "junk": b"junk", "flipped": content}[how])
        file.write_bytes(damaged)
        made = open_model(str(own), "onnx").pictures.encode(PICTURES)
        assert float((made * plain).sum(1).min()) >= LEAST["onnx"]
        assert file.read_bytes() != damaged

    @pytest.mark.usefixtures("exported_here")
    def test_other_weights_are_another_file(self, own: Path, other_pair: Path, tmp_path: Path) -> None:
        """Also where both go to the data folder."""
        for pair in (own, other_pair):
            copy = bare_copy_of(pair, tmp_path / pair.name)
            (copy / "picture" / ".runtimes").write_text("no folder can be made here")
            open_model(str(copy), "onnx", tmp_path / "data").pictures.encode(PICTURES[:1])
        assert len(files(tmp_path / "data" / "runtimes")) == 2

    def test_no_place_at_all(self, pair: Path, tmp_path: Path) -> None:
        copy = bare_copy_of(pair, tmp_path / "copy")
        (copy / "picture" / ".runtimes").write_text("")
        (tmp_path / "data").write_text("")
        with pytest.raises(ModelUnavailable, match=r"can be kept nowhere .*use RUNTIME=torch"):
            open_model(str(copy), "onnx", tmp_path / "data").pictures.encode(PICTURES[:1])

    def test_two_processes_at_once(self, pair: Path, tmp_path: Path) -> None:
        copy = bare_copy_of(pair, tmp_path / "copy")
        both = [
            subprocess.Popen(
                [sys.executable, "-c", ENCODE, copy], env=environment(), stdout=subprocess.PIPE, text=True
            )
            for _ in range(2)
        ]
        said = [process.communicate(timeout=280)[0] for process in both]
        assert [process.returncode for process in both] == [0, 0]
        assert said[0].splitlines()[0] == said[1].splitlines()[0]
        assert len(files(copy)) == 1

    def test_an_exported_one_needs_no_torch(self, own: Path) -> None:
        open_model(str(own), "onnx").pictures.encode(PICTURES[:1])
        done = subprocess.run(
            [sys.executable, "-c", ENCODE, own], env=environment(), capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[1] == "[]"


ENCODE = """
import sys
from PIL import Image
from imagesearch.clip import open_model
if __name__ == "__main__":
    made = open_model(sys.argv[1], "onnx").pictures.encode([Image.new("RGB", (90, 70), "red")])
    print(made[0, :5])
    print([m for m in ("torch", "transformers", "onnx") if m in sys.modules])
"""


TEXTS = ["a mountain covered in snow", " Schneebedeckter BERG\n", "雪山", "", "x " * 300, "\0", "🏔"]


@pytest.mark.usefixtures("exported_here")
class TestTexts:
    @pytest.mark.parametrize("folder", ["pair", "demo"])
    @pytest.mark.parametrize("company", [True, False])
    def test_equal_to_sentence_transformers(
        self, own: Path, tmp_path: Path, folder: str, company: bool
    ) -> None:
        tower = own / "text" if folder == "pair" else PROJECT / "demo/model/text"
        plain: FloatArray = SentenceTransformer(str(tower), device="cpu").encode(TEXTS)
        texts = open_texts(TextTower(tower, folder, tmp_path))
        made = texts(TEXTS) if company else np.concatenate([texts([text]) for text in TEXTS])
        lengths = np.linalg.norm(plain, axis=1) * np.linalg.norm(made, axis=1)
        assert made.dtype == np.float32
        assert float(((made * plain).sum(1) / lengths).min()) >= 0.99999

    def test_any_file_of_the_tower_counts(self, pair: Path, tmp_path: Path) -> None:
        """Another tokenizer is another export."""
        copy = bare_copy_of(pair, tmp_path / "copy")
        before = open_model(str(copy)).texts.encode(["ab"])
        rules = copy / "text/tokenizer.json"
        rules.write_text(rules.read_text().replace('"a": 5', '"a": 6').replace('"b": 6', '"b": 5'))
        assert float((open_model(str(copy)).texts.encode(["ab"]) * before).sum()) < 0.9999
        assert len(files(copy)) == 2

    def test_where_no_export_can_be_kept_torch_encodes(
        self, pair: Path, model: Model, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        copy = bare_copy_of(pair, tmp_path / "copy")
        (copy / "text" / ".runtimes").write_text("")
        (tmp_path / "data").write_text("")
        caplog.set_level(logging.INFO)
        made = open_model(str(copy), data=tmp_path / "data").texts.encode(TEXTS)
        assert "Words are encoded by torch: " in caplog.text
        assert float((made * model.texts.encode(TEXTS)).sum(1).min()) >= 0.99999


class TestStreams:
    @pytest.mark.parametrize("count", [1, 7, 16, 33, 100])
    def test_parts_come_back_in_order(self, count: int) -> None:
        views: ByteArray = np.arange(count, dtype=np.uint8).reshape(count, 1, 1, 1)
        made = Streams(3).run(lambda part, _: part.reshape(-1, 1).astype(np.float32), views)
        assert made[:, 0].tolist() == list(range(count))

    def test_a_core_for_each_part(self) -> None:
        given: list[tuple[int, int]] = []

        def compute(part: ByteArray, cores: int) -> FloatArray:
            given.append((len(part), cores))
            return part.reshape(-1, 1).astype(np.float32)

        streams = Streams(4)
        for count in (1, 8, 16):
            streams.run(compute, np.zeros((count, 1, 1, 1), dtype=np.uint8))
        assert sorted(given) == [(1, 4), (4, 1), (4, 1), (4, 1), (4, 1), (4, 2), (4, 2)]
