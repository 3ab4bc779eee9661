"""The local node: it answers, keeps its data over a crash, and leaves nothing behind."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from localnode import Cluster, LocalNodeError, Node
from tests.conftest import environment, wait_until_gone
from tests.elastic import built_or_lacking


def index_one(url: str) -> None:
    body = {"settings": {"number_of_replicas": 0}}
    requests.put(f"{url}/things", json=body, timeout=30).raise_for_status()
    requests.put(f"{url}/things/_doc/1", json={"a": 1}, timeout=30).raise_for_status()


def test_the_shared_node_is_elasticsearch(elastic_url: str) -> None:
    said = requests.get(elastic_url, timeout=30).json()
    assert said["version"]["number"] == "9.5.3"
    assert requests.get(f"{elastic_url}/_license", timeout=30).json()["license"]["type"] == "basic"


def test_it_listens_on_this_machine_only(node: Node) -> None:
    info = requests.get(f"{node.url}/_nodes/http,transport", timeout=30).json()["nodes"].values()
    addresses = [at for one in info for kind in ("http", "transport") for at in one[kind]["bound_address"]]
    assert len(addresses) == 2
    assert all(address.startswith("127.0.0.1:") for address in addresses)


def test_data_outlive_stop_and_kill(tmp_path: Path) -> None:
    built_or_lacking()
    node = Node(tmp_path)
    with node:
        index_one(node.url)
        for end in (node.kill, node.stop):
            url, pid = node.url, node.pid
            end()
            wait_until_gone(pid)
            node.start()
            assert node.url == url
            assert requests.get(f"{url}/things/_doc/1", timeout=30).json()["found"]


def test_a_paused_node_is_silent_and_goes_on(tmp_path: Path) -> None:
    built_or_lacking()
    with Node(tmp_path) as node:
        node.pause()
        with pytest.raises(requests.Timeout):
            requests.get(node.url, timeout=1)
        node.resume()
        assert requests.get(node.url, timeout=30).ok
        node.pause()  # a paused one can be stopped, too
        pid = node.pid
    wait_until_gone(pid)


def test_no_node_outlives_who_started_it(tmp_path: Path) -> None:
    built_or_lacking()
    code = (
        "import os, pathlib, sys; from localnode import Node; node = Node(pathlib.Path(sys.argv[1])); "
        "node.start(); print(node.pid, flush=True); os._exit(1)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path], env=environment(), capture_output=True, text=True, check=False
    )
    wait_until_gone(int(done.stdout))


def test_a_node_that_cannot_start_says_why(tmp_path: Path) -> None:
    built_or_lacking()
    node = Node(tmp_path, settings={"no.such.setting": "1"})
    with pytest.raises(LocalNodeError, match=r"unknown setting \[no\.such\.setting\]"):
        node.start()
    with pytest.raises(LocalNodeError, match="does not run"):
        os.kill(node.pid, 0)


def test_a_cluster_goes_on_without_one_of_its_nodes(tmp_path: Path) -> None:
    built_or_lacking()
    with Cluster(tmp_path) as cluster:
        body = {"settings": {"number_of_replicas": 1}}
        url = f"{cluster.urls[0]}/things"
        requests.put(f"{url}?wait_for_active_shards=all", json=body, timeout=30).raise_for_status()
        requests.put(f"{url}/_doc/1", json={"a": 1}, timeout=30).raise_for_status()
        cluster.nodes[0].kill()
        deadline = time.monotonic() + 60
        while not found(cluster.urls[1]):
            assert time.monotonic() < deadline
        cluster.nodes[0].start()
        cluster.wait_until_green()
        assert found(cluster.urls[0])


def found(url: str) -> bool:
    return requests.get(f"{url}/things/_doc/1", timeout=60).ok
