"""What the runtimes share: where a tower is, and how it is called."""

from collections.abc import Sequence
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


@dataclass(frozen=True)
class TextTower:
    """A text tower on disk; `fingerprint` is that of all its files, `spare` as above."""

    folder: Path
    fingerprint: str
    spare: Path


class Computing(Protocol):
    """A loaded picture tower."""

    def __call__(self, views: ByteArray) -> FloatArray:
        """Views, uint8 of shape (n, side, side, 3), to float32 of shape (n, dims), of any length."""
        ...


class ComputingTexts(Protocol):
    """A loaded text tower."""

    def __call__(self, texts: Sequence[str]) -> FloatArray:
        """Texts (truncated at the tower's own limit) to float32 of shape (n, dims), of any length."""
        ...
