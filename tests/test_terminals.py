"""What the commands print in terminals that are not UTF-8."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from app.serve import main as serve
from demo.gallery import main as draw
from imagesearch.__main__ import main as imagesearch
from imagesearch.config import PROJECT
from ingest.__main__ import main as ingest
from tests.conftest import environment, make_pictures, noise

NAME = "é雪я"
ENCODINGS = {"latin-1": "é??", "cp1252": "é??", "koi8-r": "??я", "gbk": "é雪я", "utf-8": NAME}


@pytest.fixture(params=ENCODINGS)
def encoding(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures, a file that is none, and a side-car file that is none."""
    make_pictures(tmp_path / "pictures", 1)
    noise(5).save(tmp_path / "pictures" / f"{NAME}.png")
    (tmp_path / "pictures" / f"bad {NAME}.png").write_bytes(b"no picture")
    (tmp_path / "pictures" / f"{NAME}.png.xmp").write_text("no XMP")
    return tmp_path


def run(encoding: str, command: click.Command, *arguments: object) -> Result:
    result = CliRunner(charset=encoding).invoke(command, [*map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_every_command(encoding: str, folder: Path, pair: Path) -> None:
    shown = ENCODINGS[encoding]
    options = ("--model", pair, "--store", folder / "store")
    said = run(encoding, ingest, *options, folder / "pictures").stdout
    assert f"failed: {folder}/pictures/bad {shown}.png: " in said
    assert f"The side-car file {folder}/pictures/{shown}.png.xmp is not XMP" in said
    assert f"bad {shown}.png: " in run(encoding, ingest, "failures", *options).stdout
    found = run(encoding, imagesearch, "search", *options, "snow")
    assert f"  {folder}/pictures/{shown}.png\n" in found.stdout
    assert found.exit_code == 0


def test_json_loses_nothing(encoding: str, folder: Path, pair: Path) -> None:
    options = ("--model", pair, "--store", folder / "store")
    said = run(encoding, ingest, *options, "--quiet", "--log", "json", folder / "pictures").stdout
    assert NAME in json.loads(said.splitlines()[0])["file"]
    found = run(encoding, imagesearch, "search", *options, "--json", "snow").stdout
    assert f"{NAME}.png" in [result["path"] for result in json.loads(found)["results"]]


@pytest.mark.parametrize("command", [imagesearch, ingest, serve, draw])
def test_help(encoding: str, command: click.Command) -> None:
    assert run(encoding, command, "--help").exit_code == 0
    for name in getattr(command, "commands", {}):
        assert run(encoding, command, name, "--help").exit_code == 0


@pytest.mark.parametrize("locale", ["latin-1", "ascii"])
def test_in_a_process(folder: Path, pair: Path, locale: str) -> None:
    """To what calls itself ASCII, mostly for want of a setting, click writes UTF-8."""
    command = [sys.executable, "-m", "ingest", "--model", pair, "--store", folder / "store"]
    done = subprocess.run(
        [*map(str, command), str(folder / "pictures")],
        env=environment(PYTHONIOENCODING=locale),
        cwd=PROJECT,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = NAME.encode() if locale == "ascii" else b"\xe9??"
    assert b"bad " + shown + b".png: " in done.stdout
