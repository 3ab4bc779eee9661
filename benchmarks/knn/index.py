"""One index of the benchmark in Elasticsearch: made, filled, merged, asked, weighed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from elasticsearch import Elasticsearch, helpers

from benchmarks.knn.pictures import entries
from benchmarks.knn.vectors import BATCH, DIMS, Batch, World
from imagesearch.config import IndexType
from imagesearch.elastic.documents import to_document
from imagesearch.elastic.mapping import IndexPlan, index_body, loading_settings

_CHUNK = 500
_THREADS = 2


@dataclass(frozen=True)
class Index:
    """An index with one shard and no replica, of one kind, such as int8_hnsw."""

    client: Elasticsearch
    name: str
    kind: IndexType

    def create(self) -> None:
        """As the application makes it for the load, but for files that can be told apart by their endings."""
        body = index_body(IndexPlan(self.kind), DIMS, meta={})
        body["settings"]["index"] |= loading_settings(alone=True) | {"compound_format": False}
        self.client.indices.create(index=self.name, **body)

    def exists(self) -> bool:
        return bool(self.client.indices.exists(index=self.name))

    def delete(self) -> None:
        self.client.options(ignore_status=404).indices.delete(index=self.name)

    def load(self, world: World, start: int, size: int) -> Iterator[int]:
        """Write the pictures from `start` (a multiple of 10,000) to `size`; yields how many are in."""
        for batch in world.batches(size, start):
            actions = helpers.parallel_bulk(
                self.client, self._documents(batch), thread_count=_THREADS, chunk_size=_CHUNK
            )
            for _ in actions:
                pass
            yield min(batch.start + BATCH, size)
        self.client.indices.refresh(index=self.name)

    def merge(self) -> None:
        """Make one segment of all, however long that takes."""
        self.client.options(request_timeout=24 * 3600).indices.forcemerge(index=self.name, max_num_segments=1)
        self.client.indices.refresh(index=self.name)

    def filter_by(self, heuristic: str) -> None:
        """How filtered searches walk the graph: `acorn` (Elasticsearch's default) or `fanout`."""
        setting = {"index.dense_vector.hnsw_filter_heuristic": heuristic}
        self.client.indices.put_settings(index=self.name, settings=setting)

    def segments(self) -> list[int]:
        """Documents in each segment, largest first."""
        shards = self.client.indices.segments(index=self.name)["indices"][self.name]["shards"]
        return sorted((s["num_docs"] for s in shards["0"][0]["segments"].values()), reverse=True)

    def disk(self) -> dict[str, int]:
        """Bytes by the ending of the files that hold them, and their sum as `total`."""
        stats = self.client.indices.stats(
            index=self.name, metric="segments,store", include_segment_file_sizes=True
        )
        primaries = stats["indices"][self.name]["primaries"]
        files = primaries["segments"]["file_sizes"]
        return {"total": primaries["store"]["size_in_bytes"]} | {
            ending: sizes["size_in_bytes"] for ending, sizes in sorted(files.items())
        }

    def _documents(self, batch: Batch) -> Iterator[dict[str, Any]]:
        for entry in entries(batch):
            yield {"_index": self.name, "_id": entry.picture.id, **to_document(entry)}


def connect(url: str) -> Elasticsearch:
    """A client that waits for long answers and never asks twice."""
    return Elasticsearch(url, request_timeout=600, max_retries=0)


def node_cpu(client: Elasticsearch) -> float:
    """Seconds of CPU time that the nodes have used since they started."""
    nodes = client.nodes.stats(metric="process")["nodes"].values()
    return sum(int(node["process"]["cpu"]["total_in_millis"]) for node in nodes) / 1000


def heap_mb(client: Elasticsearch) -> dict[str, int]:
    """How much of its heap the fullest node uses, garbage included, and how much it may."""
    nodes = client.nodes.stats(metric="jvm")["nodes"].values()
    most = max((node["jvm"]["mem"] for node in nodes), key=lambda memory: memory["heap_used_in_bytes"])
    return {"used": most["heap_used_in_bytes"] >> 20, "most": most["heap_max_in_bytes"] >> 20}
