"""What happens below folders, as the system tells it."""

import errno
import logging
import os
import queue
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from watchdog.events import (
    EVENT_TYPE_CLOSED_NO_WRITE,
    EVENT_TYPE_MOVED,
    EVENT_TYPE_OPENED,
    DirDeletedEvent,
    DirMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch
from watchdog.observers.polling import PollingObserver

log = logging.getLogger(__name__)

# How often PollingObserver looks at everything.
_POLL_SECONDS = 5.0
_NO_ROOM = (
    "The system watches no more folders for this user: changes in some are found by the next full look only. "
    "Raise the limit: sudo sysctl fs.inotify.max_user_watches=1048576 (and write it into /etc/sysctl.conf)."
)


class Happened(NamedTuple):
    """Something happened to the file at `path`, or to a folder as a whole."""

    path: str
    folder: bool


class Events:
    """What happens, from the system (or, with `poll`, by looking again and again).

    `lost` is set when the system could not tell everything.
    """

    def __init__(self, *, poll: bool) -> None:
        self.lost = threading.Event()
        self._poll = poll
        self._happened: queue.SimpleQueue[Happened] = queue.SimpleQueue()
        self._observer: BaseObserver = PollingObserver(timeout=_POLL_SECONDS) if poll else Observer()
        self._watches: dict[str, ObservedWatch] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Within this, events come."""
        doubts = _Doubts(self.lost)
        logger = logging.getLogger("watchdog")
        logger.addHandler(doubts)
        self._observer.start()
        try:
            yield
        finally:
            self._observer.stop()
            self._observer.join()
            logger.removeHandler(doubts)

    def watch(self, folder: str, *, below: bool) -> None:
        """Tell what happens in `folder`, or also below it; anew, where it is another one now.

        Says in the log what cannot be watched.
        """
        self.leave(folder)
        try:
            self._watches[folder] = self._observer.schedule(_Handler(self._happened), folder, recursive=below)
            self._check_room()
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EMFILE)
            log.warning("%s", _NO_ROOM if full else f"{folder} cannot be watched: {error.strerror or error}.")

    def leave(self, folder: str) -> None:
        """Watch it no longer."""
        if watch := self._watches.pop(folder, None):
            self._observer.unschedule(watch)

    def taken(self) -> Iterator[Happened]:
        """What happened since the last call."""
        while True:
            try:
                yield self._happened.get_nowait()
            except queue.Empty:
                return

    def _check_room(self) -> None:
        """Raises OSError where one more folder cannot be watched: of those below a root nobody says so."""
        if not self._poll:
            with tempfile.TemporaryDirectory() as folder:
                self._observer.unschedule(self._observer.schedule(FileSystemEventHandler(), folder))


class _Handler(FileSystemEventHandler):
    """Hands on what may matter: of folders only that they went or came as a whole.

    What is in a new folder is told file by file.
    """

    def __init__(self, happened: "queue.SimpleQueue[Happened]") -> None:
        self._happened = happened

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in (EVENT_TYPE_OPENED, EVENT_TYPE_CLOSED_NO_WRITE):
            return
        if event.is_directory and not isinstance(event, DirDeletedEvent | DirMovedEvent):
            return
        self._happened.put(Happened(os.fsdecode(event.src_path), event.is_directory))
        if event.event_type == EVENT_TYPE_MOVED:
            self._happened.put(Happened(os.fsdecode(event.dest_path), event.is_directory))


class _Doubts(logging.Handler):
    """What watchdog warns of (a queue that overflowed, a folder it could not look into) is an event lost."""

    def __init__(self, lost: threading.Event) -> None:
        super().__init__(logging.WARNING)
        self._lost = lost

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002
        self._lost.set()
