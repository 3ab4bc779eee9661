"""Trained models on the local node: what eland's own code uploads is what the node computes."""

import base64
import json
import os
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from elasticsearch import ApiError, Elasticsearch

from imagesearch.encoders import Model
from localnode import Cluster, Node
from tests.conftest import wait_until_gone
from tests.elastic import TRIAL, built_or_lacking, full_queue

TEXTS = [
    "a mountain covered in snow",
    "雪山",
    "Ä É ß",
    "don't stop-me.now",
    "",
    "word " * 300,
    "a\u200bb\u00a0c\td",
]
LONG = TEXTS.index("word " * 300)
BERT = {"max_sequence_length": 128, "do_lower_case": True}


def config(**tokenization: object) -> dict[str, object]:
    """The configuration of a text embedding model as eland sends it."""
    return {
        "model_type": "pytorch",
        "input": {"field_names": ["text_field"]},
        "inference_config": {"text_embedding": {"tokenization": {"bert": {**BERT, **tokenization}}}},
    }


@pytest.fixture(scope="module")
def files(pair: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What eland makes of the tiny pair's text tower: TorchScript, vocabulary and configuration."""
    from eland.ml.pytorch.transformers import TransformerModel

    folder = tmp_path_factory.mktemp("traced")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing, and of what eland uses of its libraries
        traced = TransformerModel(
            model_id=str(pair / "text"),
            task_type="text_embedding",
            es_version=(9, 5, 3),
            max_model_input_size=128,
        )
        _, made, _ = traced.save(str(folder))
    (folder / "config.json").write_text(json.dumps(made.to_dict()))
    return folder


def upload(client: Elasticsearch, files: Path, model_id: str = "tiny", **start: object) -> None:
    from eland.ml.pytorch import PyTorchModel

    PyTorchModel(client, model_id).import_model(
        model_path=str(files / "traced_pytorch_model.pt"),
        config_path=str(files / "config.json"),
        vocab_path=str(files / "vocabulary.json"),
    )
    client.ml.start_trained_model_deployment(model_id=model_id, wait_for="started", **start)  # type: ignore[arg-type]


def infer(client: Elasticsearch, texts: list[str], model_id: str = "tiny", **more: object) -> np.ndarray:
    docs = [{"text_field": text} for text in texts]
    said = client.ml.infer_trained_model(model_id=model_id, docs=docs, **more)  # type: ignore[arg-type]
    return np.array([one["predicted_value"] for one in said["inference_results"]])


def search(client: Elasticsearch, text: str, model_id: str = "tiny") -> list[str]:
    """The ids that a knn search finds for words which Elasticsearch encodes itself."""
    builder = {"text_embedding": {"model_id": model_id, "model_text": text}}
    knn = {"field": "v", "k": 10, "num_candidates": 10, "query_vector_builder": builder}
    return [hit["_id"] for hit in client.search(index="texts", knn=knn)["hits"]["hits"]]


def index_texts(client: Elasticsearch) -> None:
    field = {"type": "dense_vector", "dims": 512, "similarity": "cosine", "index_options": {"type": "hnsw"}}
    client.indices.create(index="texts", mappings={"properties": {"v": field}})
    for i, vector in enumerate(infer(client, TEXTS)):
        client.index(index="texts", id=str(i), document={"v": vector.tolist()}, refresh=True)


def refused(call: Callable[[], object]) -> tuple[int, str, str]:
    """The status, type and reason with which Elasticsearch refuses a call."""
    with pytest.raises(ApiError) as caught:
        call()
    error = caught.value.body["error"]
    return caught.value.status_code, error["type"], error["reason"]


@pytest.fixture(scope="module")
def client(trial_node: Node, files: Path) -> Iterator[Elasticsearch]:
    """A client of a node on which the tiny model is deployed, under `tiny`."""
    with Elasticsearch(trial_node.url, request_timeout=120) as client:
        upload(client, files)
        index_texts(client)
        yield client


def test_it_computes_what_was_uploaded(client: Elasticsearch, model: Model) -> None:
    computed = infer(client, TEXTS)
    computed /= np.linalg.norm(computed, axis=1, keepdims=True)
    assert np.sum(computed * model.texts.encode(TEXTS), axis=1).min() > 0.99999


def test_a_long_text_is_cut_and_said_to_be(client: Elasticsearch) -> None:
    docs = [{"text_field": text} for text in TEXTS]
    said = client.ml.infer_trained_model(model_id="tiny", docs=docs)["inference_results"]
    assert [i for i, one in enumerate(said) if one.get("is_truncated")] == [LONG]


@pytest.mark.parametrize("i", range(len(TEXTS)))
def test_a_search_encodes_its_words_with_the_model(client: Elasticsearch, i: int) -> None:
    assert search(client, TEXTS[i])[0] == str(i)


def test_the_life_of_a_deployment(client: Elasticsearch, files: Path) -> None:
    ml = client.ml
    upload(client, files, "life", number_of_allocations=2, threads_per_allocation=1, queue_capacity=7)
    started = ml.get_trained_models_stats(model_id="life")["trained_model_stats"][0]["deployment_stats"]
    assert (started["state"], started["allocation_status"]["state"]) == ("started", "fully_allocated")
    assert (started["number_of_allocations"], started["queue_capacity"]) == (2, 7)
    assert started["nodes"][0]["routing_state"] == {"routing_state": "started"}
    again = refused(lambda: ml.start_trained_model_deployment(model_id="life"))
    assert again == (
        409,
        "status_exception",
        "Cannot start deployment [life] because it has already been started",
    )
    in_use = "Cannot delete model [life] as it is currently deployed; use force to delete the model"
    assert refused(lambda: ml.delete_trained_model(model_id="life")) == (409, "status_exception", in_use)
    assert ml.stop_trained_model_deployment(model_id="life") == {"stopped": True}
    unused = (
        "Model [life] must be deployed to use. Please deploy with the start trained model deployment API."
    )
    assert refused(lambda: infer(client, ["a"], "life")) == (409, "status_exception", unused)
    unknown = "[life] is not an inference service model or a deployed ml model"
    assert refused(lambda: search(client, "a", "life")) == (404, "status_exception", unknown)
    assert "deployment_stats" not in ml.get_trained_models_stats(model_id="life")["trained_model_stats"][0]
    ml.start_trained_model_deployment(model_id="life")
    ml.delete_trained_model(model_id="life", force=True)
    assert refused(lambda: ml.get_trained_models(model_id="life"))[0] == 404


def test_what_is_not_there_is_a_404(client: Elasticsearch) -> None:
    ml = client.ml
    for call in (
        lambda: ml.get_trained_models(model_id="no"),
        lambda: ml.get_trained_models(model_id="no", allow_no_match=True),  # it is for wildcards
        lambda: ml.get_trained_models_stats(model_id="no"),
        lambda: ml.delete_trained_model(model_id="no"),
        lambda: ml.start_trained_model_deployment(model_id="no"),
        lambda: infer(client, ["a"], "no"),
        lambda: ml.stop_trained_model_deployment(model_id="no", allow_no_match=False),
    ):
        status, kind, reason = refused(call)
        assert (status, kind) == (404, "resource_not_found_exception")
        assert "[no]" in reason
    assert ml.stop_trained_model_deployment(model_id="no") == {"stopped": True}
    assert ml.get_trained_models(model_id="no*")["count"] == 0


def test_all_models_are_listed(client: Elasticsearch) -> None:
    for asked in (None, "_all", "*", "ti*,no*", "tiny"):
        found = client.ml.get_trained_models(model_id=asked)["trained_model_configs"]
        assert "tiny" in [one["model_id"] for one in found]
        stats = client.ml.get_trained_models_stats(model_id=asked)["trained_model_stats"]
        assert (
            next(s for s in stats if s["model_id"] == "tiny")["model_size_stats"]["model_size_bytes"] > 1000
        )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (config(max_sequence_length=-1), "max_sequence_length"),
        (config(truncate="middle"), "MIDDLE"),
        (config(truncate="none", span=600), "span"),
        (config() | {"inference_config": {"text_embedding": {"tokenization": {"clip": {}}}}}, "clip"),
        (config() | {"inference_config": {"image_embedding": {}}}, "image_embedding"),
        (config() | {"inference_config": {"text_embedding": {"embedding_size": 0}}}, "embedding_size"),
    ],
)
def test_what_elasticsearch_would_refuse_is_refused(
    client: Elasticsearch, body: dict[str, object], reason: str
) -> None:
    with pytest.raises(ApiError) as caught:
        client.ml.put_trained_model(model_id="bad", **body)  # type: ignore[arg-type]
    assert caught.value.status_code == 400
    assert reason in json.dumps(caught.value.body)


def test_a_model_uploaded_in_part_does_not_start(client: Elasticsearch) -> None:
    ml = client.ml
    start = lambda: ml.start_trained_model_deployment(model_id="part")  # noqa: E731
    ml.put_trained_model(model_id="part", **config())  # type: ignore[arg-type]
    existing = "Trained machine learning model [part] already exists"
    put_again = lambda: ml.put_trained_model(model_id="part", **config())  # type: ignore[arg-type]  # noqa: E731
    assert refused(put_again) == (400, "resource_already_exists_exception", existing)
    assert refused(start)[0] == 404
    part = {
        "definition": base64.b64encode(b"x" * 10).decode(),
        "total_definition_length": 20,
        "total_parts": 2,
    }
    ml.put_trained_model_definition_part(model_id="part", part=0, **part)  # type: ignore[arg-type]
    assert refused(start)[0] == 409
    ml.put_trained_model_definition_part(model_id="part", part=1, **part)  # type: ignore[arg-type]
    assert "vocabulary" in refused(start)[2]
    ml.put_trained_model_vocabulary(model_id="part", vocabulary=["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    assert refused(start) == (500, "status_exception", "inference process died unexpectedly")
    ml.delete_trained_model(model_id="part")


def test_a_text_that_must_not_be_cut_is_refused(client: Elasticsearch, files: Path, tmp_path: Path) -> None:
    strict = tmp_path / "strict"
    strict.mkdir()
    for file in files.iterdir():
        (strict / file.name).write_bytes(file.read_bytes())
    body = json.loads((strict / "config.json").read_text())
    body["inference_config"]["text_embedding"]["tokenization"]["bert"]["truncate"] = "none"
    (strict / "config.json").write_text(json.dumps(body))
    upload(client, strict, "strict")
    status, _, reason = refused(lambda: infer(client, [TEXTS[LONG]], "strict"))
    assert status == 400
    assert "exceeds the maximum sequence length [128]" in reason
    client.ml.delete_trained_model(model_id="strict", force=True)


def test_a_full_queue_is_a_429(client: Elasticsearch, trial_node: Node, files: Path) -> None:
    full = (
        429,
        "es_rejected_execution_exception",
        "inference process queue is full. Unable to execute command",
    )
    upload(client, files, "busy", queue_capacity=2)
    with full_queue(trial_node, "busy"):
        before = rejected(client, "busy")
        assert refused(lambda: infer(client.options(max_retries=0), ["a"], "busy")) == full
        assert refused(lambda: search(client.options(max_retries=0), "a", "busy")) == full
        assert rejected(client, "busy") == before + 2
    assert infer(client, ["a"], "busy").shape == (1, 512)
    assert (
        refused(lambda: infer(client.options(max_retries=0), ["a"] * 99, "busy")) == full
    )  # each text counts
    client.ml.delete_trained_model(model_id="busy", force=True)


def rejected(client: Elasticsearch, model_id: str) -> int:
    stats = client.ml.get_trained_models_stats(model_id=model_id)["trained_model_stats"][0]
    return int(stats["deployment_stats"].get("rejected_execution_count", 0))


def test_an_answer_that_takes_too_long_is_a_408(client: Elasticsearch, trial_node: Node) -> None:
    late = (408, "status_exception", "timeout [200ms] waiting for inference result")
    process = trial_node.inference_pid("tiny")
    os.kill(process, signal.SIGSTOP)
    try:
        assert refused(lambda: infer(client, ["a"], timeout="200ms")) == late
    finally:
        os.kill(process, signal.SIGCONT)
    assert infer(client, ["a"]).shape == (1, 512)


def test_a_process_that_died_is_started_again(client: Elasticsearch, trial_node: Node) -> None:
    process = trial_node.inference_pid("tiny")
    os.kill(process, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while trial_node.inference_pid("tiny") == process:
        assert time.monotonic() < deadline
        with suppress(ApiError):  # it may be asked before its end is noticed
            infer(client, ["a"])
    assert infer(client, ["a"]).shape == (1, 512)


def test_models_survive_a_crash_and_their_processes_do_not(tmp_path: Path, files: Path) -> None:
    built_or_lacking()
    node = Node(tmp_path, settings=TRIAL)
    with node, Elasticsearch(node.url, request_timeout=120, retry_on_timeout=True) as client:
        upload(client, files)
        before = infer(client, TEXTS)
        for end in (node.kill, node.stop):
            process = node.inference_pid("tiny")
            end()
            wait_until_gone(process)
            node.start()
            assert np.array_equal(infer(client, TEXTS), before)


def test_every_node_of_a_cluster_knows_the_model(tmp_path: Path, files: Path) -> None:
    built_or_lacking()
    with Cluster(tmp_path, settings=TRIAL) as cluster:
        first, second, third = (Elasticsearch(url, request_timeout=120) for url in cluster.urls)
        upload(first, files)
        assert np.array_equal(infer(second, TEXTS), infer(first, TEXTS))
        before = infer(second, TEXTS)
        cluster.nodes[0].kill()
        assert np.array_equal(infer(third, TEXTS), before)
        third.ml.stop_trained_model_deployment(model_id="tiny")
        assert refused(lambda: infer(second, ["a"]))[0] == 409
        for client in (first, second, third):
            client.close()


def test_without_the_licence_nothing_is_computed(tmp_path: Path, files: Path) -> None:
    built_or_lacking()
    with Node(tmp_path) as node, Elasticsearch(node.url, request_timeout=120) as client:
        refusal = (403, "security_exception", "current license is non-compliant for [ml]")
        assert refused(lambda: upload(client, files)) == refusal
        assert client.license.post_start_trial(acknowledge=True)["trial_was_started"]
        upload(client, files)
        index_texts(client)
        assert client.license.post_start_basic(acknowledge=True)["basic_was_started"]
        assert refused(lambda: infer(client, ["a"])) == refusal
        assert refused(lambda: search(client, "a")) == refusal
        assert client.ml.get_trained_models_stats(model_id="tiny")["count"] == 1
        client.ml.stop_trained_model_deployment(model_id="tiny")
        assert refused(lambda: client.ml.start_trained_model_deployment(model_id="tiny")) == refusal
        client.ml.delete_trained_model(model_id="tiny")
        with pytest.raises(ApiError, match="Trial was already activated"):
            client.license.post_start_trial(acknowledge=True)


def test_a_trial_ends(tmp_path: Path) -> None:
    built_or_lacking()
    with Node(tmp_path, settings=TRIAL) as node, Elasticsearch(node.url) as client:
        assert client.license.get()["license"]["type"] == "trial"
    later = Node(tmp_path, settings=TRIAL, jvm=["-Dlocalnode.days_later=31"])
    with later, Elasticsearch(later.url) as client:
        put = lambda: client.ml.put_trained_model(model_id="late", **config())  # type: ignore[arg-type]  # noqa: E731
        assert refused(put)[2] == "current license is non-compliant for [ml]"
