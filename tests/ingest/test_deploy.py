"""`python -m ingest deploy-model`, with eland's own code and a real node that runs what it uploads."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest
import requests
from click.testing import CliRunner, Result

from imagesearch.clip import open_model
from imagesearch.config import TextEncoding, load_settings
from imagesearch.elastic import Client, connect
from imagesearch.elastic.texts import ElasticTexts, text_model_id
from imagesearch.encoders import CLIP, find_spec, fingerprint
from imagesearch.errors import BadSetting
from imagesearch.records import NO_FILTERS, Entry, Window
from imagesearch.search import Query, Searcher
from imagesearch.store import Store, default_location, open_store
from ingest.__main__ import main
from ingest.deploy import LEAST_COSINE, TextDeployer
from ingest.deployed import Deployed, check_version, look
from localnode import Node
from tests.conftest import copy_of
from tests.elastic import built_or_lacking, index_at
from tests.stores import Place


@dataclass(frozen=True)
class Target:
    """A node, and a pair of its own whose text model goes there."""

    url: str
    pair: Path

    @property
    def id(self) -> str:
        return text_model_id(find_spec(str(self.pair)))

    @property
    def client(self) -> Client:
        return connect(load_settings(), self.url, 10)

    def deploy(self, *options: object) -> Result:
        given = ("deploy-model", "--quiet", "--store", self.url, "--model", self.pair, *options)
        return CliRunner().invoke(main, [*map(str, given)])

    def deployed(self, *options: object) -> Deployed:
        """What is there after a run that went well."""
        result = self.deploy(*options)
        assert result.exit_code == 0, result.output
        return self.there()

    def there(self) -> Deployed:
        found = look(self.client, self.id)
        assert found
        return found

    def config(self) -> dict[str, Any]:
        found = requests.get(f"{self.url}/_ml/trained_models/{self.id}", timeout=30).json()
        config: dict[str, Any] = found["trained_model_configs"][0]
        return config


@pytest.fixture
def target(trial_node: Node, pair: Path, tmp_path: Path) -> Iterator[Target]:
    target = Target(trial_node.url, copy_of(pair, tmp_path / "pair"))
    yield target
    target.deploy("--remove")


def test_it_imports_starts_and_checks(target: Target) -> None:
    result = target.deploy()
    assert result.exit_code == 0, result.output
    assert f"{target.id} is started and encodes as the model here does (cosine 1.0000" in result.output
    assert target.there() == Deployed(fingerprint(target.pair / "text"), True, "started", None, 1, 1)


def test_what_it_says_of_the_model(target: Target) -> None:
    target.deployed()
    config = target.config()
    definition = target.client.ask(lambda es: es.ml.get_trained_models_stats(model_id=target.id))
    size = definition["trained_model_stats"][0]["model_size_stats"]["model_size_bytes"]
    assert config["metadata"]["per_deployment_memory_bytes"] == size
    assert str(target.pair) not in str(config)
    assert config["inference_config"]["text_embedding"]["embedding_size"] == 512
    tokenization = config["inference_config"]["text_embedding"]["tokenization"]["bert"]
    assert tokenization["max_sequence_length"] == 128


def test_again_it_leaves_what_is_there(target: Target) -> None:
    target.deployed()
    before = target.config()["create_time"]
    again = target.deploy()
    assert again.exit_code == 0
    assert len(again.output.splitlines()) == 1
    assert target.config()["create_time"] == before


def test_a_stopped_model_is_started_again(target: Target) -> None:
    target.deployed()
    before = target.config()["create_time"]
    target.client.ask(lambda es: es.ml.stop_trained_model_deployment(model_id=target.id))
    assert target.there().state is None
    assert target.deployed().state == "started"
    assert target.config()["create_time"] == before


def test_allocations_and_threads(target: Target) -> None:
    asked = target.deployed("--allocations", 2, "--threads", 2)
    assert (asked.allocations, asked.threads) == (2, 2)
    assert target.deployed() == asked  # not asked for, they stay
    changed = target.deployed("--allocations", 1)
    assert changed.allocations == 1


def test_a_changed_model_replaces_the_one_that_is_there(target: Target, other_pair: Path) -> None:
    before = target.deployed()
    shutil.rmtree(target.pair)
    copy_of(other_pair, target.pair)
    result = target.deploy()
    assert result.exit_code == 0, result.output
    assert "is another model; it is replaced" in result.output
    assert target.there().fingerprint not in (None, before.fingerprint)


def test_an_interrupted_import_is_done_anew(target: Target) -> None:
    class Interrupted(Exception):
        pass

    def interrupted(total: int) -> NoReturn:
        assert total > 100_000  # bytes
        raise Interrupted

    deployer = TextDeployer(target.client, open_model(str(target.pair)), print)
    with pytest.raises(Interrupted):
        deployer.run(interrupted)
    assert not target.there().complete
    result = target.deploy()
    assert result.exit_code == 0, result.output
    assert "brought there only in part; it is replaced" in result.output


def test_a_model_that_encodes_otherwise_is_stopped(target: Target) -> None:
    """The fast tokenizer that is used here and the vocabulary that goes there do not agree."""
    file = target.pair / "text" / "vocab.txt"
    words = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([*words[:5], *reversed(words[5:])]) + "\n", encoding="utf-8")
    result = target.deploy()
    assert result.exit_code == 1
    assert "gives other embeddings than the model here: their cosine is" in result.output
    assert str(LEAST_COSINE) in result.output
    assert target.there().state is None


def test_a_model_that_eland_cannot_take_is_refused(target: Target) -> None:
    (target.pair / "text" / "vocab.txt").unlink()
    result = target.deploy()
    assert result.exit_code == 1
    assert "cannot be made into one that Elasticsearch runs" in result.output
    assert look(target.client, target.id) is None


def test_removing(target: Target) -> None:
    target.deployed()
    assert target.deploy("--remove").output == f"{target.id} was removed.\n"
    assert target.deploy("--remove").output == f"There was no {target.id}.\n"
    assert look(target.client, target.id) is None


def test_the_licence(tmp_path: Path, pair: Path) -> None:
    built_or_lacking()
    with Node(tmp_path) as node:
        target = Target(node.url, pair)
        refused = target.deploy()
        assert refused.exit_code == 1
        for said in ("is basic", "TEXT_ENCODING=local", "--start-trial"):
            assert said in refused.output
        started = target.deploy("--start-trial")
        assert started.exit_code == 0, started.output
        assert "The trial licence was started; it ends in 30 days." in started.output
        requests.post(f"{node.url}/_license/start_basic?acknowledge=true", timeout=30).raise_for_status()
        once = target.deploy("--start-trial")
        assert once.exit_code == 1
        assert "could not be started (Operation failed: Trial was already activated.)" in once.output
        assert target.deploy("--remove").output == f"{target.id} was removed.\n"


def test_without_elasticsearch_it_says_so(pair: Path, tmp_path: Path) -> None:
    folder = Target(str(tmp_path), pair).deploy()
    assert folder.exit_code == 1
    assert "A text model is deployed in Elasticsearch only. Name its URL" in folder.output


def server_of(version: str) -> Client:
    """Stands in for a server of another version than the one there is."""
    server = SimpleNamespace(info=lambda: {"version": {"number": version}})
    ask: Callable[[Callable[[Any], Any]], Any] = lambda request: request(server)  # noqa: E731
    return cast(Client, SimpleNamespace(place="http://there", ask=ask))


@pytest.mark.parametrize(
    ("version", "refusal"),
    [
        ("9.2.4", r"Elasticsearch at http://there is 9\.2\.4\. Upgrade it to 9\.3 or newer"),
        ("8.19.0", r"is 8\.19\.0\. Upgrade it to 9\.3 or newer"),
        ("10.0.0", r"is 10\.0\.0, and eland 9\.2\.0 brings models into version 9 only"),
    ],
)
def test_a_server_that_cannot_work_is_refused(version: str, refusal: str) -> None:
    with pytest.raises(BadSetting, match=refusal):
        check_version(server_of(version), print)


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("9.3.0", []),
        ("9.5.9-SNAPSHOT", []),
        ("9.6.0", ["Elasticsearch 9.6.0 is newer than what this was tested with (9.5)."]),
    ],
)
def test_a_newer_server_is_pointed_out(version: str, said: list[str]) -> None:
    heard: list[str] = []
    assert check_version(server_of(version), heard.append)[0] == 9
    assert heard == said


def test_the_real_model_has_the_name_that_eland_gives_it() -> None:
    assert text_model_id(CLIP) == "sentence-transformers__clip-vit-b-32-multilingual-v1"


class NotHere:
    """A text encoder that must not be asked."""

    def encode(self, texts: Sequence[str]) -> NoReturn:
        raise AssertionError(f"{texts} were encoded in this process")


def copy_gallery(store: Store) -> None:
    """Bring the demo gallery, with the embeddings it has in its embedded store, into another one."""
    with open_store(default_location(load_settings(model="demo"))) as gallery:
        identity = gallery.identity()
        pictures = [hit.picture for hit in gallery.browse(NO_FILTERS, Window(0, 10_000)).hits]
        vectors = gallery.embeddings([picture.id for picture in pictures])
    assert identity
    assert len(pictures) == 2465
    store.adopt(identity)
    store.write([Entry(picture, vectors[picture.id]) for picture in pictures])


@pytest.mark.parametrize("way", ["infer", "one-trip"])
def test_words_encoded_by_the_uploaded_model_find_what_they_mean(
    trial_node: Node, demo_store: None, way: TextEncoding
) -> None:
    """Import, start, `_infer`, knn; the words of the query are encoded in Elasticsearch."""
    demo = Target(trial_node.url, Path("demo"))
    result = demo.deploy()
    assert result.exit_code == 0, result.output
    searching = replace(open_model("demo"), texts=NotHere())
    with index_at(demo.url) as alias:
        place = Place(demo.url, alias)
        with place.opened(create=True) as store:
            copy_gallery(store)
            place.refresh()
            searcher = Searcher(store, searching, texts=ElasticTexts(demo.client, way))
            found = searcher.search(Query("a mountain covered in snow", limit=5)).page.hits
    assert "1F3D4.png" in [hit.picture.path for hit in found]
