"""Where a tower's files come from: a folder, the hub's cache, the hub; and what is said if from nowhere."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imagesearch.encoders import CLIP
from imagesearch.errors import ModelUnavailable
from imagesearch.hub import tower_folder
from localnode.node import free_port
from tests.conftest import bare_copy_of, environment, run_module
from tests.imagesearch.fake_hub import COMMIT, fake_hub

TOWERS = {CLIP.picture: "picture", CLIP.text: "text"}


@pytest.fixture
def closed_port() -> str:
    """An address where nobody listens."""
    return f"http://127.0.0.1:{free_port()}"


def lay_out_cache(home: Path, pair: Path) -> None:
    """Both towers of `clip` in the layout of the hub's cache, as a download leaves it."""
    for repository, tower in TOWERS.items():
        cached = home / "hub" / f"models--{repository.replace('/', '--')}"
        shutil.copytree(pair / tower, cached / "snapshots" / COMMIT)
        (cached / "refs").mkdir()
        (cached / "refs" / "main").write_text(COMMIT)


LOCATE = """
import sys
from imagesearch.errors import ModelUnavailable
from imagesearch.hub import tower_folder
try:
    print(tower_folder(sys.argv[1]))
except ModelUnavailable as error:
    print("ModelUnavailable:", error)
"""


def locate(repository: str, **env: str) -> str:
    """What tower_folder says in a process of its own: huggingface_hub reads the environment only once."""
    done = subprocess.run(
        [sys.executable, "-c", LOCATE, repository],
        env=environment(**env),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_folder_is_taken_as_it_is(pair: Path) -> None:
    assert tower_folder(str(pair / "picture")) == pair / "picture"


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("picture/modules.json", "lacks a readable modules.json"),
        ("picture/0_CLIPModel/config.json", "lacks 0_CLIPModel/config.json"),
        ("picture/0_CLIPModel/model.safetensors", r"lacks 0_CLIPModel/\*\.safetensors or \*\.bin"),
        ("picture/0_CLIPModel/preprocessor_config.json", "lacks 0_CLIPModel/preprocessor_config.json"),
        ("text/2_Dense/model.safetensors", r"lacks 2_Dense/\*\.safetensors or"),
        ("text/1_Pooling/config.json", "lacks 1_Pooling/config.json"),
        ("text/model.safetensors", r"lacks \*\.safetensors or"),
    ],
)
def test_a_folder_that_lacks_a_file_names_it(pair: Path, tmp_path: Path, lost: str, said: str) -> None:
    bare_copy_of(pair, tmp_path / "copy")
    (tmp_path / "copy" / lost).unlink()
    with pytest.raises(ModelUnavailable, match=rf"{said}.*Fetch or copy it again"):
        tower_folder(str(tmp_path / "copy" / lost.split("/", maxsplit=1)[0]))


def test_without_hub_and_cache_one_clear_message(tmp_path: Path, closed_port: str) -> None:
    done = run_module(
        "imagesearch",
        *("search", "x", "--model", "clip"),
        cwd=tmp_path,
        HF_HOME=str(tmp_path / "empty"),
        HF_ENDPOINT=closed_port,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: The model 'sentence-transformers/clip-ViT-B-32' is not on")
    assert done.stderr.count("\n") == 1
    for way_out in ("Connect to the internet once", "--model or MODEL", "--model demo"):
        assert way_out in done.stderr


def test_off_line_by_choice_the_same_message(tmp_path: Path) -> None:
    said = locate(CLIP.text, HF_HOME=str(tmp_path / "empty"), HF_HUB_OFFLINE="1")
    assert said.startswith(f"ModelUnavailable: The model '{CLIP.text}' is not on this machine")


USE = """
from imagesearch.clip import open_model
from PIL import Image
model = open_model("clip")
print(model.pictures.encode([Image.new("RGB", (9, 9))]).shape, model.texts.encode(["x"]).shape)
"""


def test_what_is_cached_is_used_without_touching_the_network(tmp_path: Path, pair: Path) -> None:
    lay_out_cache(tmp_path / "hf", pair)
    with fake_hub({}) as hub:
        done = subprocess.run(
            [sys.executable, "-c", USE],
            env=environment(HF_HOME=str(tmp_path / "hf"), HF_ENDPOINT=hub.url),
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout == "(1, 512) (1, 512)\n"
    assert hub.asked == []


def test_what_is_not_cached_is_fetched_once(tmp_path: Path, pair: Path) -> None:
    for tower in TOWERS.values():
        bare_copy_of(pair / tower, tmp_path / "remote" / tower)
    (tmp_path / "remote/picture/0_CLIPModel/pytorch_model.bin").write_bytes(b"the same weights, pickled")
    (tmp_path / "remote/picture/onnx").mkdir()
    (tmp_path / "remote/picture/onnx/model.onnx").write_bytes(b"the same weights for another framework")
    with fake_hub({CLIP.picture: tmp_path / "remote/picture"}) as hub:
        env = {"HF_HOME": str(tmp_path / "hf"), "HF_ENDPOINT": hub.url}
        folder = Path(locate(CLIP.picture, **env))
        asked = len(hub.asked)
        assert asked > 0
        assert locate(CLIP.picture, **env) == str(folder)
        assert len(hub.asked) == asked
    fetched = {file.relative_to(folder) for file in folder.rglob("*") if file.is_file()}
    original = bare_copy_of(pair / "picture", tmp_path / "original")
    assert fetched == {f.relative_to(original) for f in original.rglob("*") if f.is_file()}
    weights = "0_CLIPModel/model.safetensors"
    assert (folder / weights).read_bytes() == (pair / "picture" / weights).read_bytes()


@pytest.mark.parametrize(
    "lost", ["0_CLIPModel/model.safetensors", "0_CLIPModel/preprocessor_config.json", "modules.json"]
)
def test_an_interrupted_download_is_completed(tmp_path: Path, pair: Path, lost: str) -> None:
    lay_out_cache(tmp_path / "hf", pair)
    cached = tmp_path / "hf/hub/models--sentence-transformers--clip-ViT-B-32/snapshots" / COMMIT / lost
    cached.unlink()
    with fake_hub({CLIP.picture: pair / "picture"}) as hub:
        said = locate(CLIP.picture, HF_HOME=str(tmp_path / "hf"), HF_ENDPOINT=hub.url)
    assert Path(said, lost) == cached
    assert cached.read_bytes() == (pair / "picture" / lost).read_bytes()


def test_an_interrupted_download_off_line_says_what_to_do(
    tmp_path: Path, pair: Path, closed_port: str
) -> None:
    lay_out_cache(tmp_path / "hf", pair)
    cached = tmp_path / "hf/hub/models--sentence-transformers--clip-ViT-B-32/snapshots" / COMMIT
    (cached / "0_CLIPModel/model.safetensors").unlink()
    said = locate(CLIP.picture, HF_HOME=str(tmp_path / "hf"), HF_ENDPOINT=closed_port)
    assert said.startswith("ModelUnavailable: ")
    assert "Connect to the internet once" in said


def test_a_repository_that_the_hub_does_not_know(tmp_path: Path) -> None:
    with fake_hub({}) as hub:
        said = locate("no/such-model", HF_HOME=str(tmp_path / "hf"), HF_ENDPOINT=hub.url)
    assert "could not be fetched from the model hub (RepositoryNotFoundError)" in said
