"""Stages of work that hand on to each other: each a little ahead of the next, none further."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ahead(items: Iterable[T], start: Callable[[T], Future[R]], most: int) -> Iterator[tuple[T, R]]:
    """Each item with the result of `start` for it, in order; at most `most` are started and not yet taken.

    Raises what the work raises, at its turn; what was started after it is called off where it can be.
    """
    waiting: deque[tuple[T, Future[R]]] = deque()
    try:
        for item in items:
            waiting.append((item, start(item)))
            if len(waiting) >= most:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        for _, future in waiting:
            future.cancel()


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items; the last may be shorter."""
    left = iter(items)
    while some := list(islice(left, size)):
        yield some


def until(stopped: Callable[[], bool], items: Iterable[T]) -> Iterator[T]:
    """The items that come before `stopped` says so."""
    for item in items:
        if stopped():
            return
        yield item
