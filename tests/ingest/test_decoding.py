"""Decoding in other processes, and pictures that are against it."""

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from multiprocessing import active_children
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagesearch.views import View
from ingest.decoding import Asked, Decoding, Limits, Seen, Unseen
from tests.conftest import noise

VIEW = View(32, Image.Resampling.BICUBIC, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
LIMITS = Limits(max_pixels=50_000_000, memory=2 << 30, seconds=120)


def asked(*files: Path) -> list[Asked]:
    return [Asked(file, "0" * 64) for file in files]


@pytest.fixture
def sound(tmp_path: Path) -> list[Path]:
    files = [tmp_path / f"{i}.png" for i in range(3)]
    for i, file in enumerate(files):
        noise(i).save(file)
    return files


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """Reading this never ends, as on a share that hangs."""
    os.mkfifo(tmp_path / "endless.png")
    return tmp_path / "endless.png"


def test_what_comes_back(sound: list[Path]) -> None:
    with Decoding(VIEW, LIMITS, 2) as decoding:
        answers = decoding.start(asked(*sound)).result()
    for file, seen in zip(sound, answers, strict=True):
        assert isinstance(seen, Seen)
        with Image.open(file) as image:
            np.testing.assert_array_equal(seen.view, VIEW.of(image.convert("RGB")))
        assert (seen.facts.width, seen.facts.format, seen.facts.content_hash) == (48, "PNG", "0" * 64)


def test_a_file_that_is_no_picture_says_so(sound: list[Path], tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("hello")
    with Decoding(VIEW, LIMITS, 1) as decoding:
        one, text, other = decoding.start(asked(sound[0], tmp_path / "text.png", sound[1])).result()
    assert text == Unseen("is not a picture in a format that is read here")
    assert isinstance(one, Seen)
    assert isinstance(other, Seen)


def test_one_that_hangs_costs_itself_only(sound: list[Path], endless: Path) -> None:
    limits = Limits(LIMITS.max_pixels, LIMITS.memory, seconds=3)
    with Decoding(VIEW, limits, 1) as decoding:
        answers = decoding.start(asked(sound[0], endless, sound[1])).result()
        assert [isinstance(answer, Seen) for answer in answers] == [True, False, True]
        assert answers[1] == Unseen("takes longer than 3 s to decode (DECODE_SECONDS)")


def test_one_that_crashes_the_decoder_costs_itself_only(sound: list[Path], endless: Path) -> None:
    with Decoding(VIEW, LIMITS, 1) as decoding:
        future = decoding.start(asked(sound[0], endless, sound[1]))
        killed: set[int] = set()
        # The first time with its neighbours, the second time alone.
        wait_for(lambda: len(kill_decoders(killed)) == 2 or future.done())
        answers = future.result()
    assert [isinstance(answer, Seen) for answer in answers] == [True, False, True]
    assert answers[1] == Unseen("makes the decoder crash (SIGSEGV)")


def decoders() -> list[BaseProcess]:
    return [child for child in active_children() if child.name == "decoding"]


def kill_decoders(killed: set[int]) -> set[int]:
    """As a fault in native code would, once each has begun to read what never ends."""
    for child in decoders():
        if child.pid and child.pid not in killed and waits_for_a_pipe(child.pid):
            os.kill(child.pid, signal.SIGSEGV)
            killed.add(child.pid)
    return killed


def waits_for_a_pipe(pid: int) -> bool:
    """Whether a process is opening a FIFO that nobody writes to."""
    return Path(f"/proc/{pid}/wchan").read_text() == "wait_for_partner"


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 100
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_one_that_takes_too_much_memory(tmp_path: Path, sound: list[Path]) -> None:
    Image.new("RGB", (12_000, 12_000)).save(tmp_path / "large.png")
    limits = Limits(max_pixels=200_000_000, memory=700 << 20, seconds=120)
    with Decoding(VIEW, limits, 1) as decoding:
        large, small = decoding.start(asked(tmp_path / "large.png", sound[0])).result()
    assert large == Unseen("takes more than 700 MiB to decode (DECODE_MEMORY_MB)")
    assert isinstance(small, Seen)


def test_nothing_is_left_behind(sound: list[Path], endless: Path) -> None:
    threads = set(threading.enumerate())
    with Decoding(VIEW, LIMITS, 2) as decoding:
        decoding.start(asked(sound[0])).result()
        # Its neighbours are not tried again, each on its own, when nobody waits for them any more.
        given_up = decoding.start(asked(endless, *sound))
        wait_for(lambda: any(waits_for_a_pipe(child.pid) for child in decoders() if child.pid))
    assert not decoders()
    assert set(threading.enumerate()) == threads
    assert isinstance(given_up.exception(), CancelledError)
