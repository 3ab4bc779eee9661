"""Metadata as plain JSON and back, for stores that keep it whole."""

from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import Any

from imagesearch.records import Metadata, Place


def to_plain(metadata: Metadata) -> dict[str, Any]:
    """What is known of it, as JSON has it; nothing else."""
    known = {name: value for name, value in asdict(metadata).items() if value not in (None, ())}
    for name in ("date", "taken_at"):
        if name in known:
            known[name] = known[name].isoformat()
    return known


def from_plain(plain: dict[str, Any]) -> Metadata:
    """The metadata that `to_plain` made it of."""
    known = {field.name: plain[field.name] for field in fields(Metadata) if plain.get(field.name) is not None}
    for name, read in _READ.items():
        if name in known:
            known[name] = read(known[name])
    return Metadata(**known)


_READ: dict[str, Callable[[Any], object]] = {
    "tags": tuple,
    "date": date.fromisoformat,
    "taken_at": datetime.fromisoformat,
    "place": lambda place: Place(**place),
}
