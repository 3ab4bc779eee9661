"""A real Elasticsearch node, or a cluster of them, from Maven's jars: no Docker, nothing installed.

For tests, benchmarks, notebooks and for trying things out (`python -m localnode`). It is not for
keeping pictures in: it lacks what no registry has (security, native vector code, most processors).
"""

from localnode.cluster import Cluster
from localnode.errors import LocalNodeError
from localnode.jars import build
from localnode.node import Node

__all__ = ["Cluster", "LocalNodeError", "Node", "build"]
