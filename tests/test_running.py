"""docs/running.md is true: its commands can be given, its messages are those that are said, its rights
are those that the set-up step gives."""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from elastic_transport import (
    ApiResponseMeta,
    ConnectionError,
    ConnectionTimeout,
    HttpHeaders,
    NodeConfig,
    TlsError,
)
from elasticsearch import UnsupportedProductError

from deploy.keys import PARTS, Part, rights
from imagesearch.config import PROJECT
from imagesearch.elastic.failures import in_words, refused
from localnode import Node
from tests.command_lines import parse
from tests.conftest import lacking
from tests.elastic import built_or_lacking
from tests.test_compose import OF_COMPOSE, OF_SETTINGS
from tests.tls_proxy import TlsProxy

TEXT = (PROJECT / "docs" / "running.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", TEXT, re.S)
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]
INLINE = [
    code for code in re.findall(r"`([^`\n]+)`", TEXT) if code.startswith(("docker ", "deploy/", "python "))
]
ASKED = [
    command
    for command in [*COMMANDS, *INLINE]
    if command.startswith("deploy/ask.sh ") and "METHOD" not in command
]


def words_of(start: str) -> list[list[str]]:
    """The commands that start so, cut as a shell cuts them, without variables before them."""
    plain = (re.sub(r"^(\w+=\S+ )+", "", command) for command in [*COMMANDS, *INLINE])
    return [shlex.split(command) for command in plain if command.startswith(start)]


def test_every_command_is_looked_at() -> None:
    known = ("docker compose ", "deploy/ask.sh ", "python -m ", "curl -s http://localhost:8000/", "export ")
    other = [c for c in COMMANDS if not c.startswith((*known, "START_TRIAL=yes docker compose "))]
    assert [" ".join(c.split()[:2]) for c in other] == [
        "printf 'ELASTIC_PASSWORD=%s\\nPICTURES=%s\\n'",
        "sudo sysctl",
        "sudo sysctl",
        "sudo systemctl",
        "sudo journalctl",
    ]
    assert len(COMMANDS) > 30


def test_docker_compose_commands_fit_the_file() -> None:
    services = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    flags = {"--detach", "--build", "--force-recreate", "--no-deps", "--rm", "--all", "--tail", "--follow"}
    for _, _, subcommand, *rest in words_of("docker compose "):
        assert subcommand in {"up", "run", "ps", "logs", "stop", "cp"}
        if subcommand == "run":
            assert rest[0] == "--rm"
            service, *arguments = rest[1:]
            entry = services[service]["entrypoint"]
            if arguments != ["--help"]:
                parse([*entry, *(arguments or services[service].get("command", []))])
        elif subcommand == "cp":
            assert rest[0].split(":")[0] in services
        else:
            named = [word for word in rest if not word.startswith("-") and not word.isdigit()]
            assert set(named) <= set(services)
            assert {word for word in rest if word.startswith("-")} <= flags


def test_python_commands_can_be_given() -> None:
    commands = [
        command for command in words_of("python -m ") if len(command) > 3 or command[2] == "app.serve"
    ]
    assert len(commands) >= 3
    for command in commands:
        parse(command)


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    (unit,) = re.findall(r"<!-- unit -->\n```ini\n(.*?)```", TEXT, re.S)
    (command,) = re.findall("^ExecStart=/srv/image-search/.venv/bin/(python .*)$", unit, re.M)
    assert parse(shlex.split(command))[0] == "watch"
    (environment,) = re.findall("^Environment=(.*)$", unit, re.M)
    assert {pair.split("=")[0] for pair in environment.split()} - OF_SETTINGS == {
        "HF_HOME",
        "PYTHONUNBUFFERED",
    }
    if not shutil.which("systemd-analyze"):
        lacking("The check of the unit takes systemd-analyze. On Debian: sudo apt install systemd.")
    # Neither the program nor the user is here.
    here = re.sub("^ExecStart=.*$", "ExecStart=/bin/true", unit, flags=re.M).replace(
        "User=pictures", "User=root"
    )
    file = tmp_path / "image-search-watch.service"
    file.write_text(here)
    verify = ["systemd-analyze", "verify", "--man=no", str(file)]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_settings_that_it_names_are_there() -> None:
    named = set(re.findall(r"`([A-Z][A-Z_]{3,})(?:=[^`]*)?`", TEXT))
    assert named - OF_SETTINGS - OF_COMPOSE == {"COMPOSE_PROFILES"}


def test_its_links_lead_somewhere() -> None:
    headings = re.findall(r"^## (.+)$", TEXT, re.M)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = re.findall(r"\]\(([^)\s]+)\)", TEXT.replace("\n", " "))
    assert {link[1:] for link in links if link.startswith("#")} == anchors - {"what-was-not-tried"}
    files = {link.split("#")[0] for link in links if not link.startswith(("#", "http"))}
    assert [file for file in files if not (PROJECT / "docs" / file).is_file()] == []


def test_the_first_line_writes_what_compose_needs(tmp_path: Path) -> None:
    (line,) = [command for command in COMMANDS if command.startswith("printf")]
    subprocess.run(["sh", "-c", line], cwd=tmp_path, env={**os.environ, "HOME": "/home/me"}, check=True)
    written = dict(line.split("=") for line in (tmp_path / ".env").read_text().splitlines())
    assert re.fullmatch("[0-9a-f]{48}", written.pop("ELASTIC_PASSWORD"))
    assert written == {"PICTURES": "/home/me/Pictures"}
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("part", PARTS)
def test_rights_are_those_of_the_set_up_step(part: Part) -> None:
    (block,) = re.findall(rf"<!-- rights {part} -->\n```json\n(.*?)```", TEXT, re.S)
    assert json.loads(block) == {
        "name": f"pictures-{part}",
        "role_descriptors": {part: rights(part, "pictures", changes=True)},
    }


def said() -> Iterator[str]:
    """A message of each kind that talking to Elasticsearch may end with."""
    meta = ApiResponseMeta(200, "1.1", HttpHeaders(), 0.1, NodeConfig("http", "here", 9200))
    yield str(in_words(ConnectionError("refused"), "here"))
    yield str(in_words(ConnectionTimeout("late"), "here"))
    yield str(in_words(TlsError("verify failed"), "here"))
    yield str(in_words(TlsError("[SSL: WRONG_VERSION_NUMBER] wrong version number"), "here"))
    yield str(in_words(UnsupportedProductError("no", meta=meta, body={}), "here"))
    block = "cluster_block_exception"
    for status, kind, why in (
        (401, "security_exception", "unable to authenticate"),
        (403, "security_exception", "action is unauthorized"),
        (403, "security_exception", "current license is non-compliant for [ml]"),
        (404, "index_not_found_exception", "no such index"),
        (429, "es_rejected_execution_exception", "queue is full"),
        (503, "search_phase_execution_exception", "all shards failed"),
        (503, block, "blocked by: [SERVICE_UNAVAILABLE/2/no master];"),
        (429, block, "blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark];"),
        (403, block, "blocked by: [FORBIDDEN/8/index write (api)];"),
        (403, block, "blocked by: [FORBIDDEN/5/index read-only (api)];"),
    ):
        yield str(refused(status, {"error": {"type": kind, "reason": why}, "status": status}, "here"))


def test_every_message_has_a_row_and_every_row_a_message() -> None:
    table = TEXT.split("| it says |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| `([^`]+)` \|", table, re.M)
    # Said by the store itself, which looks at what the alias names.
    rows.remove("is not one that this program made")
    found = [[row for row in rows if row in message] for message in said()]
    assert [len(fitting) for fitting in found] == [1] * len(found)
    assert {row for fitting in found for row in fitting} == set(rows)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsProxy]:
    """A node with a folder for snapshots, behind TLS, and an index as the ingest makes it."""
    built_or_lacking()
    folder = tmp_path_factory.mktemp("running")
    with (
        Node(folder / "node", settings={"path.repo": str(folder / "snapshots")}) as node,
        TlsProxy(node.url, folder / "tls") as proxy,
    ):
        yield proxy


Ask = Callable[[str], str]
# Takes what follows `compose exec -T elasticsearch-1` for a command of the container's, which is here.
DOCKER = """#!/bin/sh
[ "$1 $2 $3 $4" = "compose exec -T elasticsearch-1" ] || exit 9
shift 4
cd "$CONTAINER" && exec "$@"
"""


@pytest.fixture
def ask(cluster: TlsProxy, tmp_path: Path) -> Ask:
    """Runs deploy/ask.sh, with the container's shell here: only `docker` is pretended."""
    if not shutil.which("curl"):
        lacking("What docs/running.md asks of Elasticsearch takes curl. On Debian: sudo apt install curl.")
    container, docker = tmp_path / "container", tmp_path / "docker"
    (container / "config" / "certs").mkdir(parents=True)
    (container / "config" / "certs" / "ca.crt").write_bytes(cluster.ca.read_bytes())
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    # curl reaches the proxy where it thinks that it asks port 9200.
    port = urlsplit(cluster.url).port
    (tmp_path / ".curlrc").write_text(f"connect-to = localhost:9200:127.0.0.1:{port}\n")
    env = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "CONTAINER": str(container),
        "ELASTIC_PASSWORD": cluster.password,
    }

    def run(command: str) -> str:
        shell = ["sh", "-c", command]
        done = subprocess.run(shell, cwd=PROJECT, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    return run


def test_what_is_asked_of_elasticsearch_is_answered(ask: Ask, cluster: TlsProxy) -> None:
    one_node = '"settings":{"auto_expand_replicas":"0-1"}'
    ask(f'deploy/ask.sh PUT /pictures-000001 \'{{"aliases":{{"pictures":{{}}}},{one_node}}}\'')
    cluster.security.add("pictures-app", {})
    assert len(ASKED) > 15
    for command in ASKED:
        if "allocation/explain" in command:  # which wants a shard that has no place
            ask('deploy/ask.sh PUT /homeless \'{"settings":{"number_of_replicas":1}}\'')
        if "_password" not in command:  # the stand-in for the security module keeps its own
            ask(command.replace('"/snapshots"', '"snapshots"'))
        if "allocation/explain" in command:
            ask("deploy/ask.sh DELETE /homeless")


def test_what_elasticsearch_refuses_fails_with_its_reason(ask: Ask) -> None:
    with pytest.raises(AssertionError, match="no such index"):
        ask("deploy/ask.sh GET /nowhere")
    assert '"cluster_name"' in ask("deploy/ask.sh GET /")
