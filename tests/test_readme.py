"""What the README says is true: its settings, and every command in it, run as written."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from PIL import Image
from pydantic_core import PydanticUndefined

from imagesearch.config import PROJECT, Settings
from localnode.node import free_port
from tests.conftest import environment, lacking
from tests.s3 import Client, put

README = (PROJECT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.split("  #")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.S)
    for line in block.splitlines()
    if line.strip()
]


def settings_table() -> str:
    rows = ["| setting | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, PydanticUndefined) else f"`{field.default}`"
        default = default.replace(str(PROJECT) + "/", "")
        rows.append(f"| `{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)


def test_every_setting_is_documented() -> None:
    documented = README.split("<!-- settings -->\n")[1].split("\n<!-- /settings -->")[0]
    assert documented == settings_table()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with what the README's commands name."""
    home = tmp_path_factory.mktemp("home")
    (home / "Pictures").mkdir()
    for colour in ("red", "green", "blue"):
        Image.new("RGB", (80, 60), colour).save(home / "Pictures" / f"{colour}.jpg")
    (home / "my.jsonl").write_text(json.dumps({"path": "red.jpg", "tags": ["holiday"]}))
    Image.new("RGB", (90, 90), "red").save(home / "query.jpg")
    with zipfile.ZipFile(home / "holidays.zip", "w") as archive:
        archive.write(home / "Pictures" / "red.jpg", "red.jpg")
    (home / "Pictures" / "broken.jpg").write_bytes(b"no picture")
    return home


@pytest.fixture
def users(home: Path, pair: Path, tmp_path: Path) -> dict[str, str]:
    """A user's environment, but for a tiny random model in the place of one from the hub."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    data = str(tmp_path / "data")
    return environment(HOME=str(home), PATH=path, MODEL=str(pair), DATA=data, RUNTIME="auto")


@contextmanager
def serving(command: str, port: int, env: dict[str, str], cwd: Path) -> Iterator[str]:
    """Run a command that serves, until it answers; then stop it as Ctrl-C does."""
    process = subprocess.Popen(["bash", "-c", f"exec {command}"], cwd=cwd, env=env, process_group=0)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 240
        while not answers(url):
            assert process.poll() is None, f"{command} ended with {process.returncode}"
            assert time.monotonic() < deadline, f"{command} did not serve"
            time.sleep(0.2)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(30)


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=10).ok
    except requests.RequestException:
        return False


def test_all_commands_are_covered() -> None:
    known = (
        "make run",
        "make test",
        "python -m ingest ",
        "python -m imagesearch ",
        "python -m app.serve",
        "curl ",
    )
    assert [c for c in COMMANDS if not c.startswith(known)] == []
    assert len(COMMANDS) >= 10


def test_make_targets_exist() -> None:
    for command in (
        "make run",
        "make test",
        "make run PICTURES=~/Pictures",
        "make run TORCH=cpu",
        "make check-model",
    ):
        subprocess.run(["bash", "-c", f"{command} --dry-run"], cwd=PROJECT, check=True, capture_output=True)


def test_make_run_and_the_api_examples(home: Path) -> None:
    """The main job: demo gallery, demo model, a search by words, and the README's curl lines."""
    if not shutil.which("curl"):
        lacking("The README's examples need curl. On Debian: sudo apt install curl.")
    port = free_port()
    with serving("make run", port, environment(PORT=str(port), RUNTIME="auto"), PROJECT) as url:
        found = requests.get(
            f"{url}/api/search", params={"q": "a mountain covered in snow"}, timeout=120
        ).json()
        assert found["total"] == 2465
        assert "1F3D4.png" in [r["path"] for r in found["results"][:5]]
        for command in (c for c in COMMANDS if c.startswith("curl ")):
            asked = command.replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace(
                "curl ", "curl -sS --fail ", 1
            )
            output = subprocess.run(["bash", "-c", asked], cwd=home, check=True, capture_output=True).stdout
            assert json.loads(output)["results"]


def test_make_run_with_own_pictures(home: Path, users: dict[str, str]) -> None:
    port = free_port()
    command = "make run PICTURES=~/Pictures"
    assert command in COMMANDS
    with serving(command, port, {**users, "PORT": str(port)}, PROJECT) as url:
        assert requests.get(f"{url}/health", timeout=10).json()["pictures"] == 3


HERE = "http://localhost:9200"


def run(command: str, home: Path, env: dict[str, str]) -> None:
    done = subprocess.run(
        ["bash", "-c", command], cwd=home, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
    assert done.stdout, command


def test_command_lines(home: Path, users: dict[str, str], s3: Client, bucket: str) -> None:
    put(s3, f"{bucket}/green.jpg", (home / "Pictures" / "green.jpg").read_bytes())
    env = users | {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    asking = ("python -m ingest ", "python -m imagesearch ")
    for command in (c for c in COMMANDS if c.startswith(asking) and HERE not in c):
        if "ingest watch" in command:
            watch(command, home, env)
        else:
            run(command.replace("s3://my-bucket/pictures", bucket), home, env)


def watch(command: str, home: Path, env: dict[str, str]) -> None:
    """It goes on until it is told to end, and ends well."""
    (home / "Pictures" / "late.jpg").write_bytes((home / "query.jpg").read_bytes())
    watching = subprocess.Popen(
        ["bash", "-c", f"exec {command}"], cwd=home, env=env, stdout=subprocess.PIPE, text=True
    )
    try:
        assert watching.stdout is not None
        assert watching.stdout.readline().startswith("1 new")
    finally:
        watching.send_signal(signal.SIGINT)
        watching.communicate(timeout=100)
        (home / "Pictures" / "late.jpg").unlink()
    assert watching.returncode == 0


def test_commands_on_elasticsearch(
    home: Path, users: dict[str, str], elastic_url: str, fresh_index: str
) -> None:
    env = {**users, "INDEX": fresh_index}
    commands = [c.replace(HERE, elastic_url) for c in COMMANDS if HERE in c]
    assert len(commands) >= 5
    for command in commands:
        if "app.serve" in command:
            port = free_port()
            with serving(f"{command} --port {port}", port, env, home) as url:
                assert requests.get(f"{url}/health", timeout=60).json()["pictures"] == 3
        else:
            run(command, home, env)


def test_serve_command(home: Path, users: dict[str, str]) -> None:
    (command,) = [c for c in COMMANDS if c.startswith("python -m app.serve") and HERE not in c]
    port = free_port()
    with serving(command.replace("8123", str(port)), port, users, home) as url:
        assert requests.get(url, timeout=60).ok
