"""Runs as processes of their own that are stopped in the middle, or that meet each other."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from imagesearch.errors import StoreUnavailable
from imagesearch.records import Knn, Window
from imagesearch.store import Store
from tests.conftest import environment, make_pictures
from tests.ingest.conftest import Bench

COUNT = 200


@pytest.fixture
def many(bench: Bench) -> Bench:
    make_pictures(bench.pictures, COUNT)
    return bench


@contextmanager
def started(bench: Bench, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """`python -m ingest` as a process, a transaction for each picture."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "ingest", "--quiet", "--batch-size", "1", "--model", str(bench.pair)),
            *(*bench.place.options, *options, str(bench.pictures)),
        ],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until_it_writes(bench: Bench, least: int = 10) -> Store:
    """The store, once so many pictures are in it."""
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        try:
            store = bench.place.opened()
        except StoreUnavailable:
            time.sleep(0.05)
            continue
        while written(bench, store) < least and time.monotonic() < deadline:
            time.sleep(0.01)
        return store
    raise TimeoutError("the process never wrote anything")


def written(bench: Bench, store: Store) -> int:
    """How many pictures are there, also those that nobody can find before the run is over."""
    bench.place.refresh()
    return store.count()


def assert_equal_stores(one: Bench, other: Bench) -> None:
    """The same pictures, and the same vectors but for the rounding of another batch size."""
    assert one.held() == other.held()
    with one.place.opened() as first, other.place.opened() as second:
        for picture in one.held().values():
            a, b = first.embedding(picture.id), second.embedding(picture.id)
            assert a is not None
            assert b is not None
            assert float(a @ b) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_stopped_at_any_moment_and_run_again_it_is_as_if_never_stopped(
    many: Bench, how: signal.Signals
) -> None:
    with started(many) as process, wait_until_it_writes(many) as store:
        process.send_signal(how)
        out, errors = process.communicate(timeout=200)
        at_once = written(many, store)
    assert 10 <= at_once < COUNT
    if how is signal.SIGINT:
        assert process.returncode == 130
        counted = int(out.split(" new, 0 unchanged")[0])
        assert at_once - counted in (0, 1), "the picture in hand may have been written, but not acknowledged"
        assert "Interrupted. What is counted above is kept; run the same again to go on." in errors
        assert "Traceback" not in errors
    assert many.report().startswith(f"{COUNT - at_once} new, {at_once} unchanged")
    undisturbed = many.beside("undisturbed")
    undisturbed.report()
    assert_equal_stores(many, undisturbed)


@pytest.mark.timeout(600)
def test_a_reader_sees_it_grow_and_two_runs_do_not_hurt_each_other(many: Bench) -> None:
    vector = np.zeros(512, dtype=np.float32)
    vector[0] = 1
    with started(many) as one, started(many) as two, wait_until_it_writes(many, least=1) as store:
        seen = []
        while one.poll() is None or two.poll() is None:
            many.place.refresh()
            page = store.knn(Knn(vector, window=Window(0, COUNT)))
            assert len({hit.picture.id for hit in page.hits}) == page.total
            seen.append(page.total)
            time.sleep(0.02)
        assert (one.returncode, two.returncode) == (0, 0)
        assert seen == sorted(seen)
        assert len(set(seen)) > 5, "the reader saw states in between"
        assert store.knn(Knn(vector)).total == COUNT
    assert many.report().startswith(f"0 new, {COUNT} unchanged")
