"""docker-compose.yml fits the code: no engine runs it here, so everything that it names is held against
what is there."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import elasticsearch
import pytest
import yaml

from deploy.keys import CA_FILE, PARTS
from imagesearch.config import PROJECT, SECRETS, Settings, load_settings
from tests.command_lines import parse
from tests.conftest import lacking
from tests.dockerfile import FINAL, folders, instructions
from tests.tls_proxy import TlsProxy

FILE = PROJECT / "docker-compose.yml"
GIVEN = {"ELASTIC_PASSWORD": "swordfish", "PICTURES": "/home/me/Pictures"}
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")

# What may be set for docker-compose.yml beside the settings of the application.
OF_COMPOSE = set(
    "APP_MEMORY DEPLOY_MEMORY ELASTICSEARCH_MEMORY ELASTIC_PASSWORD INGEST_MEMORY PICTURES SNAPSHOTS "
    "START_TRIAL TORCH".split()
)
# What botocore reads.
OF_S3 = set(
    "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_DEFAULT_REGION AWS_ENDPOINT_URL".split()
)
OF_SETTINGS = {name.upper() for name in Settings.model_fields}
# Settings of Elasticsearch 9.5, and the one variable of its image.
OF_ELASTICSEARCH = set(
    "ELASTIC_PASSWORD cluster.name cluster.initial_master_nodes discovery.seed_hosts node.name path.repo "
    "xpack.license.self_generated.type xpack.ml.use_auto_machine_memory_percent xpack.security.enabled "
    "xpack.security.http.ssl.certificate xpack.security.http.ssl.enabled xpack.security.http.ssl.key "
    "xpack.security.transport.ssl.certificate xpack.security.transport.ssl.certificate_authorities "
    "xpack.security.transport.ssl.enabled xpack.security.transport.ssl.key "
    "xpack.security.transport.ssl.verification_mode".split()
)

NODES = ("elasticsearch-1", "elasticsearch-2", "elasticsearch-3")
OURS = ("certificates", "setup", "setup-model", "app", "ingest", "watch", "deploy-model")
SETTING_UP = ("setup", "setup-model")
COMMANDS = {
    "setup": "deploy",
    "setup-model": "deploy",
    "app": "app.serve",
    "ingest": "pictures",
    "watch": "watch",
    "deploy-model": "deploy-model",
}
WORKING = {"app": "app", "ingest": "ingest", "watch": "ingest", "deploy-model": "model"}

Service = Mapping[str, Any]


def filled_in(content: Any) -> Any:  # noqa: ANN401  # whatever YAML may hold
    """What was read, with its variables, as Compose does it."""

    def value(found: re.Match[str]) -> str:
        name, kind, default = found.groups()
        return GIVEN.get(name) or (default if kind == "-" else GIVEN[name])

    match content:
        case dict():
            return {key: filled_in(inner) for key, inner in content.items()}
        case list():
            return [filled_in(inner) for inner in content]
        case str():
            return VARIABLE.sub(value, content)
        case _:
            return content


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    content: dict[str, Any] = filled_in(yaml.safe_load(FILE.read_text(encoding="utf-8")))
    return content


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Service]:
    found: dict[str, Service] = compose["services"]
    assert set(found) == {*NODES, *OURS}
    return found


def mounts(service: Service) -> dict[str, tuple[str, bool]]:
    """What is mounted where, and whether it can be written."""
    found = {}
    for volume in service["volumes"]:
        if isinstance(volume, dict):
            found[volume["target"]] = volume["source"], not volume["read_only"]
        else:
            source, target, *mode = volume.split(":")
            found[target] = source, mode != ["ro"]
    return found


def command(service: Service) -> list[str]:
    return [*service.get("entrypoint", ()), *service.get("command", ())]


def test_it_is_what_the_specification_allows() -> None:
    tool = Path(sys.executable).with_name("check-jsonschema")
    arguments = ["--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run([tool, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_variables_are_settings_or_known_to_compose() -> None:
    text = FILE.read_text(encoding="utf-8")
    used = {name for name, _, _ in VARIABLE.findall(text)}
    assert used - OF_SETTINGS == OF_COMPOSE
    assert len(VARIABLE.findall(text)) == text.count("$")


def test_without_a_password_or_pictures_nothing_starts() -> None:
    needed = {
        name for name, kind, why in VARIABLE.findall(FILE.read_text(encoding="utf-8")) if kind == "?" and why
    }
    assert needed == set(GIVEN)


def test_the_password_is_nobodys_who_needs_it_not(services: dict[str, Service]) -> None:
    have = {name for name, service in services.items() if "swordfish" in str(service)}
    assert have == {*NODES, *SETTING_UP}


@pytest.mark.parametrize("name", [name for name in OURS if name != "certificates"])
def test_what_ours_are_given_are_settings(
    services: dict[str, Service], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = services[name]["environment"]
    given = {variable: value for variable, value in environment.items() if variable not in OF_S3}
    assert set(given) <= OF_SETTINGS | {"START_TRIAL"}
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)
    settings = load_settings()
    assert (settings.store, settings.index) == ("https://elasticsearch:9200", "pictures")


def test_who_reads_pictures_can_read_those_in_s3(services: dict[str, Service]) -> None:
    """A name without a value is passed on if it is set."""
    for name in OURS:
        environment = services[name].get("environment", {})
        passed = {variable for variable, value in environment.items() if value is None}
        assert passed == (OF_S3 if name in ("app", "ingest", "watch") else set())


def test_what_elasticsearch_is_given_it_knows(services: dict[str, Service]) -> None:
    assert {name for node in NODES for name in services[node]["environment"]} == OF_ELASTICSEARCH


def test_commands_are_there(services: dict[str, Service]) -> None:
    for name in OURS:
        program, *arguments = command(services[name])
        if program == "sh":
            script, folder, *names = arguments
            assert (PROJECT / script).is_file()
            assert mounts(services[name])[folder] == ("certificates", True)
            assert names
        else:
            run, _ = parse([program, *arguments])
            assert run == COMMANDS[name]


def test_the_server_can_be_reached_from_its_container_and_this_machine_only(
    services: dict[str, Service], compose: dict[str, Any]
) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {"app": ["127.0.0.1:8000:8000"]}
    assert instructions("EXPOSE", FINAL) == [str(Settings.model_fields["port"].default)]
    assert command(services["app"])[-2:] == ["--bind", "0.0.0.0"]  # noqa: S104
    assert {service.get("network_mode") for service in services.values()} == {None, "none"}


def test_everyone_is_confined(services: dict[str, Service]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        assert not {"privileged", "cap_add", "pid", "ipc", "devices"} & set(service), name
    for name in OURS:
        service = services[name]
        assert (service["read_only"], service["init"], service["image"]) == (True, True, "image-search"), name


def test_nobody_of_ours_is_root(services: dict[str, Service]) -> None:
    (user,) = instructions("USER", FINAL)
    assert int(user) > 0
    users = {name: services[name]["user"] for name in OURS if "user" in services[name]}
    assert users == {"certificates": f"{user}:0"}


def test_volumes_are_declared_and_used(services: dict[str, Service], compose: dict[str, Any]) -> None:
    used = {source for service in services.values() for source, _ in mounts(service).values()}
    assert used == {*compose["volumes"], GIVEN["PICTURES"]}
    assert all(options is None for options in compose["volumes"].values())


def test_volumes_of_ours_are_mounted_where_the_image_has_a_folder_for_them(
    services: dict[str, Service],
) -> None:
    made = folders()
    for name in OURS:
        for target, (source, _) in mounts(services[name]).items():
            assert target in made, f"{name}: {target}"
            owner = "1000" if source == "snapshots" else "search"
            assert made[target].owner == owner, f"{name}: {target}"


def test_pictures_are_at_the_same_place_for_all_and_cannot_be_written(services: dict[str, Service]) -> None:
    found = {name: mounts(services[name]).get("/pictures") for name in OURS}
    expected = (GIVEN["PICTURES"], False)
    assert {name: mount for name, mount in found.items() if mount} == dict.fromkeys(
        ("app", "ingest", "watch"), expected
    )
    assert command(services["ingest"]) == ["python", "-m", "ingest", "/pictures"]
    assert command(services["watch"]) == ["python", "-m", "ingest", "watch", "/pictures"]


def test_who_works_has_a_key_of_its_own(services: dict[str, Service]) -> None:
    assert set(WORKING.values()) == set(PARTS)
    for name, part in WORKING.items():
        mounted = mounts(services[name])
        assert mounted[str(SECRETS)] == (f"{part}-access", False)
        assert services[name]["environment"]["ELASTICSEARCH_CA"] == str(SECRETS / CA_FILE)
        assert [source for source, _ in mounted.values() if source.endswith("-access")] == [f"{part}-access"]


def test_keys_are_put_where_their_volumes_are(services: dict[str, Service]) -> None:
    for name in SETTING_UP:
        _, context = parse(command(services[name]))
        assert str(context["into"]) == "/access"
        expected = {f"/access/{part}": (f"{part}-access", True) for part in context["parts"]}
        assert mounts(services[name]) == {"/certificates": ("certificates", False), **expected}
        assert services[name]["environment"]["ELASTICSEARCH_CA"] == f"/certificates/{CA_FILE}"
    parts = [part for name in SETTING_UP for part in parse(command(services[name]))[1]["parts"]]
    assert sorted(parts) == sorted(PARTS)


def test_nodes_differ_in_name_and_data_only(services: dict[str, Service]) -> None:
    for node in NODES:
        environment = services[node]["environment"]
        assert environment["node.name"] == node
        assert environment["discovery.seed_hosts"].split(",") == [*NODES]
        assert environment.get("cluster.initial_master_nodes") == (NODES[0] if node == NODES[0] else None)
        mounted = mounts(services[node])
        assert mounted.pop("/usr/share/elasticsearch/data") == (node, True)
        certificates, snapshots = "/usr/share/elasticsearch/config/certs", environment["path.repo"]
        assert mounted == {certificates: ("certificates", False), snapshots: ("snapshots", True)}
        files = {value for value in environment.values() if str(value).startswith("certs/")}
        assert files == {"certs/ca.crt", "certs/node.crt", "certs/node.key"}
        assert services[node].get("profiles") == (None if node == NODES[0] else ["cluster"])


def test_the_certificate_has_every_name_that_nodes_are_called_by(services: dict[str, Service]) -> None:
    names = set(command(services["certificates"])[3:])
    (alias,) = {name for node in NODES for name in services[node]["networks"]["default"]["aliases"]}
    stores = {urlsplit(services[name]["environment"]["STORE"]) for name in (*SETTING_UP, *WORKING)}
    assert {(store.scheme, store.hostname, store.port) for store in stores} == {("https", alias, 9200)}
    assert names == {*NODES, alias, "localhost"}


def test_elasticsearch_is_of_the_clients_version_and_of_the_tests(services: dict[str, Service]) -> None:
    (image,) = {services[node]["image"] for node in NODES}
    version = image.rsplit(":", 1)[1]
    assert version.split(".")[:2] == [str(part) for part in elasticsearch.VERSION[:2]]
    pom = (PROJECT / "localnode" / "pom.xml").read_text(encoding="utf-8")
    assert f">{version}<" in pom


def test_who_waits_for_whom(services: dict[str, Service]) -> None:
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            waited_for = services[other]
            assert set(waited_for.get("profiles", ())) <= set(service.get("profiles", ())), name
            if how["condition"] == "service_healthy":
                assert waited_for["healthcheck"]
            else:
                assert how["condition"] == "service_completed_successfully"
                assert "restart" not in waited_for
    needs = {name: set(service.get("depends_on", ())) for name, service in services.items()}
    assert needs["app"] == needs["ingest"] == needs["watch"] == {NODES[0], "setup"}
    assert needs["deploy-model"] == {NODES[0], "setup-model"}
    assert needs["setup"] == needs["setup-model"] == {NODES[0]}
    assert all(needs[node] == {"certificates"} for node in NODES)


def test_what_takes_a_word_to_start_does(services: dict[str, Service]) -> None:
    profiles = {name: service.get("profiles") for name, service in services.items() if "profiles" in service}
    assert profiles == {
        "elasticsearch-2": ["cluster"],
        "elasticsearch-3": ["cluster"],
        "ingest": ["ingest"],
        "watch": ["watch"],
        "setup-model": ["model"],
        "deploy-model": ["model"],
    }
    assert services["setup-model"]["environment"]["START_TRIAL"] == ""
    assert "START_TRIAL" not in services["setup"]["environment"]


def test_a_node_is_healthy_when_it_asks_for_a_password(
    services: dict[str, Service], elastic_url: str, tmp_path: Path
) -> None:
    if not shutil.which("curl"):
        lacking("The health check of Elasticsearch's container takes curl. On Debian: sudo apt install curl.")
    (kind, check) = services[NODES[0]]["healthcheck"]["test"]
    assert kind == "CMD-SHELL"

    def healthy(url: str, authority: Path) -> bool:
        here = check.replace("https://localhost:9200", url)
        here = here.replace("/usr/share/elasticsearch/config/certs/ca.crt", str(authority))
        return subprocess.run(["sh", "-c", here], check=False).returncode == 0

    with TlsProxy(elastic_url, tmp_path) as proxy:
        assert healthy(proxy.url, proxy.ca)
        assert not healthy(proxy.url, proxy.other_ca)
    assert not healthy(proxy.url, proxy.ca)
    assert not healthy(elastic_url, proxy.ca)
