"""A node that may be hurt, and benches on it."""

import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ingest.report import Done, Report
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


After = Callable[[int, Callable[[], object]], None]


@pytest.fixture
def after(monkeypatch: pytest.MonkeyPatch) -> After:
    """`after(20, do)`: the next ingest within this process does `do()` when it reported 20 pictures."""
    add = Report.add

    def patch(count: int, do: Callable[[], object]) -> None:
        def add_and_do(report: Report, done: Done) -> None:
            before = report.tried
            add(report, done)
            if before < count <= report.tried:
                monkeypatch.setattr(Report, "add", add)  # once is enough
                do()

        monkeypatch.setattr(Report, "add", add_and_do)

    return patch
