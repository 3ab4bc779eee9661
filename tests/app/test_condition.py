"""/health and /ready: whether the process answers, and whether every search can be answered."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from app import create_app
from app.condition import SECONDS
from app.version import VERSION
from imagesearch.__main__ import main as search
from imagesearch.clip import open_model
from imagesearch.encoders import Model
from imagesearch.records import ModelIdentity
from imagesearch.store import open_store
from localnode import Node
from tests.app.conftest import AUTHORISED, MakeClient, asking, away, in_bytes, place_of, problem, upload
from tests.conftest import bare_copy_of, noise
from tests.stores import Engine, Place, elastic_only, embedded_only, put_settings, red

HASTY = {"ELASTICSEARCH_PATIENCE": "0.2"}
PARTS = ("store", "index", "licence", "text_encoding")


@pytest.fixture
def client(make_client: MakeClient) -> FlaskClient:
    return make_client()


def health(client: FlaskClient) -> dict[str, Any]:
    response = client.get("/health")
    assert response.status_code == 200
    said: dict[str, Any] = response.get_json()
    assert said["status"] == "ok"
    return said


def states(said: dict[str, Any]) -> dict[str, str]:
    return {name: said[name]["state"] for name in (*PARTS, "model") if isinstance(said.get(name), dict)}


def test_all_is_well(client: FlaskClient, engine: Engine, model: Model) -> None:
    said = health(client)
    assert (said["version"], said["model"], said["pictures"]) == (VERSION, model.spec.name, 24)
    assert said["runtime"] == model.pictures.runtime
    assert (said["exact"], said["reach"]) == (engine.exact, None if engine.exact else 10_000)
    assert set(states(said).values()) == {"ok"}
    names = {name: said[name]["name"] for name in PARTS}
    if engine.url is None:
        expected = {"store": "embedded", "index": "pictures.db", "licence": None}
    else:
        index = f"{place_of(client.application).index}-000001"
        expected = {"store": "elasticsearch", "index": index, "licence": "basic"}
        assert said["index"]["words"] == "It is green."
        assert said["text_encoding"]["words"] == "The licence of Elasticsearch is active and basic."
    assert names == {**expected, "text_encoding": "local"}

    ready = client.get("/ready")
    assert ready.status_code == 200
    body = ready.get_json()
    assert (body["status"], body["pictures"], body["model"]["name"]) == ("ready", 24, model.spec.name)
    assert set(states(body).values()) == {"ok"}


def test_an_empty_store_is_ready_for_its_first_picture(make_client: MakeClient) -> None:
    client = make_client(empty=True)
    assert health(client)["pictures"] == 0
    assert client.get("/ready").get_json()["pictures"] == 0


def test_the_store_is_away(
    client: FlaskClient, engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with away(client.application, engine, tmp_path / "gone"):
        said = health(client)
        refused = client.get("/ready")
    assert said["pictures"] is None
    assert states(said) == {
        "store": "failing",
        "index": "unknown",
        "licence": "unknown",
        "text_encoding": "unknown",
    }
    not_ready = problem(refused, 503, "not-ready")
    assert refused.headers["Retry-After"]
    assert not_ready["detail"] == said["store"]["words"] == not_ready["store"]["words"]
    assert not_ready["model"]["state"] == "unknown"
    secret = "127.0.0.1" if engine.url else str(tmp_path)
    assert secret in caplog.text
    assert secret not in str(said) + refused.text
    assert client.get("/ready").status_code == 200


@contextmanager
def silent_server() -> Iterator[str]:
    """Where connections are taken and nothing is ever answered."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@elastic_only
def test_an_engine_that_hangs_does_not_hold_up_who_watches(client: FlaskClient) -> None:
    with silent_server() as url:
        place = Place(url)
        store = open_store(url, place.settings())
        with asking(client.application, store):
            for path in ("/health", "/ready"):
                started = time.monotonic()
                said = client.get(path).get_json(force=True)
                assert time.monotonic() - started < 2.5 * SECONDS
                assert said["store"]["state"] == "failing"


@embedded_only
def test_a_model_whose_weights_are_damaged(
    pair: Path, ingested: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = bare_copy_of(pair, tmp_path / "pair")
    weights = broken / "text" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    app = create_app(ingested.settings(model=str(broken), data=tmp_path), open_model(str(broken)))
    client = app.test_client()
    assert states(health(client))["store"] == "ok"
    not_ready = problem(client.get("/ready"), 503, "not-ready")
    app.extensions["services"].store.close()
    assert states(not_ready) == {**dict.fromkeys(PARTS, "ok"), "model": "failing"}
    assert str(broken) in caplog.text
    assert str(broken) not in str(not_ready)


def test_an_index_of_another_model(make_client: MakeClient) -> None:
    client = make_client(empty=True)
    with place_of(client.application).opened() as store:
        store.adopt(ModelIdentity("other", 512, "f" * 64))
    not_ready = problem(client.get("/ready"), 503, "not-ready")
    assert not_ready["model"]["state"] == "failing"
    assert "another model" in not_ready["detail"]


@elastic_only
@pytest.mark.parametrize(
    ("block", "status", "kind", "why"),
    [
        ("blocks.read_only_allow_delete", 507, "store-full", "flood-stage"),
        ("blocks.write", 503, "store-read-only", "rebuilt"),
        ("blocks.read_only", 503, "store-read-only", "read-only"),
    ],
)
def test_an_index_that_takes_no_changes(
    client: FlaskClient, block: str, status: int, kind: str, why: str
) -> None:
    place = place_of(client.application)
    put_settings(place, **{block: True})
    try:
        said = health(client)
        form = {"image": upload(in_bytes(noise(1)))}
        refused = client.post("/api/pictures", data=form, headers=AUTHORISED)
        ready = client.get("/ready")
        found = client.get("/api/search?q=x").get_json()
    finally:
        put_settings(place, **{block: None})
    assert said["index"]["state"] == "warning"
    assert why in said["index"]["words"]
    assert problem(refused, status, kind)["detail"].count(place.store) == 0
    assert ("Retry-After" in refused.headers) == (status == 503)
    assert ready.status_code == 200
    assert found["total"] == 24
    form = {"image": upload(in_bytes(noise(1)))}
    assert client.post("/api/pictures", data=form, headers=AUTHORISED).status_code == 201


@elastic_only
def test_a_red_index(make_client: MakeClient, node: Node, pair: Path) -> None:
    client = make_client(elasticsearch_patience=0.2)
    place = place_of(client.application)
    with red(place, node):
        said = health(client)
        not_ready = problem(client.get("/ready"), 503, "not-ready")
        searched, page = client.get("/api/search?q=x"), client.get("/?q=x")
        asked = CliRunner().invoke(search, ["search", "x", *place.options], env={**HASTY, "MODEL": str(pair)})
    assert (said["index"]["state"], said["pictures"]) == ("failing", None)
    assert said["index"]["words"].startswith("It is red.")
    assert said["index"]["name"] == not_ready["index"]["name"] == f"{place.index}-000001"
    assert asked.exit_code == 1
    assert "cannot reach a part of the index" in asked.output
    problem(searched, 503, "store-degraded")
    assert searched.headers["Retry-After"]
    assert "Some of the pictures are away for a moment" in page.text
    assert client.get("/ready").status_code == 200
    assert client.get("/api/search?q=x").get_json()["total"] == 24


@elastic_only
def test_a_copy_that_is_missing_is_a_warning(client: FlaskClient) -> None:
    put_settings(place_of(client.application), auto_expand_replicas=False, number_of_replicas=1)
    assert health(client)["index"]["state"] == "warning"
    assert client.get("/ready").get_json()["index"]["words"].startswith("It is yellow")


@elastic_only
def test_a_text_model_that_is_not_there(make_client: MakeClient, caplog: pytest.LogCaptureFixture) -> None:
    client = make_client(text_encoding="infer")
    not_ready = problem(client.get("/ready"), 503, "not-ready")
    assert states(not_ready)["text_encoding"] == "failing"
    searched = client.get("/api/search?q=x")
    problem(searched, 503, "text-model-unavailable")
    assert "Retry-After" not in searched.headers
    assert "trained model" in caplog.text
    assert "Words cannot be searched by just now" in client.get("/?q=x").text
    id = client.get("/api/pictures").get_json()["results"][0]["id"]
    assert client.get(f"/api/search?like={id}").status_code == 200


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_who_watches_is_held_to_the_server_s_names_as_well(client: FlaskClient, path: str) -> None:
    assert client.get(path, headers={"Host": "127.0.0.1:8000"}).status_code == 200
    problem(client.get(path, headers={"Host": "evil.example"}), 421, "wrong-host")
