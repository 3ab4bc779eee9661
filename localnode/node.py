"""One node: start it, hurt it, stop it."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import requests

from localnode.command import archive_of, node_command
from localnode.errors import LocalNodeError
from localnode.jars import build
from localnode.java_runtime import Java, find_java

_VECTORS = "jdk.incubator.vector"
_START_SECONDS = 180
_STOP_SECONDS = 60


class Node:
    """An Elasticsearch node on 127.0.0.1 that keeps everything below `folder`.

    `port` is a free one if not given, and stays the same when the node is started again, as its data
    does. `settings` are Elasticsearch's own, `jvm` further flags of Java. `fast_start` leaves out what
    makes Java fast in the long run and slow to start; benchmarks want it off. The node ends with this
    process, or, with `lifeline`, a named pipe, when nobody has that open for writing.
    """

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        settings: Mapping[str, str] = {},
        jvm: Sequence[str] = (),
        heap_mb: int = 512,
        fast_start: bool = True,
        lifeline: Path | None = None,
    ) -> None:
        self.folder = folder
        self.port = port or free_port()
        self._settings = {"http.port": str(self.port), **_ALONE, **settings}
        self._jvm = [f"-Xms{heap_mb}m", f"-Xmx{heap_mb}m", *jvm]
        self._fast_start = fast_start
        self._lifeline = lifeline
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The id of its process. Raises LocalNodeError if it does not run."""
        if self._process is None:
            raise LocalNodeError("The node does not run.")
        return self._process.pid

    @property
    def log(self) -> Path:
        """The file that holds what it said since it was last started."""
        return self.folder / "node.log"

    def inference_pid(self, model_id: str) -> int:
        """The id of the process that computes what a deployed model computes, once the node has one."""
        return int((self.folder / "inference" / model_id).read_text(encoding="utf-8"))

    def start(self) -> None:
        """Start it and wait until it answers. Raises LocalNodeError with what it said if it does not."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start its process and do not wait: the nodes of a cluster wait for each other."""
        command = self._command(find_java(), build())
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log, ExitStack() as stack:
            alive = stack.enter_context(self._lifeline.open("rb")) if self._lifeline else subprocess.PIPE
            # Kept in a process group of its own, so that Ctrl-C reaches who started it first.
            self._process = subprocess.Popen(
                command, stdin=alive, stdout=log, stderr=subprocess.STDOUT, process_group=0
            )

    def wait_until_ready(self) -> None:
        """Wait until it answers, its indices are there as far as they can be, and its licence is known."""
        deadline = time.monotonic() + _START_SECONDS
        while not self._ready():
            ended = self._process is None or self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                self.kill()
                raise LocalNodeError(f"The node did not start. It said:\n{self._last_words()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Ask it to end (SIGTERM), also a paused one, and wait until it has."""
        if self._process is not None:
            self.resume()
            self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once (SIGKILL): nothing is flushed."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Stop it in its tracks (SIGSTOP): connections stay open, nothing is answered from now on."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Let a paused node go on (SIGCONT)."""
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        process.send_signal(how)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin:
            process.stdin.close()

    def _ready(self) -> bool:
        try:
            health = requests.get(
                f"{self.url}/_cluster/health", {"wait_for_status": "yellow", "timeout": "10s"}, timeout=30
            )
            licence = requests.get(f"{self.url}/_license", timeout=10)
            return health.status_code in {200, 408} and bool(licence.json())
        except requests.RequestException:
            return False

    def _last_words(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-4000:]

    def _command(self, java: Java, built: Path) -> list[str]:
        settings = [f"-Des.set.{name}={value}" for name, value in self._settings.items()]
        inference = Path(__file__).with_name("inference.py")
        ours = [f"-Dlocalnode.python={sys.executable}", f"-Dlocalnode.inference={inference}"]
        flags = [*self._speed(java, archive_of(built, java)), *ours, *settings, *self._jvm]
        return node_command(java, built, self.folder, flags)

    def _speed(self, java: Java, archive: Path) -> list[str]:
        if self._fast_start:
            shared = [f"-XX:SharedArchiveFile={archive}"] if archive.stat().st_size else []
            return ["-XX:TieredStopAtLevel=1", *shared]
        if _VECTORS not in java.modules:
            raise LocalNodeError(
                f"The Java in {java.home} has no vector module, so nothing measured with it would mean "
                "anything. Install a whole JDK and set JAVA_HOME to its folder."
            )
        return [f"--add-modules={_VECTORS}"]


_ALONE = {"discovery.type": "single-node", "transport.port": "0"}


# Below those that systems give to connections: such a port stays free while what listened on it is down.
_PORTS = range(12_000, 32_000)


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on, and hardly anyone else is about to."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as s, suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port
