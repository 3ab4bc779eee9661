"""From a task to a file on this machine, with the hash of its content and what lies beside it."""

import hashlib
from contextlib import ExitStack

from imagesearch.entries import merged
from imagesearch.errors import BadMetadata, BadPicture
from imagesearch.records import Metadata
from imagesearch.sources.found import location
from ingest.items import Item
from ingest.plan import Task
from ingest.sidecars import read_sidecar


def fetched(task: Task) -> Item:
    """The file of `task`, or why it cannot be had; a task that needs no reading as it is.

    Raises BadSource if the source as a whole is gone.
    """
    if not task.reread:
        return Item(task)
    held = ExitStack()
    try:
        file = held.enter_context(task.source.fetch(task.file.path))
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        beside, remarks = _beside(task)
    except BadPicture as error:
        held.close()
        return Item(task, reason=str(error))
    except OSError as error:
        held.close()
        return Item(task, reason=f"cannot be read: {error.strerror}")
    return Item(task, file=file, held=held, content_hash=digest, beside=beside, remarks=remarks)


def _beside(task: Task) -> tuple[Metadata | None, tuple[str, ...]]:
    """What the files beside the picture say of it, and which of them cannot be used, in words."""
    said: list[Metadata] = []
    remarks = []
    for path in task.file.beside:
        name = location(task.file.source, path)
        try:
            with task.source.fetch(path) as file:
                said.append(read_sidecar(file, name))
        except BadPicture as error:
            remarks.append(f"{name}: {error}")
        except BadMetadata as error:
            remarks.append(str(error))
    return merged(*said) if said else None, tuple(remarks)
