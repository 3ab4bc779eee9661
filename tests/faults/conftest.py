"""A node that may be hurt, and benches on it."""

import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from localnode import LocalNodeError, Node
from tests.conftest import make_pictures
from tests.elastic import built_or_lacking
from tests.faults.bench import Bench
from tests.stores import Place

MakeBench = Callable[..., Bench]


@pytest.fixture(scope="session")
def _patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    built_or_lacking()
    node = Node(tmp_path_factory.mktemp("hurt") / "node")
    yield node
    node.stop()


@pytest.fixture
def hurt(_patient: Node) -> Iterator[Node]:
    """A node that a test may kill, pause and leave down: the next one finds it running again."""
    if not runs(_patient):
        _patient.start()
    yield _patient
    if runs(_patient):
        _patient.resume()


def runs(node: Node) -> bool:
    """Whether the node has a process."""
    with suppress(LocalNodeError):
        return node.pid > 0
    return False


@pytest.fixture
def make_bench(tmp_path: Path, pair: Path) -> MakeBench:
    """Makes a bench with so many pictures at these URLs, under an index that no other test uses."""

    def make(urls: str, count: int = 60) -> Bench:
        pictures = Path(tempfile.mkdtemp(dir=tmp_path)) / "pictures"
        make_pictures(pictures, count)
        return Bench(pair, pictures, Place(urls, f"f{uuid.uuid4().hex[:12]}"))

    return make


class _After:
    """A progress bar that does something when so many pictures are done, and says nothing."""

    def __init__(self, count: int, do: Callable[[], object]) -> None:
        self._left = count
        self._do = do

    def __call__(self, **_: object) -> "_After":
        return self

    def __enter__(self) -> "_After":
        return self

    def __exit__(self, *_: object) -> None: ...

    def update(self, n: int) -> None:
        before, self._left = self._left, self._left - n
        if before > 0 >= self._left:
            self._do()


After = Callable[[int, Callable[[], object]], None]


@pytest.fixture
def after(monkeypatch: pytest.MonkeyPatch) -> After:
    """`after(20, do)`: the next ingest within this process does `do()` when it reported 20 pictures."""
    return lambda count, do: monkeypatch.setattr("ingest.__main__.tqdm", _After(count, do))
