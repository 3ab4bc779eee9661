"""The same pictures in both stores, and the same questions: the same answers."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from imagesearch.encoders import Model
from tests.app.conftest import bring_in, in_bytes, settings_for, upload
from tests.conftest import noise
from tests.stores import Engine

Clients = tuple[FlaskClient, FlaskClient]
Answers = tuple[dict[str, Any], dict[str, Any]]


@pytest.fixture(scope="module")
def clients(
    tmp_path_factory: pytest.TempPathFactory,
    elastic_url: str,
    pair: Path,
    model: Model,
    gallery: Path,
    metadata_file: Path,
) -> Iterator[Clients]:
    """The application on the embedded store and on Elasticsearch, each filled by ingest."""
    with ExitStack() as stack:

        def client(engine: Engine) -> FlaskClient:
            folder = tmp_path_factory.mktemp("both")
            place = stack.enter_context(engine.place(folder / "store"))
            bring_in(place, model, gallery, metadata_file)
            app = create_app(settings_for(place, folder, pair), model)
            stack.callback(app.extensions["services"].store.close)
            return app.test_client()

        yield client(Engine(None)), client(Engine(elastic_url))


def ask(clients: Clients, path: str, **query: object) -> Answers:
    def answer(client: FlaskClient) -> dict[str, Any]:
        response = client.get(path, query_string=query)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.get_json()
        return found

    return answer(clients[0]), answer(clients[1])


def assert_same(answers: Answers) -> None:
    """The same pictures in the same order with the same totals, and equal scores but for rounding."""
    one, other = answers
    assert [strip(result) for result in one["results"]] == [strip(result) for result in other["results"]]
    scores = [[result.get("score", 0) for result in answer["results"]] for answer in answers]
    assert scores[0] == pytest.approx(scores[1], abs=1e-5)
    for name in ("total", "reachable", "weak"):
        assert one.get(name) == other.get(name)


def strip(result: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name != "score"}


FILTERS: list[dict[str, Any]] = [
    {},
    {"tag": "warm"},
    {"tag": ["warm", "red"]},
    {"group": ["circle", "square"], "author": "Ada Lovelace"},
    {"date_from": "2016-01-01", "date_to": "2018-12-31"},
    {"words": "雪"},
    {"words": "circle TEAL"},
    {"words": "!?"},
    {"tag": "nothing has it"},
]


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_filters(clients: Clients, filters: dict[str, Any]) -> None:
    assert_same(ask(clients, "/api/search", q="something round", limit=50, **filters))
    assert_same(ask(clients, "/api/pictures", limit=50, **filters))
    one, other = ask(clients, "/api/facets", **filters)
    assert one == other


@pytest.mark.parametrize("words", ["red", "a mountain covered in snow", "雪山", "123", "x" * 900])
def test_words(clients: Clients, words: str) -> None:
    assert_same(ask(clients, "/api/search", q=words, limit=50))


@pytest.mark.parametrize(
    "how",
    [{"k": 1}, {"k": 7, "num_candidates": 10}, {"similarity": 0.0}, {"similarity": 1}, {"k": 3, "offset": 2}],
    ids=str,
)
def test_numbers(clients: Clients, how: dict[str, Any]) -> None:
    assert_same(ask(clients, "/api/search", q="blue", **how))


def test_pages(clients: Clients) -> None:
    for offset in range(0, 30, 7):
        assert_same(ask(clients, "/api/search", q="blue", limit=7, offset=offset))
        assert_same(ask(clients, "/api/pictures", limit=7, offset=offset))


def test_every_picture_s_likes(clients: Clients) -> None:
    for result in ask(clients, "/api/pictures", limit=50)[0]["results"]:
        assert_same(ask(clients, f"/api/pictures/{result['id']}/similar", limit=50))
        assert_same(ask(clients, "/api/search", like=result["id"], q="words", limit=5))
        one, other = ask(clients, f"/api/pictures/{result['id']}")
        assert one == other


def test_an_upload(clients: Clients) -> None:
    answers = []
    for client in clients:
        form = {"image": upload(in_bytes(noise(5))), "limit": "50", "tag": "cool"}
        answers.append(client.post("/api/search", data=form).get_json())
    assert_same((answers[0], answers[1]))


def test_a_hybrid_search_fuses_the_same_pictures_with_the_same_scores(clients: Clients) -> None:
    """The order of the words' own ranking is each engine's: they weigh words by other constants."""
    for words in ("red circle", "雪 teal", "!?"):
        one, other = ask(clients, "/api/search", q=words, hybrid="true", limit=50)
        assert one["total"] == other["total"]
        scores = [{r["id"]: r["score"] for r in answer["results"]} for answer in (one, other)]
        assert scores[0] == pytest.approx(scores[1], abs=1e-5)
