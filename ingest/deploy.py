"""`python -m ingest deploy-model`: the pair's text model in Elasticsearch. The only importer of eland.

eland makes of a model what Elasticsearch runs: a TorchScript, a vocabulary and a configuration.
"""

import base64
import json
import logging
import math
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from imagesearch.elastic import Client
from imagesearch.elastic.licence import require_licence
from imagesearch.elastic.texts import inference_body, text_model_id
from imagesearch.encoders import Model, fingerprint
from imagesearch.errors import ModelUnavailable, TextModelUnavailable
from ingest.deployed import Deployed, Say, Version, check_version, look, remove, stop
from ingest.progress import ProgressBar

if TYPE_CHECKING:
    from eland.ml.pytorch.nlp_ml_model import NlpTrainedModelConfig

# A deployment whose embeddings are less similar than this to those made here is not the same model.
LEAST_COSINE = 0.999
# What it is checked with: scripts that are split into words differently, and more than the model takes.
SENTENCES = (
    "a mountain covered in snow",
    "two red apples, 3 green ones & a half-eaten pear!",
    "Ein Hund läuft über den Strand",
    "Un café à Montréal, l'été",
    "İstanbul'da gün batımı",
    "Ночная улица в Москве",
    "雪山",
    "犬と猫が遊んでいる",
    "바다 위의 배",
    "قطة صغيرة",
    "बर्फ़ से ढका पहाड़",
    "a long walk through the hills " * 50,
)

_PART = 2**20  # bytes of a part, as eland cuts a model
_TOKENS = 128  # the longest input of a model that does not say
_START_SECONDS, _LOOK_SECONDS = 600, 1


@dataclass(frozen=True)
class Traced:
    """What eland makes of a model: two files, and the configuration to send."""

    definition: Path
    vocabulary: Path
    config: "NlpTrainedModelConfig"


@dataclass(frozen=True)
class TextDeployer:
    """Brings the text model of a pair into Elasticsearch.

    `allocations` are how many requests it answers at a time, `threads` how many processors each takes;
    None leaves what is.
    """

    client: Client
    model: Model
    say: Say
    allocations: int | None = None
    threads: int | None = None

    @property
    def id(self) -> str:
        """The model's id in Elasticsearch."""
        return text_model_id(self.model.spec)

    def run(self, progress_bar: ProgressBar, *, start_trial: bool = False) -> float:
        """Import, start and check the model, leaving as it is what is done already.

        Returns the lowest cosine between an embedding of the deployed model and the one made here. Raises
        TextModelUnavailable if the licence has no machine learning, or the model does not start or gives
        other embeddings; BadSetting for a version that cannot work; ModelUnavailable; StoreUnavailable.
        """
        server = check_version(self.client, self.say)
        require_licence(self.client, self.say, start_trial=start_trial)
        mark = fingerprint(self.model.text_folder)
        found = look(self.client, self.id)
        if found and (found.fingerprint != mark or not found.complete):
            what = "is another model" if found.complete else "was brought there only in part"
            self.say(f"{self.id} in Elasticsearch {what}; it is replaced.")
            remove(self.client, self.id)
            found = None
        if found is None:
            self._import(server, mark, progress_bar)
        self._start(found)
        return self._check()

    def _import(self, server: Version, mark: str, progress_bar: ProgressBar) -> None:
        with TemporaryDirectory() as folder:
            self.say(f"Preparing {self.id} …")
            with _silence():
                traced = _trace(self.model.text_folder, server, Path(folder))
            traced.config.description = f"The text model of {self.model.spec.name}"
            traced.config.metadata = {
                **(traced.config.metadata or {}),
                # eland counts the weights twice: what it loads, and what sentence-transformers 5.7 runs.
                "per_deployment_memory_bytes": traced.definition.stat().st_size,
                "fingerprint": mark,
            }
            self.say(f"Uploading {self.id} …")
            self._upload(traced, progress_bar)

    def _upload(self, traced: Traced, progress_bar: ProgressBar) -> None:
        from eland.ml.pytorch import PyTorchModel

        self.client.ask(lambda es: PyTorchModel(es, self.id).put_config(config=traced.config))
        # Before the parts: whether these are complete Elasticsearch can tell.
        self.client.ask(lambda es: PyTorchModel(es, self.id).put_vocab(str(traced.vocabulary)))
        size = traced.definition.stat().st_size
        with progress_bar(total=size) as progress, traced.definition.open("rb") as file:
            for i in range(math.ceil(size / _PART)):
                self._put_part(i, part := file.read(_PART), size)
                progress.update(len(part))

    def _put_part(self, i: int, part: bytes, size: int) -> None:
        """One request, so that one that fails for a passing reason is tried again by itself."""
        self.client.ask(
            lambda es: es.ml.put_trained_model_definition_part(
                model_id=self.id,
                part=i,
                definition=base64.b64encode(part).decode(),
                total_definition_length=size,
                total_parts=math.ceil(size / _PART),
            )
        )

    def _start(self, found: Deployed | None) -> None:
        if found and found.state and not self._as_asked(found):
            stop(self.client, self.id)
            found = None
        if found is None or found.state is None:
            self.say(f"Starting {self.id} …")
            # 409: an earlier try did start it, and its answer was lost.
            self.client.ask(
                lambda es: es.options(ignore_status=409).ml.start_trained_model_deployment(
                    model_id=self.id,
                    wait_for="starting",
                    number_of_allocations=self.allocations,
                    threads_per_allocation=self.threads,
                )
            )
        self._wait()

    def _as_asked(self, found: Deployed) -> bool:
        pairs = ((self.allocations, found.allocations), (self.threads, found.threads))
        return all(asked in (None, now) for asked, now in pairs)

    def _wait(self) -> None:
        """Until it is started. Raises TextModelUnavailable if it failed, or takes too long."""
        deadline = time.monotonic() + _START_SECONDS
        while (now := look(self.client, self.id)) is None or now.state != "started":
            if now is None or now.state in (None, "failed", "stopping") or time.monotonic() > deadline:
                state = (now and now.state) or "stopped"
                why = (now and now.reason) or "its log says why"
                raise TextModelUnavailable(
                    f"{self.id} does not start in Elasticsearch at {self.client.place}: it is {state} "
                    f"({why}). Give its machine learning nodes more memory, or ask for fewer --allocations."
                )
            time.sleep(_LOOK_SECONDS)

    def _check(self) -> float:
        """The lowest cosine. Raises TextModelUnavailable, with the model stopped, if it is too low."""
        theirs = self._infer(SENTENCES)
        ours = self.model.texts.encode(SENTENCES)
        cosines = np.sum(theirs * ours, axis=1) / np.linalg.norm(theirs, axis=1)
        worst = int(np.argmin(cosines))
        if not cosines[worst] >= LEAST_COSINE:
            stop(self.client, self.id)
            raise TextModelUnavailable(
                f"{self.id} in Elasticsearch gives other embeddings than the model here: their cosine is "
                f"{cosines[worst]:.4f} for {SENTENCES[worst][:40]!r}, and has to be {LEAST_COSINE}. It was "
                "stopped, so words are encoded in this program. Compare the tokenizer files of the model's "
                "text folder with those it was published with."
            )
        return float(cosines[worst])

    def _infer(self, texts: tuple[str, ...]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        """float64, shape (n, dims), of any length."""
        body = inference_body(list(texts))
        answer = self.client.ask(
            lambda es: es.options(request_timeout=60).ml.infer_trained_model(
                model_id=self.id, timeout="50s", **body
            )
        )
        return np.array([result["predicted_value"] for result in answer["inference_results"]])


def _trace(folder: Path, server: Version, into: Path) -> Traced:
    """What eland makes of the text tower in `folder`. Raises ModelUnavailable if it cannot."""
    from eland.ml.pytorch.transformers import TransformerModel

    try:
        # With the version, eland says how long the embeddings are.
        transformer = TransformerModel(
            model_id=str(folder),
            task_type="text_embedding",
            es_version=server,
            max_model_input_size=_longest_input(folder),
        )
        definition, config, vocabulary = transformer.save(str(into))
    except (AttributeError, ImportError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise ModelUnavailable(
            f"The text model in {folder} cannot be made into one that Elasticsearch runs: {error}. eland "
            "takes models with the tokenizer of BERT, with its vocab.txt."
        ) from error
    return Traced(Path(definition), Path(vocabulary), config)


def _longest_input(folder: Path) -> int:
    """Where the model here cuts a text, in tokens."""
    try:
        settings = json.loads((folder / "sentence_bert_config.json").read_text(encoding="utf-8"))
        return int(settings["max_seq_length"])
    except (OSError, ValueError, LookupError, TypeError):
        return _TOKENS


@contextmanager
def _silence() -> Iterator[None]:
    """What tracing and its libraries warn of is for who writes models."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
