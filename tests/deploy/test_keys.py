"""Each part gets a key with the rights that its work takes, and no others."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from flask.testing import FlaskClient

from app import create_app
from deploy.keys import CA_FILE, KEY_FILE, PARTS, Part, rights
from imagesearch import config
from imagesearch.config import load_settings
from imagesearch.elastic import connect
from imagesearch.encoders import Model
from imagesearch.errors import StoreDenied
from imagesearch.store import Store, open_store
from ingest.__main__ import main as ingest
from localnode import Node
from tests.app.conftest import TOKEN, in_bytes, upload
from tests.conftest import make_pictures, noise
from tests.deploy.conftest import SetUp
from tests.elastic import built_or_lacking, make_older_index
from tests.imagesearch.pieces import SOURCE, entry, failure
from tests.security_module import CLUSTER_PRIVILEGES, INDEX_PRIVILEGES
from tests.tls_proxy import TlsProxy

Become = Callable[[Part], None]


def key_of(folder: Path) -> str:
    return (folder / KEY_FILE).read_text()


@pytest.mark.parametrize("part", PARTS)
def test_roles_are_what_elasticsearch_knows(part: Part) -> None:
    role = json.loads(json.dumps(rights(part, "pictures", changes=True)))
    assert role.keys() == {"cluster", "indices"}
    assert set(role["cluster"]) <= CLUSTER_PRIVILEGES - {"all", "manage"}
    for granted in role["indices"]:
        assert granted["names"] == ["pictures", "pictures-*"]
        assert set(granted["privileges"]) <= INDEX_PRIVILEGES - {"all"}


def test_keys_are_made_once_and_only_their_owner_reads_them(
    set_up: SetUp, access: Path, proxy: TlsProxy, fresh_index: str
) -> None:
    made = set_up("app", "ingest")
    assert made.output == f"The key {fresh_index}-app was made.\nThe key {fresh_index}-ingest was made.\n"
    keys = [key_of(access / part) for part in ("app", "ingest")]
    assert len(set(keys)) == 2
    assert (access / "app" / CA_FILE).read_bytes() == proxy.ca.read_bytes()
    assert (access / "app" / KEY_FILE).stat().st_mode & 0o777 == 0o400
    assert not (access / "model").exists()
    again = set_up("app", "ingest")
    assert (
        again.output
        == f"The key {fresh_index}-app is as before.\nThe key {fresh_index}-ingest is as before.\n"
    )
    assert [key_of(access / part) for part in ("app", "ingest")] == keys


def test_a_lost_key_is_made_again_and_the_former_is_void(
    set_up: SetUp, access: Path, proxy: TlsProxy, fresh_index: str
) -> None:
    set_up("app", "ingest")
    (lost,) = proxy.security.active(f"{fresh_index}-app")
    shutil.rmtree(access / "app")
    assert "app was made" in set_up("app", "ingest").output
    (active,) = proxy.security.active(f"{fresh_index}-app")
    assert (active.encoded, active != lost) == (key_of(access / "app"), True)


def test_a_key_that_elasticsearch_forgot_is_made_again(set_up: SetUp, access: Path) -> None:
    (access / "app").mkdir(parents=True)
    (access / "app" / KEY_FILE).write_text("d3Jvbmc6b25l")
    assert "app was made" in set_up("app").output
    assert key_of(access / "app") != "d3Jvbmc6b25l"


def test_what_is_set_wrong_is_said(set_up: SetUp, proxy: TlsProxy) -> None:
    for extra, says in (
        ({"ELASTICSEARCH_PASSWORD": "wrong"}, "does not accept the key or password"),
        ({"ELASTICSEARCH_CA": str(proxy.other_ca)}, "ELASTICSEARCH_CA"),
        ({"STORE": "a folder", "ELASTICSEARCH_CA": ""}, "STORE names no Elasticsearch"),
    ):
        refused = set_up("app", **extra)
        assert refused.exit_code == 1
        assert refused.output.startswith("Error: ")
        assert says in refused.output


@pytest.fixture
def become(
    proxy: TlsProxy,
    access: Path,
    fresh_index: str,
    pair: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Become:
    """Makes the settings those of a part, as docker-compose.yml does."""
    for name, value in {
        "STORE": proxy.url,
        "INDEX": fresh_index,
        "MODEL": pair,
        "DATA": tmp_path / "d",
    }.items():
        monkeypatch.setenv(name, str(value))

    def part(part: Part) -> None:
        monkeypatch.setattr(config, "SECRETS", access / part)
        monkeypatch.setenv("ELASTICSEARCH_CA", str(access / part / CA_FILE))

    return part


def run_ingest(*arguments: object) -> str:
    done = CliRunner().invoke(ingest, [*map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.output


def served(model: Model) -> FlaskClient:
    return create_app(load_settings(), model).test_client()


def test_each_part_can_do_its_work(set_up: SetUp, become: Become, model: Model, tmp_path: Path) -> None:
    set_up("app", "ingest")
    pictures = tmp_path / "pictures"
    make_pictures(pictures, 5)
    become("ingest")
    run_ingest("--quiet", pictures)
    (pictures / "0001.png").unlink()
    run_ingest("--quiet", "--prune", pictures)
    run_ingest("rebuild", "--quiet", "--index-type", "hnsw")
    run_ingest("rebuild", "--rollback")
    run_ingest("rebuild", "--drop-old")

    become("app")
    client = served(model)
    found = client.get("/api/search?q=anything").get_json()
    assert found["total"] == 4
    for address in ("/", "/?q=anything", "/health", "/api/pictures", found["results"][0]["links"]["similar"]):
        assert client.get(address).status_code == 200, address


def test_the_app_adds_and_removes_only_where_it_has_a_token(
    set_up: SetUp, become: Become, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up("app", "ingest")
    make_pictures(tmp_path / "pictures", 1)
    become("ingest")
    run_ingest("--quiet", tmp_path / "pictures")
    become("app")
    monkeypatch.setenv("API_TOKEN", TOKEN)
    asked = {"data": {"image": upload(in_bytes(noise(9)))}, "headers": {"Authorization": f"Bearer {TOKEN}"}}
    assert served(model).post("/api/pictures", **asked).status_code == 503
    assert "app has new rights" in set_up("app", API_TOKEN=TOKEN).output
    asked["data"] = {"image": upload(in_bytes(noise(9)))}
    added = served(model).post("/api/pictures", **asked)
    assert added.status_code == 201, added.text
    removed = served(model).delete(added.get_json()["links"]["self"], headers=asked["headers"])
    assert removed.status_code == 204, removed.text


def test_failures_are_kept_and_forgotten_with_these_keys(set_up: SetUp, become: Become) -> None:
    set_up("app", "ingest", API_TOKEN=TOKEN)
    become("ingest")
    with opened() as store:
        store.fail([failure("a.png"), failure("b.png"), failure("c.png")])
        assert store.forgive([failure("c.png").id]) == 1
        store.write([entry("b.png")])
    become("app")
    with opened() as store:
        store.write([entry("a.png")])
    become("ingest")
    with opened() as store:
        assert list(store.failures_of(SOURCE)) == []


def test_an_older_index_is_brought_up_to_date_by_ingest_alone(
    set_up: SetUp, become: Become, elastic_url: str, fresh_index: str
) -> None:
    set_up("app", "ingest", API_TOKEN=TOKEN)
    make_older_index(elastic_url, fresh_index, entry("old.png"))
    become("app")
    with opened() as store, pytest.raises(StoreDenied, match=r"older version.*python -m ingest once"):
        store.write([entry("a.png", rating=3)])
    for part in ("ingest", "app"):
        become(part)
        with opened() as store:
            store.write([entry(f"{part}.png", rating=3)])
    with opened() as store:
        assert store.count() == 3


def opened() -> Store:
    """The store of the part that the settings are those of."""
    settings = load_settings()
    return open_store(str(settings.store), settings, patience=0)


@pytest.mark.parametrize(
    ("part", "forbidden"),
    [
        ("app", lambda es, index: es.index(index=f"{index}-000001", document={})),
        ("app", lambda es, index: es.indices.delete(index=f"{index}-000001")),
        ("app", lambda es, _: es.ml.delete_trained_model(model_id="m")),
        ("ingest", lambda es, _: es.search(index="payroll")),
        ("ingest", lambda es, _: es.security.create_api_key(name="more")),
        ("ingest", lambda es, _: es.license.post_start_trial()),
        ("model", lambda es, index: es.search(index=index)),
        ("model", lambda es, _: es.cluster.put_settings(persistent={})),
    ],
)
def test_no_part_can_do_more(
    set_up: SetUp, become: Become, part: Part, forbidden: Callable[[Any, str], object]
) -> None:
    set_up(part)
    become(part)
    settings = load_settings()
    client = connect(settings, str(settings.store), patience=0)
    with pytest.raises(StoreDenied, match="may not do this"):
        client.ask(lambda es: forbidden(es, settings.index))


def test_the_model_is_deployed_after_the_trial_was_started_which_is_once(
    set_up: SetUp, become: Become, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built_or_lacking()
    with Node(tmp_path / "node") as node, TlsProxy(node.url, tmp_path / "own") as proxy:
        own = {"STORE": proxy.url, "ELASTICSEARCH_CA": str(proxy.ca)}
        assert "trial licence was started" in set_up("model", START_TRIAL="yes", **own).output
        assert set_up("model", "--trial", **own).output.endswith("model is as before.\n")
        become("model")
        monkeypatch.setenv("STORE", proxy.url)
        assert "is started and encodes as the model here does" in run_ingest("deploy-model", "--quiet")
        requests.post(f"{node.url}/_license/start_basic?acknowledge=true", timeout=30).raise_for_status()
        again = set_up("model", START_TRIAL="yes", **own)
        assert again.exit_code == 1
        assert "Trial was already activated" in again.output
        assert set_up("model", START_TRIAL="", **own).exit_code == 0
