"""Finding a tower's files: a folder as it is, a repository of the model hub from the cache or the net."""

import json
from pathlib import Path

from imagesearch.errors import ModelUnavailable

# Copies of the same weights for other frameworks: gigabytes that nothing here reads.
_NOT_READ = ("onnx/*", "openvino/*", "*.h5", "*.ot", "*.msgpack")

_CONFIG = ("config.json",)
_WEIGHTS = ("*.safetensors", "*.bin")
_TOKENIZER = ("tokenizer.json", "vocab.*", "*.model")

# What loading needs, by the kind of module: of each line one file.
_NEEDED = {
    "CLIPModel": (_CONFIG, _WEIGHTS, _TOKENIZER, ("preprocessor_config.json",)),
    "Transformer": (_CONFIG, _WEIGHTS, _TOKENIZER),
    "Pooling": (_CONFIG,),
    "Dense": (_CONFIG, _WEIGHTS),
}


def tower_folder(location: str) -> Path:
    """The folder with the files of the tower at `location`: a folder, or a repository's name.

    What is cached is used without touching the network; what is not is fetched once.
    Raises ModelUnavailable.
    """
    folder = Path(location)
    if not folder.is_dir():
        return _cached(location) or _fetched(location)
    if missing := _missing(folder):
        raise ModelUnavailable(f"The model folder {folder} lacks {missing}. Fetch or copy it again.")
    return folder


def _cached(repository: str) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(repository, local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    # An interrupted download leaves files out.
    return None if _missing(folder) else folder


def _missing(folder: Path) -> str | None:
    """The first file that loading the tower needs and `folder` lacks; None if it is all there."""
    try:
        modules = json.loads((folder / "modules.json").read_text())
        kinds = [(folder / module["path"], module["type"].rsplit(".", 1)[-1]) for module in modules]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return "a readable modules.json"
    for place, kind in kinds:
        for names in _NEEDED.get(kind, ()):
            if not any(found.is_file() for name in names for found in place.glob(name)):
                return f"{place.relative_to(folder) / ' or '.join(names)}"
    return None


def _fetched(repository: str) -> Path:
    from huggingface_hub import list_repo_files, snapshot_download

    try:
        unread = [*_NOT_READ, *_superseded(list_repo_files(repository))]
        return Path(snapshot_download(repository, ignore_patterns=unread))
    except (OSError, ValueError, RuntimeError) as error:
        # huggingface_hub's and its HTTP client's errors are OSErrors or ValueErrors, hf_xet's RuntimeErrors.
        raise ModelUnavailable(
            f"The model {repository!r} is not on this machine and could not be fetched from the model hub "
            f"({type(error).__name__}). Connect to the internet once, so that it is fetched and kept; or "
            "copy a folder that holds 'picture/' and 'text/' here and name it with --model or MODEL; or try "
            "the small model that comes along: --model demo."
        ) from error


def _superseded(files: list[str]) -> list[str]:
    """The pickled weights that lie beside the same weights as safetensors."""
    return [f for f in files if f.endswith("pytorch_model.bin") and f[:-17] + "model.safetensors" in files]
