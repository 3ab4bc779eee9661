"""The pictures that Pillow tests itself with, many of them malformed, from its source distribution."""

import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

from imagesearch.config import PROJECT
from tests.conftest import lacking
from tests.shared import made_at

_BELOW = "Tests/images/"


def malformed_pictures() -> Path:
    """The folder that holds them, downloaded once for the version of Pillow that is installed."""
    name = f"pillow-{version('pillow')}"
    folder = PROJECT / "data" / "malformed" / name
    made_at(folder, lambda folder: _unpack(folder, name))
    return folder / name / _BELOW


def _unpack(folder: Path, name: str) -> None:
    with tarfile.open(_download(folder.parent, name)) as content:
        wanted = [m for m in content if m.isfile() and m.name.startswith(f"{name}/{_BELOW}")]
        content.extractall(folder, wanted, filter="data")


def _download(folder: Path, name: str) -> Path:
    archive = folder / f"{name}.tar.gz"
    if not archive.exists():
        # Only Pillow as source: what describes it is asked of its build system, whose parts come built.
        options = ["--no-deps", "--no-binary", "pillow", "--dest", folder]
        pip = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            *map(str, options),
            name.replace("-", "=="),
        ]
        done = subprocess.run(pip, capture_output=True, text=True, timeout=280, check=False)
        if done.returncode:
            lacking(f"Pillow's own test pictures could not be downloaded: {done.stderr[-300:]}")
    return archive
