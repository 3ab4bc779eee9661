"""`python -m localnode`, as people run it."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import requests
from click.testing import CliRunner

from localnode.__main__ import main
from localnode.node import free_port
from tests.conftest import environment
from tests.elastic import built_or_lacking


def test_it_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    built_or_lacking()
    command = [sys.executable, "-m", "localnode", "--port", str(free_port()), "--folder", str(tmp_path)]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        (url,) = re.findall(r"http://127\.0\.0\.1:\d+", running.stdout.readline())
        assert requests.get(url, timeout=30).ok
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0
    assert (tmp_path / "data").is_dir()


def test_several_nodes_and_a_port_are_refused() -> None:
    refused = CliRunner().invoke(main, ["--port", "9200", "--nodes", "3"])
    assert refused.exit_code == 2
    assert "--port is for a single node" in refused.output
