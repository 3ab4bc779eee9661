"""Building the node: Maven resolves the jars, Eclipse's compiler compiles the few classes of ours."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imagesearch.config import PROJECT
from localnode.command import archive_of, jars, make_archive
from localnode.errors import LocalNodeError
from localnode.java_runtime import Java, find_java

BUILDS = PROJECT / "data" / "localnode"

_HERE = Path(__file__).parent
_POM = _HERE / "pom.xml"
_RESOLVE = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:build-classpath"
_COMPILER = "org.eclipse.jdt.internal.compiler.batch.Main"


def build() -> Path:
    """The folder of the built node, `data/localnode/<stamp of the sources>`; made if it is not there yet.

    Safe to call from several processes at once. Raises LocalNodeError saying what to install, or what
    Maven or the compiler said.
    """
    built, java = BUILDS / _stamp(), find_java()
    with _locked(BUILDS):
        if not _complete(built):
            _remove_builds()
            with tempfile.TemporaryDirectory(dir=BUILDS) as work:
                _resolve(Path(work))
                _compile(java, Path(work))
                shutil.copytree(work, built)
        if not archive_of(built, java).exists():
            make_archive(built, java)
    return built


def _remove_builds() -> None:
    """A node that runs from an old one has its files open, so it goes on."""
    for old in BUILDS.iterdir():
        if old.is_dir():
            shutil.rmtree(old)


def _stamp() -> str:
    digest = hashlib.sha256()
    for file in [Path(__file__), _POM, *_sources(), *_resources()]:
        digest.update(f"{file.name}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _sources() -> list[Path]:
    return sorted((_HERE / "java").rglob("*.java"))


def _resources() -> list[Path]:
    return sorted(file for file in (_HERE / "resources").rglob("*") if file.is_file())


def _complete(built: Path) -> bool:
    """Whether it was built, and Maven's local repository still has the jars."""
    return (built / "jars").exists() and all(Path(jar).exists() for jar in jars(built).split(":"))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _resolve(work: Path) -> None:
    """Have Maven fetch the jars and write their paths to `work/jars`."""
    maven = shutil.which("mvn")
    if maven is None:
        raise LocalNodeError(
            "The local Elasticsearch node is put together by Maven, which is not here. "
            "On Debian or Ubuntu: sudo apt install maven. On a Mac: brew install maven."
        )
    env = dict(os.environ)
    if "JAVA_HOME" not in env and shutil.which("java") is None:
        env["JAVA_HOME"] = str(find_java().home)
    command: list[str | Path] = [
        maven,
        "--quiet",
        "--batch-mode",
        "--strict-checksums",
        "--file",
        _POM,
        _RESOLVE,
    ]
    _run([*command, f"-Dmdep.outputFile={work / 'jars'}"], "Maven could not fetch the jars", env)


def _compile(java: Java, work: Path) -> None:
    """Compile our classes and put them, with the resources, into `work/classes.jar`."""
    options = ["-source", "21", "-target", "21", "-proc:none", "-failOnWarning", "-encoding", "UTF-8"]
    with tempfile.TemporaryDirectory() as classes:
        command: list[str | Path] = [java.program, "-cp", jars(work), _COMPILER, *options]
        command += ["-classpath", jars(work), "-d", classes, *_sources()]
        _run(command, "The node's classes do not compile", dict(os.environ))
        for file in _resources():
            shutil.copy(file, classes)
        Path(shutil.make_archive(str(work / "classes"), "zip", classes)).rename(work / "classes.jar")


def _run(command: list[str | Path], trouble: str, env: dict[str, str]) -> None:
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LocalNodeError(f"{trouble}:\n{(done.stdout + done.stderr).strip()[-4000:]}")
