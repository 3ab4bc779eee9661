"""The text model in Elasticsearch goes away between two queries: words are encoded here instead."""

import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner
from flask.testing import FlaskClient

from app import create_app
from imagesearch.clip import open_model
from imagesearch.elastic.texts import text_model_id
from ingest.__main__ import main
from localnode import Node
from tests.conftest import copy_of
from tests.elastic import full_queue
from tests.faults.bench import Bench, wait_until
from tests.faults.conftest import MakeBench

QUERY = "/api/search?q=a+mountain+covered+in+snow&k=20"


@dataclass(frozen=True)
class Deployed:
    """An application whose words are encoded by a model that is deployed at `node`."""

    node: Node
    client: FlaskClient
    model_id: str

    def find(self) -> dict[str, float]:
        """The pictures found by words, each with its score."""
        answer = self.client.get(QUERY)
        assert answer.status_code == 200, answer.text
        return {result["id"]: result["score"] for result in answer.get_json()["results"]}

    def way(self) -> str:
        """How words are encoded, as the application says."""
        return str(self.client.get("/health").get_json()["text_encoding"]["name"])

    def deployment(self, action: str) -> None:
        """Start or stop it."""
        url = f"{self.node.url}/_ml/trained_models/{self.model_id}/deployment/{action}"
        requests.post(url, timeout=60).raise_for_status()


@pytest.fixture
def bench(trial_node: Node, make_bench: MakeBench, pair: Path, tmp_path: Path) -> Bench:
    """20 pictures, and a model of their own that is deployed."""
    made = replace(make_bench(trial_node.url, 20), pair=copy_of(pair, tmp_path / "own"))
    assert made.ingest().exit_code == 0
    where = ("--model", str(made.pair), "--store", trial_node.url)
    done = CliRunner().invoke(main, ["deploy-model", "--quiet", *where])
    assert done.exit_code == 0, done.output
    return made


@pytest.fixture
def deployed(bench: Bench, trial_node: Node, tmp_path: Path) -> Iterator[Deployed]:
    model = open_model(str(bench.pair))
    app = create_app(bench.settings(data=tmp_path / "data"), model)
    yield Deployed(trial_node, app.test_client(), text_model_id(model.spec))
    app.extensions["services"].store.close()


@contextmanager
def stopped(deployed: Deployed) -> Iterator[None]:
    """Somebody stops it."""
    deployed.deployment("_stop?force=true")
    yield
    deployed.deployment("_start?wait_for=started")


@contextmanager
def overrun(deployed: Deployed) -> Iterator[None]:
    """Its queue is full, a short one."""
    deployed.deployment("_stop?force=true")
    deployed.deployment("_start?wait_for=started&queue_capacity=2")
    with full_queue(deployed.node, deployed.model_id):
        yield


@contextmanager
def hanging(deployed: Deployed) -> Iterator[None]:
    """Its process takes requests and answers none."""
    process = deployed.node.inference_pid(deployed.model_id)
    os.kill(process, signal.SIGSTOP)
    yield
    os.kill(process, signal.SIGCONT)


@pytest.mark.parametrize("away", [stopped, overrun, pytest.param(hanging, marks=pytest.mark.long)])
def test_the_same_is_found_with_words_encoded_here(
    deployed: Deployed,
    away: Callable[[Deployed], AbstractContextManager[None]],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = deployed.find()
    assert len(before) == 20
    assert deployed.way() == "one-trip"
    with away(deployed), caplog.at_level(logging.WARNING):
        assert deployed.find() == pytest.approx(before, abs=1e-5)
        assert "Words are encoded in this process for now" in caplog.text
        assert deployed.way() == "local"
        caplog.clear()
        assert deployed.find() == pytest.approx(before, abs=1e-5)
        assert not caplog.text, "once is enough"
    monkeypatch.setattr("imagesearch.elastic.texts._BELIEVED", 0)
    wait_until(lambda: deployed.way() == "one-trip", "it is used again")
    assert deployed.find() == pytest.approx(before, abs=1e-5)


@pytest.mark.parametrize("way", ["infer", "one-trip"])
def test_asked_for_by_name_it_is_missed(bench: Bench, trial_node: Node, tmp_path: Path, way: str) -> None:
    model = open_model(str(bench.pair))
    app = create_app(bench.settings(data=tmp_path / "data", text_encoding=way), model)
    deployed = Deployed(trial_node, app.test_client(), text_model_id(model.spec))
    before = deployed.find()
    with stopped(deployed):
        answer = deployed.client.get(QUERY)
        assert answer.status_code == 503
        assert answer.get_json(force=True)["type"] == "/api/problems/text-model-unavailable"
        similar = deployed.client.get(f"/api/search?like={next(iter(before))}")
        assert similar.status_code == 200
    assert deployed.find() == before
    app.extensions["services"].store.close()
