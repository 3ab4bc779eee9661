"""Whatever is wrong between here and Elasticsearch is said clearly at every door.

TLS and keys are those of a stand-in before the real node (tests/tls_proxy.py).
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click import Command
from click.testing import CliRunner
from flask import Flask

from app import create_app
from app.changes import uploads_folder
from app.kinds import KINDS
from app.serve import main as serve
from imagesearch import errors
from imagesearch.__main__ import main as search
from imagesearch.config import Settings
from imagesearch.encoders import Model
from imagesearch.store import open_store
from ingest.__main__ import main as ingest
from localnode.node import free_port
from tests.app.conftest import AUTHORISED, TOKEN, asking, in_bytes, problem, upload
from tests.conftest import noise
from tests.stores import Place, elastic_only
from tests.tls_proxy import TlsProxy

pytestmark = elastic_only
# Of the right form, and known to nobody.
WRONG_KEY = "bm9ib2R5Om5vdGhpbmc="


@pytest.fixture(scope="module")
def proxy(elastic_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsProxy]:
    with TlsProxy(elastic_url, tmp_path_factory.mktemp("tls")) as running:
        yield running


class _Web(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    """A web server that is not Elasticsearch."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Web) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@dataclass(frozen=True)
class Connections:
    """How Elasticsearch can be asked: by what settings, under which index."""

    proxy: TlsProxy
    web: str
    index: str

    def through(self, **given: object) -> dict[str, str]:
        """The settings of a connection through the proxy that is right but for what is `given`."""
        right = {"store": self.proxy.url, "elasticsearch_ca": self.proxy.ca}
        right |= {"elasticsearch_api_key": self.proxy.key, **given}
        shared = {"index": self.index, "elasticsearch_patience": 0.2}
        return {name: str(value) for name, value in {**shared, **right}.items() if value is not None}

    def to(self, url: str) -> dict[str, str]:
        """The settings of a connection without TLS and key."""
        return self.through(store=url, elasticsearch_ca=None, elasticsearch_api_key=None)


@pytest.fixture
def connections(proxy: TlsProxy, web: str, ingested: Place) -> Connections:
    return Connections(proxy, web, ingested.index)


@dataclass(frozen=True)
class Fault:
    """Something wrong: the settings that bring it about, what it is and what is said of it."""

    settings: Callable[[Connections], dict[str, str]]
    error: type[errors.StoreUnavailable]
    says: str
    way_out: str


FAULTS = {
    "wrong-key": Fault(
        lambda to: to.through(elasticsearch_api_key=WRONG_KEY),
        errors.StoreDenied,
        "does not accept the key or password",
        "ELASTICSEARCH_API_KEY",
    ),
    "no-key": Fault(
        lambda to: to.through(elasticsearch_api_key=None),
        errors.StoreDenied,
        "does not accept the key or password",
        "ELASTICSEARCH_API_KEY",
    ),
    "wrong-password": Fault(
        lambda to: to.through(
            elasticsearch_api_key=None, elasticsearch_user=to.proxy.user, elasticsearch_password=WRONG_KEY
        ),
        errors.StoreDenied,
        "does not accept the key or password",
        "ELASTICSEARCH_PASSWORD",
    ),
    "another-authority": Fault(
        lambda to: to.through(elasticsearch_ca=to.proxy.other_ca),
        errors.StoreNotTrusted,
        "is not trusted",
        "ELASTICSEARCH_CA",
    ),
    "no-authority": Fault(
        lambda to: to.through(elasticsearch_ca=None),
        errors.StoreNotTrusted,
        "is not trusted",
        "ELASTICSEARCH_CA",
    ),
    "no-tls-there": Fault(
        lambda to: to.to(to.web.replace("http:", "https:")),
        errors.StoreNotTrusted,
        "does not speak TLS",
        "http:// in STORE",
    ),
    "not-elasticsearch": Fault(
        lambda to: to.to(to.web), errors.StoreUnavailable, "is not Elasticsearch", "Correct STORE"
    ),
    "nobody-there": Fault(
        lambda to: to.to(f"http://127.0.0.1:{free_port()}"),
        errors.StoreUnreachable,
        "does not answer",
        "whether it is running",
    ),
}
DOORS: dict[str, tuple[Command, tuple[str, ...]]] = {
    "ingest": (ingest, ("pictures", "--quiet")),
    "search": (search, ("search", "snow")),
    "serve": (serve, ()),
}
faults = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)


def run(door: str, pair: Path, settings: dict[str, str], *arguments: object) -> tuple[int, str]:
    """One of the command lines, told everything by its environment: exit code, and what it said."""
    command, given = DOORS[door]
    env = {name.upper(): value for name, value in settings.items()} | {"MODEL": str(pair)}
    done = CliRunner().invoke(command, [*given, *map(str, arguments)], env=env)
    return done.exit_code, done.output


@pytest.mark.parametrize(
    ("door", "fault"),
    [
        pytest.param(door, fault, id=f"{door}-{name}")
        for name, fault in FAULTS.items()
        for door in DOORS
        # The server starts while nobody is there: test_serve.py is about that.
        if (door, name) != ("serve", "nobody-there")
    ],
)
def test_at_the_command_lines(
    connections: Connections,
    pair: Path,
    door: str,
    fault: Fault,
    gallery: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingest.pictures.PATIENCE", 0.2)
    monkeypatch.setenv("PORT", str(free_port()))
    paths = (gallery,) if door == "ingest" else ()
    code, said = run(door, pair, fault.settings(connections), *paths)
    assert code == 1
    (line,) = (line for line in said.splitlines() if line.startswith("Error: "))
    assert fault.says in line
    assert fault.way_out in line
    assert WRONG_KEY not in said
    assert "Traceback" not in said


@pytest.fixture(scope="module")
def made(
    proxy: TlsProxy, ingested: Place, pair: Path, model: Model, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """The application, asking through the proxy with the right key."""
    right = Connections(proxy, "", ingested.index).through(api_token=TOKEN, model=pair)
    folder = tmp_path_factory.mktemp("connections")
    app = create_app(Settings(_env_file=None, data=folder, **right), model)  # type: ignore[call-arg, arg-type]
    yield app
    app.extensions["services"].store.close()


@faults
def test_on_the_page_and_in_the_api(
    connections: Connections, made: Flask, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(_env_file=None, **fault.settings(connections))  # type: ignore[call-arg, arg-type]
    assert settings.store
    kind = KINDS[fault.error]
    client = made.test_client()
    with asking(made, open_store(settings.store, settings)):
        health, ready = client.get("/health"), client.get("/ready")
        answers = [client.get(path) for path in ("/api/search?q=x", "/api/pictures", "/api/facets")]
        page = client.get("/?q=snow")
    for answer in answers:
        assert problem(answer, 503, kind.name)["detail"] == kind.detail
        assert answer.headers.get("Retry-After") == kind.headers.get("Retry-After")
    assert (page.status_code, 'data-retry="2"' in page.text) == (503, "Retry-After" in kind.headers)
    assert 'value="snow"' in page.text
    assert health.status_code == 200
    assert problem(ready, 503, "not-ready")["detail"] == health.get_json()["store"]["words"] == kind.detail
    assert fault.says in caplog.text
    for shown in (*answers, page, health, ready):
        for secret in ("127.0.0.1", settings.store, WRONG_KEY):
            assert secret not in shown.text


def test_with_the_right_key_or_password_all_is_well(connections: Connections, pair: Path) -> None:
    by_password = connections.through(
        elasticsearch_api_key=None,
        elasticsearch_user=connections.proxy.user,
        elasticsearch_password=connections.proxy.password,
    )
    for settings in (connections.through(), by_password):
        code, said = run("search", pair, settings)
        assert (code, len(said.splitlines())) == (0, 10)


def test_a_key_that_may_only_read_serves_the_page_and_changes_nothing(
    connections: Connections, made: Flask, pair: Path, gallery: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reading = connections.through(elasticsearch_api_key=connections.proxy.reading_key)
    settings = Settings(_env_file=None, **reading)  # type: ignore[call-arg, arg-type]
    here: Settings = made.extensions["services"].settings
    client = made.test_client()
    with asking(made, open_store(connections.proxy.url, settings)):
        for path in ("/", "/?q=snow", "/?all=1", "/api/search?q=x", "/api/facets", "/ready"):
            assert client.get(path).status_code == 200, path
        id = client.get("/api/pictures").get_json()["results"][0]["id"]
        assert client.get(f"/pictures/{id}").status_code == 200
        added = client.post("/api/pictures", data={"image": upload(in_bytes(noise(1)))}, headers=AUTHORISED)
        removed = client.delete(f"/api/pictures/{id}", headers=AUTHORISED)
    for refused in (added, removed):
        problem(refused, 503, "store-denied")
        assert "Retry-After" not in refused.headers
    assert "may not do this" in caplog.text
    assert not list(uploads_folder(connections.proxy.url, here).glob("*"))
    assert client.get("/health").get_json()["pictures"] == 24
    code, said = run("ingest", pair, reading, gallery)
    assert code == 1
    assert "may not do this" in said
    assert "docs/running.md" in said
