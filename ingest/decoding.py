"""Decoding in processes of their own: a picture that crashes, swallows memory or hangs costs itself only."""

import multiprocessing
import resource
import signal
import sys
import threading
import warnings
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Self

from imagesearch.errors import BadPicture
from imagesearch.pictures import read_picture
from imagesearch.records import Facts
from imagesearch.views import ByteArray, View

# Workers are copies of one fresh interpreter: one of this process would hold locks that other threads had,
# and a fresh one for each takes a second.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["__main__", __name__])


@dataclass(frozen=True)
class Limits:
    """What one picture may take: pixels, bytes of memory, seconds."""

    max_pixels: int
    memory: int
    seconds: float


@dataclass(frozen=True)
class Seen:
    """A decoded picture: what its bytes say, and what the model sees of it.

    `remark` says so if only a part of it could be read.
    """

    facts: Facts
    view: ByteArray
    remark: str = ""


@dataclass(frozen=True)
class Unseen:
    """A file that could not be decoded, and why."""

    reason: str


@dataclass(frozen=True)
class Asked:
    """A file to decode, whose content has this SHA-256."""

    file: Path
    content_hash: str


class Decoding:
    """Decodes files in `workers` processes, each of which is replaced when it is lost."""

    def __init__(self, view: View, limits: Limits, workers: int) -> None:
        self._view = view
        self._limits = limits
        self._threads = ThreadPoolExecutor(workers, "decoding")
        self._own = threading.local()
        self._lock = threading.Lock()
        self._workers: set[_Worker] = set()
        self._closed = False
        for _ in range(workers):
            self._threads.submit(self._worker)

    def start(self, files: Sequence[Asked]) -> "Future[list[Seen | Unseen]]":
        """Decode `files`, one after another; the results are in their order."""
        return self._threads.submit(self._decoded, files)

    def _decoded(self, files: Sequence[Asked]) -> list[Seen | Unseen]:
        worker = self._worker()
        try:
            return worker.ask(files)
        except _Lost as lost:
            self._own.worker = None
            with self._lock:
                self._workers.discard(worker)
            if len(files) == 1:
                return [Unseen(str(lost))]
        # One of them did it; the others are innocent.
        return [seen for file in files for seen in self._decoded([file])]

    def _worker(self) -> "_Worker":
        worker: _Worker | None = getattr(self._own, "worker", None)
        if worker is None:
            with self._lock:
                if self._closed:
                    raise CancelledError
                worker = self._own.worker = _Worker(self._view, self._limits)
                self._workers.add(worker)
        return worker

    def close(self) -> None:
        """Stop the workers, whatever they are at."""
        with self._lock:
            self._closed = True
            workers = list(self._workers)
        for worker in workers:
            worker.kill()
        # Each thread has its worker's end of the pipe to itself until it has noticed.
        self._threads.shutdown(wait=True, cancel_futures=True)
        for worker in workers:
            worker.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Lost(Exception):
    """The worker is gone; the message says what the picture did to it."""


class _Worker:
    """One process, used by one thread."""

    def __init__(self, view: View, limits: Limits) -> None:
        self._limits = limits
        self._here, there = _CONTEXT.Pipe()
        self._process: ForkServerProcess = _CONTEXT.Process(
            target=_serve, args=(there, view, limits), name="decoding", daemon=True
        )
        self._process.start()
        there.close()

    def ask(self, files: Sequence[Asked]) -> list[Seen | Unseen]:
        """Raises _Lost if the process ends or takes too long over it."""
        try:
            self._here.send(files)
            if not self._here.poll(self._limits.seconds):
                self.stop()
                raise _Lost(f"takes longer than {self._limits.seconds:g} s to decode (DECODE_SECONDS)")
            answer: list[Seen | Unseen] = self._here.recv()
        except (EOFError, OSError) as error:
            self.stop()
            raise _Lost(_how_it_ended(self._process.exitcode)) from error
        return answer

    def kill(self) -> None:
        """What `ask` is waiting for ends."""
        self._process.kill()

    def stop(self) -> None:
        self.kill()
        self._process.join()
        self._here.close()


def _how_it_ended(code: int | None) -> str:
    by = f" ({signal.Signals(-code).name})" if code and code < 0 else ""
    return f"makes the decoder crash{by}"


def _serve(connection: Connection, view: View, limits: Limits) -> None:
    """What a worker does until the other side hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the parent decides
    # Pillow warns of what it is about to refuse, or of damage in EXIF data: nothing anyone could act upon.
    warnings.filterwarnings("ignore", module="PIL")
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while True:
        try:
            files = connection.recv()
        except (EOFError, OSError):
            return
        connection.send([_look(asked, view, limits) for asked in files])


def _look(asked: Asked, view: View, limits: Limits) -> Seen | Unseen:
    try:
        decoded = read_picture(asked.file, limits.max_pixels, asked.content_hash)
        return Seen(decoded.facts, view.of(decoded.image), decoded.remark)
    except (BadPicture, MemoryError) as error:
        if isinstance(error.__cause__ or error, MemoryError):
            return Unseen(f"takes more than {limits.memory >> 20} MiB to decode (DECODE_MEMORY_MB)")
        return Unseen(str(error))
