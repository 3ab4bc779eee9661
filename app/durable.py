"""Writing files so that whoever reads one finds all of it or nothing."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile


def write_whole(path: Path, content: bytes, *, on_disk: bool = False) -> None:
    """Write `content` to `path` in one step; `on_disk` returns only when it would survive a power cut.

    Raises OSError, and leaves nothing behind then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(content)
            file.flush()
            if on_disk:
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink()
            raise
    if on_disk:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """A new name is on disk only when its folder is."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
