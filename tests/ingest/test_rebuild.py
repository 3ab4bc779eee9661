"""`python -m ingest rebuild`: another index in the place of the first, while searches go on."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from click.testing import CliRunner, Result
from elasticsearch import Elasticsearch

from imagesearch.clip import open_model
from imagesearch.config import Settings
from imagesearch.elastic import ElasticStore, IndexPlan, begin, connect, open_elastic
from imagesearch.encoders import Model
from imagesearch.errors import StoreReadOnly, WrongModel
from imagesearch.records import NO_FILTERS, Window
from imagesearch.search import Query, open_searcher
from ingest.__main__ import main
from tests.conftest import make_pictures, noise

COUNT = 40


@dataclass(frozen=True)
class Place:
    """An index of COUNT pictures, and the command line for it."""

    url: str
    alias: str
    pictures: Path
    es: Elasticsearch

    def run(self, command: str, *options: object) -> Result:
        where = ["--store", self.url, "--index", self.alias, "--quiet"]
        return CliRunner().invoke(main, [command, *where, *map(str, options)])

    def done(self, *options: object) -> str:
        result = self.run("rebuild", *options)
        assert result.exit_code == 0, result.output
        return result.output

    def refused(self, *options: object) -> str:
        result = self.run("rebuild", *options)
        assert result.exit_code == 1, result.output
        return result.output

    def settings(self, **given: object) -> Settings:
        return Settings(_env_file=None, store=self.url, index=self.alias, **given)  # type: ignore[call-arg, arg-type]

    def store(self) -> ElasticStore:
        return open_elastic(self.url, self.settings())

    def in_use(self) -> str:
        (name,) = self.es.indices.get_alias(name=self.alias).body
        return str(name)

    def indices(self) -> list[str]:
        return sorted(self.es.indices.get(index=f"{self.alias}-*").body)

    def kind(self) -> str:
        ((_, found),) = self.es.indices.get_mapping(index=self.alias).body.items()
        return str(found["mappings"]["properties"]["image_embedding"]["index_options"]["type"])


@pytest.fixture
def place(pair: Path, elastic_url: str, fresh_index: str, tmp_path: Path) -> Iterator[Place]:
    make_pictures(tmp_path / "pictures", COUNT)
    with Elasticsearch(elastic_url) as es:
        place = Place(elastic_url, fresh_index, tmp_path / "pictures", es)
        brought = place.run("pictures", "--model", pair, place.pictures)
        assert brought.exit_code == 0, brought.output
        yield place


def embeddings(store: ElasticStore) -> dict[str, list[float]]:
    ids = [hit.picture.id for hit in store.browse(NO_FILTERS, Window(0, 1000)).hits]
    return {id: vector.tolist() for id, vector in store.embeddings(ids).items()}


class TestCopying:
    def test_another_kind_of_index_holds_the_same(self, place: Place) -> None:
        with place.store() as store:
            before = store.browse(NO_FILTERS, Window(0, 100)), embeddings(store), store.identity()
            said = place.done("--index-type", "bbq_hnsw")
            assert f"{COUNT} pictures brought over, {COUNT} looked up" in said
            assert (place.in_use(), place.kind()) == (f"{place.alias}-000002", "bbq_hnsw")
            assert (store.browse(NO_FILTERS, Window(0, 100)), embeddings(store), store.identity()) == before
        assert place.indices() == [f"{place.alias}-000001", f"{place.alias}-000002"]

    def test_the_new_index_is_ready_for_searches_and_writes(self, place: Place, pair: Path) -> None:
        place.done()
        settings = place.es.indices.get_settings(index=place.alias).body[place.in_use()]["settings"]["index"]
        assert settings["refresh_interval"] == "5s"
        assert settings["auto_expand_replicas"] == "0-1"
        noise(999).save(place.pictures / "new.png")
        again = place.run("pictures", "--model", pair, place.pictures)
        assert again.output.startswith(f"1 new, {COUNT} unchanged")

    def test_writes_wait_until_it_is_done(self, place: Place) -> None:
        begin(connect(place.settings(), place.url), place.alias, IndexPlan(), None)
        with open_elastic(place.url, place.settings(elasticsearch_patience=0)) as store:
            held = next(iter(store.files("/")))
            with pytest.raises(StoreReadOnly, match="ingest rebuild"):
                store.delete([held.id])
            assert store.count() == COUNT
        assert place.done().startswith(f"{COUNT} pictures")

    def test_an_interrupted_one_goes_on(self, place: Place) -> None:
        under_way = begin(connect(place.settings(), place.url), place.alias, IndexPlan(), None)
        half = next(under_way.waiting())[: COUNT // 2]
        under_way.add(half)
        assert place.in_use() == f"{place.alias}-000001"
        assert place.done().startswith(f"{COUNT - COUNT // 2} pictures brought over, {COUNT} looked up")
        assert place.in_use() == f"{place.alias}-000002"

    def test_one_of_another_kind_begins_anew(self, place: Place) -> None:
        under_way = begin(connect(place.settings(), place.url), place.alias, IndexPlan(), None)
        under_way.add(next(under_way.waiting())[:5])
        assert place.done("--index-type", "hnsw").startswith(f"{COUNT} pictures")
        assert place.kind() == "hnsw"

    def test_an_interrupted_one_can_be_given_up(self, place: Place) -> None:
        begin(connect(place.settings(), place.url), place.alias, IndexPlan(), None)
        assert "given up" in place.done("--abort")
        assert place.indices() == [f"{place.alias}-000001"]
        with place.store() as store:
            assert store.delete([next(iter(store.files("/"))).id]) == 1
        assert "No rebuild was under way" in place.done("--abort")

    def test_nothing_is_swapped_when_the_new_index_is_not_whole(self, place: Place) -> None:
        under_way = begin(connect(place.settings(), place.url), place.alias, IndexPlan(), None)
        under_way.add(next(under_way.waiting()))
        stray = next(iter(under_way.waiting()), None)
        assert stray == []
        place.es.index(index=under_way.target.name, id="stray", document={"image_id": "stray"}, refresh=True)
        assert f"holds {COUNT + 1} pictures, not {COUNT}" in place.refused()
        assert place.in_use() == f"{place.alias}-000001"


class TestKeepingTheOld:
    def test_rolled_back_and_forth(self, place: Place) -> None:
        place.done("--index-type", "bbq_hnsw")
        assert f"{place.alias}-000001 is in use again" in place.done("--rollback")
        assert (place.in_use(), place.kind()) == (f"{place.alias}-000001", "int8_hnsw")
        with place.store() as store:
            assert store.delete([next(iter(store.files("/"))).id]) == 1
        assert "no index before" in place.refused("--rollback")
        # What was rolled back is no interrupted rebuild: it may hold what is gone since.
        assert place.done().startswith(f"{COUNT - 1} pictures")
        assert place.in_use() == f"{place.alias}-000003"

    def test_dropped_when_told(self, place: Place) -> None:
        place.done()
        assert f"Deleted {place.alias}-000001" in place.done("--drop-old")
        assert place.indices() == [place.in_use()] == [f"{place.alias}-000002"]
        assert "There was no old index" in place.done("--drop-old")
        assert "no index before" in place.refused("--rollback")

    def test_not_dropped_while_rebuilding(self, place: Place) -> None:
        begin(connect(place.settings(), place.url), place.alias, IndexPlan(), None)
        assert "is being rebuilt" in place.refused("--drop-old")
        assert len(place.indices()) == 2


class TestAnotherModel:
    def test_every_picture_is_encoded_again(self, place: Place, other_pair: Path) -> None:
        other = open_model(str(other_pair))
        place.done("--model", other_pair)
        with place.store() as store:
            assert store.identity() == other.identity
            for file in store.files("/"):
                vector = store.embedding(file.id)
                expected = other.pictures.encode([noise(int(Path(file.path).stem))])[0]
                assert vector is not None
                assert float(vector @ expected) > 0.999, "but for what the fastest runtime rounds off"

    def test_pictures_in_archives_too(self, place: Place, pair: Path, other_pair: Path) -> None:
        archive = place.pictures.parent / "more.zip"
        with ZipFile(archive, "w") as opened:
            content = BytesIO()
            noise(500).save(content, "PNG")
            opened.writestr("in/500.png", content.getvalue())
        assert place.run("pictures", "--model", pair, archive).output.startswith("1 new")
        assert f"{COUNT + 1} pictures brought over" in place.done("--model", other_pair)
        archive.unlink()
        place.es.indices.delete(index=f"{place.alias}-000001")
        assert f"{archive}/in/500.png" in place.refused("--model", pair)

    def test_files_that_are_gone_stop_it_unless_allowed(self, place: Place, other_pair: Path) -> None:
        (place.pictures / "0007.png").unlink()
        said = place.refused("--model", other_pair)
        assert "1 pictures could not be encoded again" in said
        assert "0007.png" in said
        assert place.in_use() == f"{place.alias}-000001"
        assert "1 left out" in place.done("--model", other_pair, "--allow-missing")
        with place.store() as store:
            assert store.count() == COUNT - 1

    def test_searches_follow_and_never_mix(self, place: Place, model: Model, other_pair: Path) -> None:
        """A picture finds itself with a score of 1 only if query and index are of one model."""
        wrong, halt = list[str](), threading.Event()

        def ask(number: int) -> None:
            store = place.store()
            searcher = open_searcher(store, model, place.settings())
            while not halt.is_set():
                page = searcher.search(Query(picture=noise(number), limit=3)).page
                best = page.hits[0]
                if best.picture.path != f"{number:04}.png" or abs((best.score or 0) - 1) > 1e-3:
                    wrong.append(f"{best.picture.path} {best.score}")
            store.close()

        askers = [threading.Thread(target=ask, args=(n,)) for n in (3, 8)]
        for asker in askers:
            asker.start()
        place.done("--model", other_pair)
        place.done("--rollback")
        place.done("--model", other_pair)
        halt.set()
        for asker in askers:
            asker.join()
        assert not wrong

    def test_the_model_that_is_followed_computes_as_set(
        self, place: Place, model: Model, other_pair: Path
    ) -> None:
        place.done("--model", other_pair)
        runtimes = []
        for runtime in ("torch", "onnx"):
            settings = place.settings().model_copy(update={"runtime": runtime})
            with place.store() as store:
                runtimes.append(open_searcher(store, model, settings).model_of(store).pictures.runtime)
        assert [name.split()[0] for name in runtimes] == ["torch", "onnx"]

    def test_the_old_model_is_refused_afterwards(self, place: Place, pair: Path, other_pair: Path) -> None:
        place.done("--model", other_pair)
        refused = place.run("pictures", "--model", pair, place.pictures)
        assert refused.exit_code == 1
        assert "was made with the model" in refused.output
        with place.store() as store, pytest.raises(WrongModel):
            store.adopt(open_model(str(pair)).identity)


class TestRefusals:
    def test_a_folder_has_no_index(self, tmp_path: Path) -> None:
        result = CliRunner().invoke(main, ["rebuild", "--store", str(tmp_path)])
        assert result.exit_code == 1
        assert "Only an index in Elasticsearch" in result.output

    def test_there_is_nothing_to_rebuild(self, elastic_url: str, fresh_index: str) -> None:
        result = CliRunner().invoke(main, ["rebuild", "--store", elastic_url, "--index", fresh_index])
        assert result.exit_code == 1
        assert f"There is no index {fresh_index!r}" in result.output

    def test_a_kind_that_there_is_not(self, place: Place) -> None:
        assert "INDEX_TYPE" in place.refused("--index-type", "ivf")
