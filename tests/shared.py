"""What one run of the tests shares between its workers: made once, by whoever needs it first."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

_FOLDER = "TESTS_FOLDER"
_PATIENCE_SECONDS = 60


class Run:
    """One run, from its start to its end: a folder, and a pipe that is open for as long as it goes on."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="imagesearch-tests-"))
        os.environ[_FOLDER] = str(self._folder)
        os.mkfifo(lifeline())
        self._open = os.open(lifeline(), os.O_RDWR)

    def close(self) -> None:
        """Whatever hangs on the pipe ends; then the folder goes."""
        os.close(self._open)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self._folder.exists() and time.monotonic() < deadline:
            shutil.rmtree(self._folder, ignore_errors=True)  # what ends may still write
            time.sleep(0.1)
        del os.environ[_FOLDER]


def lifeline() -> Path:
    """The pipe that ends with the run, however it ends."""
    return Path(os.environ[_FOLDER], "lifeline")


def once(name: str, make: Callable[[Path], None]) -> Path:
    """What `make` makes in the folder that it is given, once for all workers of this run."""
    folder = Path(os.environ[_FOLDER], name)
    made_at(folder, make)
    return folder


def made_at(folder: Path, make: Callable[[Path], None]) -> None:
    """See that `make` has made `folder`, whole; safe between processes."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = folder.with_name(f"{folder.name}.made")
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of one that was stopped at it
            folder.mkdir()
            make(folder)
            made.touch()
