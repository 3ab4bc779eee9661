"""An object store on this machine: moto's S3, as a process of its own."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localnode.node import free_port

# s3fs has no types.
Client = Any

# moto takes any.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key-of-the-tests", "AWS_SECRET_ACCESS_KEY": "secret-of-the-tests"}


@pytest.fixture(scope="session")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running server."""
    port = free_port()
    said = (tmp_path_factory.mktemp("s3") / "log").open("w+")
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    # Pages of three, so that most listings have several.
    environment = {**os.environ, "MOTO_S3_DEFAULT_MAX_KEYS": "3"}
    with said, subprocess.Popen(command, stdout=said, stderr=said, env=environment) as server:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while not _answers(url):
            if server.poll() is not None or time.monotonic() > deadline:
                server.kill()
                said.seek(0)
                pytest.fail(f"moto does not start: {said.read()}")
            time.sleep(0.1)
        yield url
        server.kill()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310
            return True
    except OSError:
        return False


@pytest.fixture
def s3(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """s3fs on that server, as the environment says, with nothing in it."""
    try:
        import s3fs
    except ImportError:
        from tests.conftest import lacking  # which imports this

        lacking("The tests of object stores take: pip install -r requirements-dev.txt")
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": s3_url, "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    request = urllib.request.Request(f"{s3_url}/moto-api/reset", method="POST")  # noqa: S310
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
    s3fs.S3FileSystem.clear_instance_cache()
    yield s3fs.S3FileSystem(use_listings_cache=False)
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def bucket(s3: Client) -> str:
    """The URL of an empty bucket."""
    s3.call_s3("create_bucket", Bucket="pictures")
    return "s3://pictures"


def put(s3: Client, url: str, content: bytes) -> None:
    """Write an object."""
    bucket, _, key = url.removeprefix("s3://").partition("/")
    s3.call_s3("put_object", Bucket=bucket, Key=key, Body=content)


def put_all(s3: Client, url: str, folder: Path) -> None:
    """Write all files below `folder` under their paths."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            put(s3, f"{url}/{file.relative_to(folder).as_posix()}", file.read_bytes())
