"""The Dockerfile: it is sound, it takes what is there, and what it takes is enough to run."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from imagesearch.config import PROJECT
from localnode.node import free_port
from tests.conftest import environment, make_pictures
from tests.dockerfile import BUILD, FINAL, instructions, sent

BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command", [["hadolint", "Dockerfile"], ["shellcheck", "deploy/ask.sh", "deploy/certificates.sh"]]
)
def test_the_tools_of_others_find_nothing(command: list[str]) -> None:
    program, *files = command
    done = subprocess.run([BIN / program, *files], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_script_is_checked_and_can_be_run() -> None:
    scripts = sorted(path.name for path in (PROJECT / "deploy").glob("*.sh"))
    assert scripts == ["ask.sh", "certificates.sh"]
    assert os.access(PROJECT / "deploy" / "ask.sh", os.X_OK)


def test_bases_and_tools_are_pinned() -> None:
    bases = {base.split()[0] for stage in (BUILD, FINAL) for base in instructions("FROM", stage)}
    (base,) = bases
    assert re.fullmatch(r"python:3\.11\.\d+-slim-trixie", base)
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    (of_make,) = re.findall(r"uv==[\d.]+", makefile)
    assert of_make in " ".join(instructions("RUN", BUILD))


def test_what_is_sent_is_what_runs() -> None:
    files = list(sent())
    tops = {path.parts[0] for path in files}
    copied = {source for copy in instructions("COPY", BUILD) for source in copy.split()[:-1]}
    assert tops == copied
    assert not [path for path in files if "__pycache__" in path.parts]
    of_demo = {path.parts[1] for path in files if path.parts[0] == "demo"}
    assert of_demo == {"__init__.py", "model", "tower.py"}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the image has in /srv, copied as the Dockerfile says."""
    folder, files = tmp_path_factory.mktemp("image"), list(sent())
    for copy in instructions("COPY", BUILD):
        *sources, target = copy.split()
        for source in sources if target.startswith("/srv") else ():
            for file in (f for f in files if f.parts[0] == source):
                place = folder / file
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(PROJECT / file, place)
    return folder


def run_in(image: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    env = environment(**{**extra, "PYTHONPATH": str(image), "PYTHONDONTWRITEBYTECODE": "1"})
    command = [sys.executable, "-P", "-m", *arguments]
    return subprocess.run(
        command, cwd=image, env=env, capture_output=True, text=True, check=False, timeout=250
    )


def test_every_part_starts_with_what_the_image_has(image: Path, tmp_path: Path) -> None:
    make_pictures(tmp_path / "pictures", 2)
    store = {"MODEL": "demo", "DATA": str(tmp_path / "data"), "RUNTIME": "auto"}
    done = run_in(image, "ingest", "--quiet", str(tmp_path / "pictures"), **store)
    assert done.returncode == 0, done.stderr
    found = run_in(image, "imagesearch", "search", "--json", "anything", **store)
    assert json.loads(found.stdout)["total"] == 2, found.stderr
    helped = run_in(image, "deploy", "--help")
    assert "API keys" in helped.stdout, helped.stderr


def test_the_mapping_is_in_the_image(image: Path) -> None:
    code = (
        "from imagesearch.elastic.mapping import IndexPlan, index_body; print(index_body(IndexPlan(), 8, {}))"
    )
    env = environment(PYTHONPATH=str(image))
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=image, env=env, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_page_is_healthy_when_it_is_ready(image: Path, tmp_path: Path) -> None:
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))
    kind, python, *check = compose["services"]["app"]["healthcheck"]["test"]
    assert (kind, python) == ("CMD", "python")
    port = free_port()
    here = [sys.executable, *(word.replace(":8000", f":{port}") for word in check)]

    def healthy() -> bool:
        return subprocess.run(here, capture_output=True, check=False).returncode == 0

    env = environment(
        PYTHONPATH=str(image), MODEL="demo", DATA=str(tmp_path), HOSTS="localhost", PORT=str(port)
    )
    serve = [sys.executable, "-P", "-m", "app.serve", "--bind", "0.0.0.0"]  # noqa: S104  # as in the container
    server = subprocess.Popen(serve, cwd=image, env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        assert not healthy()
        assert "Serving on" in server.stdout.readline()
        deadline = time.monotonic() + 240
        while not healthy():  # not before the model is loaded
            assert time.monotonic() < deadline
    finally:
        server.terminate()
        server.communicate(timeout=30)
    assert not healthy()
