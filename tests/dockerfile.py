"""The Dockerfile, read as far as its tests need."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from imagesearch.config import PROJECT

BUILD, FINAL = 0, 1


@dataclass(frozen=True)
class Folder:
    """A folder that the image has, and whose it is."""

    owner: str
    mode: int


def stages() -> list[list[tuple[str, str]]]:
    """Each stage as its instructions, name and rest."""
    text = (PROJECT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [
        line.split(maxsplit=1) for line in text.splitlines() if line.strip() and not line.startswith("#")
    ]
    found: list[list[tuple[str, str]]] = []
    for name, rest in lines:
        if name == "FROM":
            found.append([])
        found[-1].append((name, " ".join(rest.split())))
    return found


def instructions(name: str, stage: int) -> list[str]:
    """What follows this instruction, each time, in this stage."""
    return [rest for instruction, rest in stages()[stage] if instruction == name]


def folders() -> dict[str, Folder]:
    """The folders that the image makes for volumes."""
    runs = " ".join(instructions("RUN", FINAL))
    found: dict[str, Folder] = {}
    for mode, owner, names in re.findall(r"install -d -m (\d+) -o (\w+) -g root ([^&]+)", runs):
        found |= {name: Folder(owner, int(mode, 8)) for name in names.split()}
    return found


def sent() -> Iterator[Path]:
    """The files that a build gets, relative to the project: those that .dockerignore leaves."""
    rules = [
        line
        for line in (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    for file in sorted(PROJECT.iterdir()):
        if file.name not in (".git", ".venv", "data"):
            inside = [f for f in file.rglob("*") if f.is_file()] if file.is_dir() else [file]
            yield from (
                path for path in (f.relative_to(PROJECT) for f in inside) if not _ignored(path, rules)
            )


def _ignored(path: Path, rules: list[str]) -> bool:
    """As Docker does it: the last rule that fits the path, or a folder that it is in, decides."""
    ignored = False
    for rule in rules:
        pattern, exception = rule.removeprefix("!"), rule.startswith("!")
        places = [path, *path.parents[:-1]]
        if any(_fits(place, pattern) for place in places):
            ignored = not exception
    return ignored


def _fits(place: Path, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatchcase(place.name, pattern.removeprefix("**/"))
    parts = pattern.split("/")
    return len(parts) == len(place.parts) and all(map(fnmatchcase, place.parts, parts))
