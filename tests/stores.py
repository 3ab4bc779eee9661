"""Both kinds of store, for tests of what has to be the same on them."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from imagesearch.config import Settings
from imagesearch.records import NO_FILTERS, Entry, Window
from imagesearch.store import Store, open_store
from localnode import Node
from tests.elastic import index_at

EMBEDDED, ELASTICSEARCH = "embedded", "elasticsearch"


@dataclass(frozen=True)
class Place:
    """Where a store is: what STORE and INDEX have to be."""

    store: str
    index: str = "pictures"

    @property
    def options(self) -> tuple[str, ...]:
        """For a command line."""
        return ("--store", self.store, "--index", self.index)

    @property
    def environment(self) -> dict[str, str]:
        """For a process."""
        return {"STORE": self.store, "INDEX": self.index}

    def settings(self, **more: object) -> Settings:
        """Those, and `more`."""
        return Settings(_env_file=None, store=self.store, index=self.index, **more)  # type: ignore[call-arg, arg-type]

    def opened(self, *, create: bool = False) -> Store:
        """The store that is there."""
        return open_store(self.store, self.settings(), create=create)

    def refresh(self) -> None:
        """Make what other processes have written visible; the embedded store shows it by itself."""
        if self.store.startswith("http"):
            at_once = {"ignore_unavailable": "true"}
            url = f"{self.store}/{self.index}/_refresh"
            requests.post(url, params=at_once, timeout=30).raise_for_status()


@dataclass(frozen=True)
class Engine:
    """One kind of store. `url` is where Elasticsearch answers, None for the embedded store."""

    url: str | None

    @property
    def exact(self) -> bool:
        """Whether every picture is compared."""
        return self.url is None

    @contextmanager
    def place(self, folder: Path) -> Iterator[Place]:
        """A place for a store of its own, empty at first; `folder` is that of an embedded one."""
        if self.url is None:
            yield Place(str(folder))
        else:
            with index_at(self.url) as alias:
                yield Place(self.url, alias)

    @contextmanager
    def copy(self, original: Place, folder: Path) -> Iterator[Place]:
        """A place that holds the same as `original`."""
        with self.place(folder) as place:
            if self.url is None:
                shutil.copytree(original.store, folder)
            else:
                _copy(original, place)
            yield place


def _copy(original: Place, place: Place) -> None:
    with original.opened() as read, place.opened() as written:
        identity = read.identity()
        assert identity
        pictures = [hit.picture for hit in read.browse(NO_FILTERS, Window(0, 1_000)).hits]
        vectors = read.embeddings([picture.id for picture in pictures])
        written.adopt(identity)
        written.write([Entry(picture, vectors[picture.id]) for picture in pictures])


def put_settings(place: Place, **settings: object) -> None:
    """Change settings of the index at `place`; its concrete one need not be named."""
    url = f"{place.store}/{place.index}/_settings"
    requests.put(url, json={"index": settings}, timeout=30).raise_for_status()


@contextmanager
def red(place: Place, node: Node) -> Iterator[None]:
    """The files of the index's only shard are away, as with the disk they were on; then they are back."""
    index = f"{place.store}/{place.index}-000001"
    uuid = next(iter(requests.get(f"{index}/_settings", timeout=30).json().values()))
    folder = next(node.folder.rglob(uuid["settings"]["index"]["uuid"]))
    requests.post(f"{index}/_close", timeout=30).raise_for_status()
    (folder / "0").rename(folder / "away")
    requests.post(f"{index}/_open", params={"wait_for_active_shards": 0}, timeout=30).raise_for_status()
    yield
    shutil.rmtree(folder / "0", ignore_errors=True)
    (folder / "away").rename(folder / "0")
    found = {"index": f"{place.index}-000001", "shard": 0, "node": "local", "accept_data_loss": True}
    command = {"commands": [{"allocate_stale_primary": found}]}
    requests.post(f"{place.store}/_cluster/reroute", json=command, timeout=30).raise_for_status()
    health = f"{place.store}/_cluster/health/{place.index}"
    requests.get(health, params={"wait_for_status": "green"}, timeout=60).raise_for_status()


@pytest.fixture(scope="session", params=[EMBEDDED, ELASTICSEARCH])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each kind of store in turn: whatever stands on this fixture runs on both."""
    return Engine(None if request.param == EMBEDDED else request.getfixturevalue("elastic_url"))


# For tests that are about what only one of them has.
embedded_only = pytest.mark.parametrize("engine", [EMBEDDED], indirect=True)
elastic_only = pytest.mark.parametrize("engine", [ELASTICSEARCH], indirect=True)

NewPlace = Callable[[str], Place]


@pytest.fixture
def new_place(engine: Engine, tmp_path: Path) -> Iterator[NewPlace]:
    """Gives places for stores, each by a name of its own."""
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(engine.place(tmp_path / name))
