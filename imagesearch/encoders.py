"""What an encoder is, which models are known by name, and where their files are."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from PIL import Image

from imagesearch.config import PROJECT
from imagesearch.errors import ModelUnavailable
from imagesearch.records import FloatArray, ModelIdentity
from imagesearch.views import ByteArray, View


class PictureEncoder(Protocol):
    """Turns pictures into embeddings. Loads its weights at the first call; safe between threads."""

    @property
    def view(self) -> View:
        """What of a picture it sees; known without loading."""
        ...

    @property
    def runtime(self) -> str:
        """What computes it, and where, for a person; known without loading the weights."""
        ...

    def encode_views(self, views: ByteArray) -> FloatArray:
        """Views, uint8 of shape (n, side, side, 3), to float32, shape (n, dims), rows of unit length."""
        ...

    def encode(self, pictures: Sequence[Image.Image]) -> FloatArray:
        """RGB pictures of any size to float32, shape (n, dims), rows of unit length."""
        ...


class TextEncoder(Protocol):
    """Turns words into embeddings of the same space. Loads at the first call; safe between threads."""

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Texts (truncated at the model's own limit) to float32, shape (n, dims), rows of unit length."""
        ...


@dataclass(frozen=True)
class ModelSpec:
    """What a model pair is, known without loading it.

    `picture` and `text` name the towers: a folder, or a repository on the hub. `weak_words` and
    `weak_picture` are the cosines below which the best result of a query (in words; by a picture)
    is probably no match; None where that was never measured. `preprocessing` says what is done to
    a picture before the tower sees it.
    """

    name: str
    picture: str
    text: str
    dims: int = 512
    element_type: Literal["float"] = "float"
    metric: Literal["cosine"] = "cosine"
    preprocessing: str = "shorter side to the model's size (bicubic), centre crop, CLIP's mean and deviation"
    languages: tuple[str, ...] = ()
    licence: str = "unknown"
    weak_words: float | None = None
    weak_picture: float | None = None


@dataclass(frozen=True)
class Model:
    """An opened pair. Opening loads no weights; each tower loads when it is first asked.

    `text_folder` is where the files of the text tower are.
    """

    spec: ModelSpec
    pictures: PictureEncoder
    texts: TextEncoder
    identity: ModelIdentity = field(compare=False)
    text_folder: Path = field(default=Path(), compare=False)


CLIP = ModelSpec(
    name="clip",
    picture="sentence-transformers/clip-ViT-B-32",
    text="sentence-transformers/clip-ViT-B-32-multilingual-v1",
    languages=tuple(
        "ar bg ca cs da de el en es et fa fi fr gl gu he hi hr hu hy id it ja ka ko ku lt lv mk mn mr ms "
        "my nb nl pl pt ro ru sk sl sq sr sv th tr uk ur vi zh".split()
    ),
    licence="MIT (OpenAI CLIP), Apache-2.0 (multilingual text tower)",
)

DEMO_FOLDER = PROJECT / "demo" / "model"


def find_spec(name: str) -> ModelSpec:
    """The spec of the model called `name`: `clip`, `demo`, or a folder.

    Raises ModelUnavailable if it is neither.
    """
    if name == CLIP.name:
        return CLIP
    return _folder_spec(DEMO_FOLDER if name == "demo" else Path(name).expanduser())


def _folder_spec(folder: Path) -> ModelSpec:
    picture, text = folder / "picture", folder / "text"
    if not (picture.is_dir() and text.is_dir()):
        raise ModelUnavailable(
            f"There is no model {str(folder)!r}: it is neither 'demo' nor 'clip' nor a folder that holds "
            "'picture/' and 'text/' in the layout of sentence-transformers. Name one of those with --model "
            "or MODEL."
        )
    known = _read_json(folder / "spec.json") if (folder / "spec.json").exists() else {}
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]
    return ModelSpec(
        name=known.get("name", f"{folder.resolve().name}-{digest}"),
        picture=str(picture),
        text=str(text),
        dims=known.get("dims", 512),
        languages=tuple(known.get("languages", ())),
        licence=known.get("licence", "unknown"),
        weak_words=known.get("weak_words"),
        weak_picture=known.get("weak_picture"),
    )


def _read_json(path: Path) -> dict:  # type: ignore[type-arg]  # what a foreign file holds
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"The model's description {path} cannot be read: {error}.") from error
    if not isinstance(content, dict):
        raise ModelUnavailable(f"The model's description {path} holds no JSON object.")
    return content


def fingerprint(folder: Path) -> str:
    """SHA-256, in hex, over the weights of a tower's folder and the settings they are used with.

    Raises ModelUnavailable if there are no weights.
    """
    weights = sorted(folder.rglob("*.safetensors")) or sorted(folder.rglob("*.bin"))
    if not weights:
        raise ModelUnavailable(f"The model folder {folder} holds no weights. Fetch or copy it again.")
    settings = [*sorted(folder.rglob("config.json")), *sorted(folder.rglob("preprocessor_config.json"))]
    return _digest(folder, [*weights, *settings])


def fingerprint_of_all(folder: Path) -> str:
    """SHA-256, in hex, over every file of a tower but what this program keeps there (`.runtimes`).

    Raises ModelUnavailable if one cannot be read.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and ".runtimes" not in path.parts)
    return _digest(folder, files)


def _digest(folder: Path, files: Sequence[Path]) -> str:
    total = hashlib.sha256()
    try:
        for path in files:
            with path.open("rb") as file:
                total.update(f"{path.relative_to(folder)}\0".encode())
                total.update(hashlib.file_digest(file, "sha256").digest())
    except OSError as error:
        raise ModelUnavailable(
            f"The model's file {path} cannot be read: {error.strerror}. Fetch or copy the model again."
        ) from error
    return total.hexdigest()
