"""The command that runs a node, and the archive of loaded classes that halves the time it takes to start."""

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from localnode.java_runtime import Java

# Elasticsearch's own native libraries are in no registry; of the system's only zstd is used.
_ALWAYS = """
    -XX:+UseSerialGC --enable-native-access=ALL-UNNAMED -Djava.awt.headless=true -Dlog4j2.disable.jmx=true
    -Dio.netty.noUnsafe=true -Dio.netty.noKeySetOptimization=true
    -Dorg.elasticsearch.nativeaccess.enableVectorLibrary=false
""".split()


def class_path(built: Path) -> str:
    """Java's class path of a built node."""
    return f"{built / 'classes.jar'}:{jars(built)}"


def jars(built: Path) -> str:
    """The class path of what Maven resolved."""
    return (built / "jars").read_text(encoding="utf-8").strip()


def node_command(java: Java, built: Path, folder: Path, flags: Sequence[str]) -> list[str]:
    """Runs a node that keeps its data in `folder`, until its standard input ends."""
    native = f"-Des.nativelibs.path={_native_libraries(folder)}"
    program = ["-cp", class_path(built), "org.elasticsearch.node.LocalNode", str(folder)]
    return [str(java.program), *_ALWAYS, native, *flags, *program]


def archive_of(built: Path, java: Java) -> Path:
    """Where the archive of classes for this Java is, if it could be made."""
    release = (java.home / "release").read_bytes()
    return built / f"{hashlib.sha256(str(java.home).encode() + release).hexdigest()[:16]}.jsa"


def make_archive(built: Path, java: Java) -> None:
    """Note which classes a node loads that starts and ends at once, and archive them.

    Without the archive a node starts all the same, so no failure matters here.
    """
    with TemporaryDirectory(dir=built) as work:
        noted, archive = Path(work, "classes"), Path(work, "archive")
        flags = [f"-XX:DumpLoadedClassList={noted}", "-Des.set.http.port=0", "-Des.set.transport.port=0"]
        _run([*node_command(java, built, Path(work, "node"), flags)])
        dump = ["-Xshare:dump", f"-XX:SharedClassListFile={noted}", f"-XX:SharedArchiveFile={archive}"]
        _run([str(java.program), *_ALWAYS, *dump, "-cp", class_path(built)])
        archive.touch()  # an empty one says that it was tried
        archive.replace(archive_of(built, java))


def _run(command: list[str]) -> None:
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def _native_libraries(folder: Path) -> Path:
    """A folder with the system's zstd under the name Elasticsearch looks for."""
    libraries = folder / "nativelibs"
    libraries.mkdir(parents=True, exist_ok=True)
    known = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=False).stdout
    paths = [line.split()[-1] for line in known.splitlines() if line.strip().startswith("libzstd.so.1 ")]
    link = libraries / "libzstd.so"
    if paths and not link.exists():
        link.symlink_to(paths[0])
    return libraries
