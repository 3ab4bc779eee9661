"""What the tests of all rooms share: a tiny model pair, pictures, and the command lines as processes."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

from imagesearch import config
from imagesearch.clip import open_model
from imagesearch.config import PROJECT, Settings
from imagesearch.encoders import Model
from tests.elastic import elastic_url, fresh_index, node, trial_node  # noqa: F401  # fixtures
from tests.layers import Layers
from tests.s3 import bucket, s3, s3_url  # noqa: F401  # fixtures
from tests.shared import Run, made_at, once
from tests.stores import ELASTICSEARCH, EMBEDDED, engine, new_place  # noqa: F401  # fixtures

settings.register_profile(
    "fixed", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fixed")


def pytest_configure(config: pytest.Config) -> None:
    """Begin a run, unless this is one of its workers."""
    # A shell that starts the tests in the background makes all that they start ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.pluginmanager.register(Layers(config), "layers")
    if not hasattr(config, "workerinput"):
        config.add_cleanup(Run().close)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Give each worker whole files, each on one kind of store; the longest first, kinds of store together."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    yield
    items.sort(key=_rank)  # after those who shuffle


def _rank(item: pytest.Item) -> int:
    if "faults" in item.path.parts or item.get_closest_marker("long"):
        return 0
    return {EMBEDDED: 1, ELASTICSEARCH: 2}.get(_engine(item), 3)


def _group(item: pytest.Item) -> str:
    fixtures = getattr(item, "fixturenames", ())
    for only in ("hurt", "trial_node"):  # each one node, of which one test at a time may ask what it wants
        if only in fixtures:
            return only
    return f"{item.path.relative_to(PROJECT)} {_engine(item)}".strip()


def _engine(item: pytest.Item) -> str:
    callspec = getattr(item, "callspec", None)
    return str(callspec.params.get("engine", "")) if callspec else ""


@pytest.fixture(scope="session")
def pairs() -> Path:
    """A folder with the two tiny model pairs below, made once for all runs."""
    folder = PROJECT / "data" / "tests" / f"pairs-{_recipe()}"

    def make(folder: Path) -> None:
        done = run_module("tests.random_pair", folder, cwd=PROJECT)
        assert done.returncode == 0, done.stderr

    made_at(folder, make)
    return folder


def _recipe() -> str:
    """What the pairs and their exports depend on, as a name."""
    packages = "".join(version(name) for name in ("torch", "transformers", "sentence-transformers", "onnx"))
    total = hashlib.sha256(packages.encode())
    for file in [PROJECT / "tests/random_pair.py", *sorted((PROJECT / "imagesearch/runtimes").glob("*.py"))]:
        total.update(file.read_bytes())
    return total.hexdigest()[:16]


@pytest.fixture(scope="session")
def pair(pairs: Path) -> Path:
    """The folder of a tiny model pair with random weights, for MODEL. Not to be written: `copy_of` it."""
    return pairs / "pair"


@pytest.fixture(scope="session")
def model(pair: Path) -> Model:
    """The tiny pair, opened; each tower loads once for the whole session."""
    return open_model(str(pair), "onnx")


@pytest.fixture(scope="session")
def other_pair(pairs: Path) -> Path:
    """A second pair, whose embeddings cannot be compared with those of the first."""
    return pairs / "other"


def copy_of(pair: Path, folder: Path) -> Path:
    """A pair of its own at `folder`, its exports included, each of which would take seconds to make."""
    return Path(shutil.copytree(pair, folder))


def bare_copy_of(pair: Path, folder: Path) -> Path:
    """The same, nothing of it exported yet."""
    return Path(shutil.copytree(pair, folder, ignore=shutil.ignore_patterns(".runtimes")))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on what the person who runs it has set. Pictures are encoded without torch."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("RUNTIME", "onnx")
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.setattr(config, "SECRETS", PROJECT / "no secrets")


def noise(seed: int, width: int = 48, height: int = 40) -> Image.Image:
    """A picture of coloured noise; another seed gives another picture."""
    pixels = np.random.default_rng(seed).integers(0, 256, size=(height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def make_pictures(folder: Path, count: int, start: int = 0) -> list[Path]:
    """`count` different pictures in `folder`, called 0000.png and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{i:04}.png" for i in range(start, start + count)]
    for i, file in enumerate(files, start):
        noise(i).save(file)
    return files


def environment(**extra: str) -> dict[str, str]:
    """The environment of a child process: that of the tests, without settings but RUNTIME, and `extra`."""
    left_out = {"PYTHONDONTWRITEBYTECODE", *(name.upper() for name in Settings.model_fields)}
    inherited = {k: v for k, v in os.environ.items() if k.upper() not in left_out}
    return {**inherited, "PYTHONPATH": str(PROJECT), "PYTHONWARNINGS": "ignore", "RUNTIME": "onnx", **extra}


def lacking(advice: str) -> NoReturn:
    """A part that the tests need is not here: CI fails, a user's machine skips with a word of advice."""
    if os.environ.get("CI"):
        pytest.fail(advice)
    pytest.skip(advice)


@contextmanager
def tmpfs(folder: Path, size: str) -> Iterator[Path]:
    """A disk of `size` bytes at `folder`, which is made; a real one, so that it can really be full."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        lacking("The tests of a full disk mount a small one, which takes root.")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def wait_until_gone(pid: int) -> None:
    """Wait until a process has ended, also one that is not our child."""
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.1)


def run_module(module: str, *arguments: object, cwd: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    """`python -m module …` as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=cwd,
        env=environment(**extra),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.fixture(scope="session")
def demo_store() -> None:
    """The demo gallery under the demo model, where `make run` puts it."""
    once("demo", _ingest_the_gallery)


def _ingest_the_gallery(_: Path) -> None:
    done = run_module(
        "ingest", "--model", "demo", "--metadata", "demo/openmoji.jsonl", "data/gallery", cwd=PROJECT
    )
    assert done.returncode == 0, done.stderr
