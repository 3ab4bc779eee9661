"""Batches that are encoded at the same time; the encoder is a stand-in that can be held up."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagesearch.records import FloatArray
from imagesearch.sources import FoundFile
from imagesearch.sources.folder import Folder
from imagesearch.views import ByteArray, View
from ingest.encoding import Encoding
from ingest.items import Item
from ingest.plan import Task


class Slow:
    """Gives each view its own values, one batch at a time when `go` is set; or fails."""

    view = View(2, Image.Resampling.BICUBIC, (0.5,) * 3, (0.5,) * 3)
    runtime = "stand-in"

    def __init__(self, error: Exception | None = None) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self.given: list[int] = []
        self.error = error

    def encode(self, pictures: Sequence[Image.Image]) -> FloatArray:
        return self.encode_views(np.stack([self.view.of(picture) for picture in pictures]))

    def encode_views(self, views: ByteArray) -> FloatArray:
        self.begun.set()
        assert self.go.wait(30)
        if self.error:
            raise self.error
        self.given += views[:, 0, 0, 0].tolist()
        return views.reshape(len(views), -1).astype(np.float32)


def item(content: int) -> Item:
    task = Task(Folder("/p"), FoundFile("/p", f"{content}.png", 1, 1), None, None, reread=True)
    return Item(task, Path("x"), content_hash=str(content), view=np.full((2, 2, 3), content, dtype=np.uint8))


def values(items: Sequence[Item]) -> list[float]:
    return [float(i.vector[0]) for i in items if i.vector is not None]


def test_what_is_in_two_batches_is_encoded_once() -> None:
    encoder = Slow()
    encoding = Encoding(encoder)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(encoding.encode, [item(1), item(2), item(1)])
        assert encoder.begun.wait(30)
        second = pool.submit(encoding.encode, [item(2), item(3), item(1)])
        encoder.go.set()
        assert values(first.result()) == [1, 2, 1]
        assert values(second.result()) == [2, 3, 1]
    assert [i.fresh for i in first.result()] == [True, True, False]
    assert [i.fresh for i in second.result()] == [False, True, False]
    assert sorted(encoder.given) == [1, 2, 3]


def test_what_is_let_go_of_is_still_there_for_the_batch_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.encoding._RECENT", 2)
    encoder = Slow()
    encoder.go.set()
    encoding = Encoding(encoder)
    encoding.encode([item(1), item(2)])
    again = encoding.encode([item(3), item(4), item(1), item(2)])
    assert values(again) == [3, 4, 1, 2]
    assert [i.fresh for i in again] == [True, True, False, False]


def test_nobody_waits_for_a_batch_that_failed() -> None:
    encoder = Slow(RuntimeError("no"))
    encoding = Encoding(encoder)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(encoding.encode, [item(1)])
        assert encoder.begun.wait(30)
        second = pool.submit(encoding.encode, [item(1)])
        encoder.go.set()
        for batch in (first, second):
            with pytest.raises(RuntimeError, match="no"):
                batch.result(timeout=30)
