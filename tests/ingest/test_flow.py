"""How stages of work hand on to each other."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from ingest.flow import ahead, batched, until


def at_once(n: int) -> "Future[int]":
    future: Future[int] = Future()
    future.set_result(n * n)
    return future


def test_results_come_in_order_with_what_they_are_of() -> None:
    assert list(ahead(range(5), at_once, 3)) == [(0, 0), (1, 1), (2, 4), (3, 9), (4, 16)]


@pytest.mark.parametrize("most", [1, 2, 5])
def test_no_more_are_started_than_allowed(most: int) -> None:
    started = 0

    def start(n: int) -> "Future[int]":
        nonlocal started
        started += 1
        return at_once(n)

    for taken, _ in enumerate(ahead(range(20), start, most)):
        assert started <= taken + most
    assert started == 20


def test_work_goes_on_while_the_caller_is_at_something_else() -> None:
    second = threading.Event()

    def work(n: int) -> int:
        if n == 1:
            second.set()
        return n

    with ThreadPoolExecutor(1) as pool:
        results = ahead(range(3), lambda n: pool.submit(work, n), 2)
        assert next(results) == (0, 0)
        assert second.wait(10), "the second was started before anybody asked for it"
        assert [r for _, r in results] == [1, 2]


def test_an_error_comes_at_its_turn_and_calls_off_the_rest() -> None:
    waiting: list[Future[int]] = []

    def start(n: int) -> "Future[int]":
        if n < 2:
            return at_once(n)
        future: Future[int] = Future()
        if n == 2:
            future.set_exception(OSError("broken"))
        else:
            waiting.append(future)
        return future

    results = ahead(range(9), start, 4)
    assert [next(results), next(results)] == [(0, 0), (1, 1)]
    with pytest.raises(OSError, match="broken"):
        next(results)
    assert waiting
    assert all(future.cancelled() for future in waiting)


def test_batches() -> None:
    assert list(batched(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(batched([], 2)) == []


def test_until_it_is_stopped() -> None:
    seen: list[int] = []
    for n in until(lambda: len(seen) == 3, range(10)):
        seen.append(n)
    assert seen == [0, 1, 2]
