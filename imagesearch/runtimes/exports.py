"""Exports of a tower for ONNX Runtime: made once, kept beside the model."""

import hashlib
import logging
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

from imagesearch.errors import NotExportable
from imagesearch.runtimes.tower import TextTower, Tower

log = logging.getLogger(__name__)

# Raised when the same weights would be exported differently.
_EXPORTER = 4


Write = Callable[[Path], Path]


def exported(tower: Tower | TextTower, kind: str, write: Write) -> Path:
    """The file of this kind of a tower, made now if it is not there or damaged.

    `write` makes it in the folder that it is given, in a process of its own. Safe between processes.
    Raises NotExportable if it can be neither found, made nor kept, and ModelUnavailable if the tower itself
    cannot be loaded.
    """
    name = f"{tower.fingerprint[:16]}-{_EXPORTER}-torch{version('torch')}-{kind}.onnx"
    for place in _places(tower):
        if _sound(place / name):
            return place / name
    refusals = []
    for place in _places(tower):
        try:
            return _made(write, place / name)
        except OSError as error:
            refusals.append(f"{place}: {error.strerror or error}")
    raise NotExportable(
        f"The export of the model for ONNX Runtime can be kept nowhere ({'; '.join(refusals)}). Make "
        "room or give the right to write there, or use RUNTIME=torch."
    )


def _places(tower: Tower | TextTower) -> Iterator[Path]:
    yield tower.folder / ".runtimes"
    yield tower.spare


def _sum_of(file: Path) -> Path:
    return file.with_suffix(".sha256")


def _sound(file: Path) -> bool:
    """Whether the file is there and what was written."""
    try:
        expected = _sum_of(file).read_text()
        return _digest(file) == expected
    except OSError:
        return False


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _made(write: Write, file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_suffix(".lock")):
        if _sound(file):
            return file  # by another process, meanwhile
        log.info("Exporting the model for ONNX Runtime, once, to %s.", file)
        for left in file.parent.glob(f"{file.name}.*"):
            shutil.rmtree(left)  # by a process that was killed
        with _beside(file) as folder, _process() as exporting:
            made = exporting.submit(write, Path(folder)).result()
            _sum_of(file).unlink(missing_ok=True)
            made.replace(file)
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
            sum_of = Path(folder, "sha256")
            sum_of.write_text(_digest(file))
            sum_of.replace(_sum_of(file))
    return file


def _beside(file: Path) -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix=f"{file.name}.", dir=file.parent)


def _process() -> ProcessPoolExecutor:
    """One to export in: it takes gigabytes, which its end gives back."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
