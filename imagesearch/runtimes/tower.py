"""What the runtimes share: where a tower is, and how it is called."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from imagesearch.records import FloatArray
from imagesearch.views import ByteArray, View


@dataclass(frozen=True)
class Tower:
    """A picture tower on disk. `spare` is where exports go if `folder` cannot be written."""

    folder: Path
    view: View
    fingerprint: str
    spare: Path


class Computing(Protocol):
    """A loaded tower."""

    def __call__(self, views: ByteArray) -> FloatArray:
        """Views, uint8 of shape (n, side, side, 3), to float32 of shape (n, dims), of any length."""
        ...
