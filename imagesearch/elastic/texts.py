"""Words encoded by the text model that is deployed in Elasticsearch, where there is one."""

import logging
import threading
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from imagesearch.config import TextEncoding
from imagesearch.elastic.client import Client
from imagesearch.encoders import Model, ModelSpec, fingerprint
from imagesearch.errors import ImageSearchError, TextModelUnavailable
from imagesearch.records import FloatArray, ModelText
from imagesearch.texts import LocalTexts, TextState

log = logging.getLogger(__name__)

TEXT_FIELD = "text_field"
# The levels that include machine learning (docs/running.md).
WITH_ML = frozenset({"trial", "platinum", "enterprise"})
# For how many seconds it is believed what was found out.
_BELIEVED = 30
# How many seconds it may take to find out, and to encode: longer, and this process does it sooner.
_LOOK_SECONDS, _INFER_SECONDS = 5, 10


def text_model_id(spec: ModelSpec) -> str:
    """The id of the pair's text model in Elasticsearch: of one from the hub as eland names it."""
    name = f"{spec.name}-text" if Path(spec.text).is_absolute() else spec.text
    return name.replace("/", "__").lower()


def inference_body(words: list[str]) -> dict[str, Any]:
    """The body of `POST _ml/trained_models/<id>/_infer`."""
    return {"docs": [{TEXT_FIELD: text} for text in words]}


class ElasticTexts:
    """Encodes in Elasticsearch as `asked`; `auto` does so where it can, and locally while it cannot."""

    def __init__(self, client: Client, asked: TextEncoding) -> None:
        self._client = client
        self._asked = asked
        self._local = LocalTexts()
        self._lock = threading.Lock()
        self._states: dict[str, tuple[float, TextState]] = {}
        self._fingerprint = cache(fingerprint)

    def vector(self, model: Model, words: str) -> FloatArray:
        if self.state(model).way != "local":
            try:
                return self._infer(model, words)
            except ImageSearchError as error:
                self.fall_back(TextModelUnavailable(str(error)))
        return self._local.vector(model, words)

    def text(self, model: Model, words: str) -> ModelText | None:
        if self.state(model).way != "one-trip":
            return None
        return ModelText(text_model_id(model.spec), words)

    def fall_back(self, error: TextModelUnavailable) -> None:
        if self._asked != "auto":
            raise error
        log.warning("Words are encoded in this process for now: %s", error)
        down = TextState("local", "the model in Elasticsearch could not encode just now", str(error))
        with self._lock:
            for id in self._states:
                self._states[id] = (time.monotonic(), down)

    def state(self, model: Model) -> TextState:
        if self._asked != "auto":
            return TextState(self._asked, "set so by TEXT_ENCODING")
        id = text_model_id(model.spec)
        with self._lock:
            found, state = self._states.get(id, (-float(_BELIEVED), None))
            if state and time.monotonic() - found < _BELIEVED:
                return state
        try:
            now = self._look(model, id)
        except ImageSearchError as error:
            now = TextState("local", "Elasticsearch could not be asked for its model", str(error))
        with self._lock:
            before = self._states.get(id)
            self._states[id] = (time.monotonic(), now)
        if before is None or before[1].way != now.way:
            level = logging.INFO if before is None else logging.WARNING
            log.log(level, "Words are encoded by %r: %s. %s", now.way, now.reason, now.cause)
        return now

    def _look(self, model: Model, id: str) -> TextState:
        """What the licence, the model and its deployment allow."""
        client = self._client.hurried(_LOOK_SECONDS)
        licence = client.ask(lambda es: es.license.get())["license"]
        if licence["type"] not in WITH_ML or licence["status"] != "active":
            return TextState(
                "local", f"the licence of Elasticsearch is {licence['status']} and {licence['type']}"
            )
        found = client.ask(lambda es: es.options(ignore_status=404).ml.get_trained_models(model_id=id).body)
        if not found.get("trained_model_configs"):
            return TextState("local", f"the model {id} is not in Elasticsearch")
        metadata = found["trained_model_configs"][0].get("metadata") or {}
        if metadata.get("fingerprint") != self._fingerprint(model.text_folder):
            return TextState("local", f"the model {id} in Elasticsearch has other weights than the one here")
        stats = client.ask(lambda es: es.ml.get_trained_models_stats(model_id=id).body)
        deployment = stats["trained_model_stats"][0].get("deployment_stats") or {}
        if deployment.get("state") != "started":
            return TextState("local", f"the model {id} is not started in Elasticsearch")
        return TextState("one-trip", f"the model {id} is started in Elasticsearch")

    def _infer(self, model: Model, words: str) -> FloatArray:
        id = text_model_id(model.spec)
        body = inference_body([words])
        client = self._client.hurried(_INFER_SECONDS)
        answer = client.ask(lambda es: es.ml.infer_trained_model(model_id=id, **body))
        result = answer["inference_results"][0]
        if "predicted_value" not in result:
            raise TextModelUnavailable(f"The model {id} in Elasticsearch gave no embedding ({result}).")
        vector = np.asarray(result["predicted_value"], dtype=np.float32)
        unit: FloatArray = vector / np.linalg.norm(vector)
        return unit
