"""Several nodes that are one cluster."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import requests

from localnode.errors import LocalNodeError
from localnode.node import Node, free_port

_GREEN_SECONDS = 120


class Cluster:
    """`nodes` nodes below `folder`, each with a folder of its own; see Node for the rest."""

    def __init__(
        self,
        folder: Path,
        nodes: int = 3,
        settings: Mapping[str, str] = {},
        jvm: Sequence[str] = (),
        heap_mb: int = 512,
        fast_start: bool = True,
    ) -> None:
        names = [f"node-{i}" for i in range(nodes)]
        transports = {name: free_port() for name in names}
        shared = {
            "discovery.type": "multi-node",
            "discovery.seed_hosts": ",".join(f"127.0.0.1:{port}" for port in transports.values()),
            "cluster.initial_master_nodes": ",".join(names),
        }
        self.nodes = [
            Node(
                folder / name,
                settings={**shared, "node.name": name, "transport.port": str(transport), **settings},
                jvm=[f"-Dlocalnode.models={folder / 'models'}", *jvm],
                heap_mb=heap_mb,
                fast_start=fast_start,
            )
            for name, transport in transports.items()
        ]

    @property
    def urls(self) -> list[str]:
        """Where each node answers."""
        return [node.url for node in self.nodes]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start all nodes and wait until they are one cluster and it is green. Raises LocalNodeError."""
        try:
            for node in self.nodes:
                node.launch()
            for node in self.nodes:
                node.wait_until_ready()
            self.wait_until_green()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all nodes that run."""
        for node in self.nodes:
            node.stop()

    def wait_until_green(self) -> None:
        """Wait until every node is in the cluster and every shard has its copies. Raises LocalNodeError."""
        wanted = {"wait_for_status": "green", "wait_for_nodes": str(len(self.nodes)), "timeout": "5s"}
        deadline = time.monotonic() + _GREEN_SECONDS
        while requests.get(f"{self.urls[0]}/_cluster/health", wanted, timeout=30).status_code != 200:
            if time.monotonic() > deadline:
                raise LocalNodeError(f"The cluster of {len(self.nodes)} nodes did not become green.")
