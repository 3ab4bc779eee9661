"""More pictures than Elasticsearch pages through: where the list ends is said."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from app import create_app
from app.pages.showcase import PICTURES, Showcase
from imagesearch.elastic.ranking import REACH
from imagesearch.encoders import Model
from imagesearch.records import Entry, FloatArray, Metadata, Picture, picture_id
from tests.app.conftest import settings_for
from tests.stores import Engine, elastic_only

pytestmark = elastic_only
COUNT = REACH + 50
SAID = f"Paging ends after {REACH} of {COUNT} pictures. Narrow the filters to see others."


def entry(i: int, vector: FloatArray) -> Entry:
    path, tag = f"{i:05}.png", "even" if i % 2 == 0 else "odd"
    id = picture_id("/nowhere", path)
    return Entry(
        Picture(id, "/nowhere", path, id, 1, 1, "PNG", 40, 30, "#808080", Metadata(tags=(tag,))), vector
    )


@pytest.fixture(scope="module")
def client(
    tmp_path_factory: pytest.TempPathFactory, engine: Engine, pair: Path, model: Model
) -> Iterator[FlaskClient]:
    """The application on COUNT pictures that exist in the index only."""
    folder = tmp_path_factory.mktemp("many")
    vectors = np.random.default_rng(0).normal(size=(COUNT, 512)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with engine.place(folder / "store") as place:
        with place.opened() as store, store.loading(alone=True):
            store.adopt(model.identity)
            for start in range(0, COUNT, 2_000):
                store.write([entry(i, vectors[i]) for i in range(start, min(start + 2_000, COUNT))])
        app = create_app(settings_for(place, folder, pair), model)
        yield app.test_client()
        app.extensions["services"].store.close()


def found(client: FlaskClient, path: str) -> dict[str, Any]:
    response = client.get(path)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.get_json()
    return answer


@pytest.mark.parametrize("path", ["/api/search?q=x", "/api/pictures?words=png"])
def test_the_api_says_where_the_list_ends(client: FlaskClient, path: str) -> None:
    first = found(client, path)
    assert (first["total"], first["reachable"], first["notes"]) == (COUNT, REACH, [SAID])
    last = found(client, f"{path}&offset={REACH - 5}&limit=24")
    assert len(last["results"]) == 5
    for offset in (REACH, REACH + 10, 1_000_000):
        beyond = found(client, f"{path}&offset={offset}")
        assert (beyond["results"], beyond["notes"]) == ([], [SAID])


@pytest.mark.parametrize(
    "query", ["q=x&k=700&limit=700", "q=x&limit=3000", "q=x&similarity=-0.02&limit=10000"]
)
def test_one_long_answer_is_best_first(client: FlaskClient, query: str) -> None:
    results = found(client, f"/api/search?{query}")["results"]
    assert len(results) >= 700
    scores = [result["score"] for result in results]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    "query", ["q=x&k=10000", "q=x&tag=even", "q=x&hybrid=true", "q=x&k=5&num_candidates=5"]
)
def test_nothing_is_said_where_the_list_ends_by_itself(client: FlaskClient, query: str) -> None:
    assert found(client, f"/api/search?{query}")["notes"] == []


@pytest.mark.parametrize(("query", "order"), [("q=x", "best"), ("all=1", "newest")])
def test_the_page_says_where_the_list_ends_and_how_to_see_more(
    client: FlaskClient, query: str, order: str
) -> None:
    first = client.get(f"/?{query}").text
    assert f"10,000 of 10,050 pictures, {order} first" in first
    assert "The list ends here" not in first
    last = client.get(f"/?{query}&offset={REACH - 24}").text
    assert "The list ends here, after 10,000 of 10,050 pictures. Narrow it down with the filters" in last
    assert 'rel="next"' not in last
    beyond = client.get(f"/?{query}&offset={REACH}")
    assert beyond.status_code == 200
    assert "A list ends after 10,000 pictures. Narrow it down with the filters" in beyond.text
    assert "Back to the first results" in beyond.text


def test_the_start_page_shows_as_many_of_a_collection_that_is_far_larger(client: FlaskClient) -> None:
    store = client.application.extensions["services"].store
    shown = Showcase().on(date(2026, 11, 21), store, 1_000_000)
    assert len({picture.id for picture in shown.pictures}) == PICTURES


def test_filters_lead_to_every_picture(client: FlaskClient) -> None:
    found_by_tag = [found(client, f"/api/search?q=x&tag={tag}&limit=10000") for tag in ("even", "odd")]
    ids = [result["id"] for answer in found_by_tag for result in answer["results"]]
    assert len(set(ids)) == len(ids) == COUNT
