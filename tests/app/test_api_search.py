"""Searching through the API: by words, by a picture, by an indexed one; filters, paging, bad queries."""

import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.app.conftest import COLOURS, SHAPES, draw, in_bytes, problem, upload
from tests.stores import Engine

ALL = len(SHAPES) * len(COLOURS)


def found(client: FlaskClient, path: str, **query: object) -> dict[str, Any]:
    response = client.get(path, query_string=query)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.get_json()
    return answer


def ids(answer: dict[str, Any]) -> list[str]:
    return [result["id"] for result in answer["results"]]


def an_id(client: FlaskClient, **filters: str) -> str:
    id: str = found(client, "/api/pictures", **filters)["results"][0]["id"]
    return id


def test_words_find_pictures_best_first(client: FlaskClient, engine: Engine) -> None:
    answer = found(client, "/api/search", q="a red circle", k=5)
    assert answer["total"] == ALL
    assert answer["reachable"] == len(answer["results"]) == 5
    assert answer["exact"] is engine.exact
    assert answer["weak"] is None
    assert answer["took_ms"] > 0
    scores = [result["score"] for result in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_a_result_says_what_is_known_and_where_the_rest_is(client: FlaskClient) -> None:
    result = found(client, "/api/search", q="x", tag="gold", group="circle")["results"][0]
    assert result["name"] == "gold circle"
    assert result["path"] == "circle/gold.png"
    assert (result["width"], result["height"]) == (320, 280)
    assert result["tags"] == ["gold", "warm"]
    assert (result["group"], result["author"], result["date"]) == ("circle", "Grace Hopper", "2017-03-15")
    assert result["colour"].startswith("#")
    assert (result["camera"], result["lens"], result["rating"]) == ("Canon EOS 5D", "EF 50mm", 4)
    assert result["taken_at"] == "2017-03-15T09:30:00+02:00"
    assert result["place"] == {"latitude": 46.948, "longitude": 7.4474}
    assert result["caption"] == "By the river <i>Aare</i>"
    assert (result["album"], result["orientation"]) == ("circle", "landscape")
    assert "white" in result["colours"]
    assert int(result["phash"], 16) >= 0
    for link in result["links"].values():
        with client.get(link) as response:
            assert response.status_code == 200


def test_the_ingested_folder_is_never_shown(client: FlaskClient, gallery: Path) -> None:
    for path in ("/api/search?q=x", "/api/pictures", "/api/facets", "/health"):
        assert str(gallery) not in client.get(path).text


def test_num_candidates_is_said_to_change_nothing_where_that_is_so(
    client: FlaskClient, engine: Engine
) -> None:
    without = found(client, "/api/search", q="red", k=5)
    with_it = found(client, "/api/search", q="red", k=5, num_candidates=7)
    assert ids(without) == ids(with_it)
    assert without["notes"] == []
    said = ["num_candidates changed nothing: this store compares every picture."]
    assert with_it["notes"] == (said if engine.exact else [])


def test_the_top_5_are_the_first_five_of_the_top_15(client: FlaskClient) -> None:
    five, fifteen = (ids(found(client, "/api/search", q="blue", k=k)) for k in (5, 15))
    assert five == fifteen[:5]
    assert len(fifteen) == 15


def test_paging_leads_through_the_whole_ranking(client: FlaskClient) -> None:
    whole = ids(found(client, "/api/search", q="blue", limit=ALL))
    pages = [ids(found(client, "/api/search", q="blue", limit=5, offset=i)) for i in range(0, ALL + 5, 5)]
    assert [id for page in pages for id in page] == whole
    assert len(set(whole)) == ALL
    assert found(client, "/api/search", q="blue", offset=1_000_000)["results"] == []


def test_k_ends_the_ranking_whatever_the_page(client: FlaskClient) -> None:
    answer = found(client, "/api/search", q="blue", k=7, limit=5, offset=5)
    assert (len(answer["results"]), answer["reachable"], answer["total"]) == (2, 7, ALL)


def test_similarity_leaves_out_what_is_further_away(client: FlaskClient) -> None:
    best = found(client, "/api/search", q="blue", limit=ALL)["results"]
    bound = 2 * best[4]["score"] - 1
    close = found(client, "/api/search", q="blue", similarity=bound - 1e-5)
    assert ids(close)[:5] == [result["id"] for result in best[:5]]
    assert close["reachable"] < ALL
    assert found(client, "/api/search", q="blue", similarity=1)["results"] == []


@pytest.mark.parametrize(
    ("filters", "total"),
    [
        ({"tag": "warm"}, 9),
        ({"tag": ["warm", "red"]}, 3),
        ({"tag": ["warm", "blue"]}, 0),
        ({"group": "circle"}, 7),
        ({"group": ["circle", "square"]}, 14),
        ({"author": "Ada Lovelace"}, 9),
        ({"date_from": "2016-01-01", "date_to": "2017-12-31"}, 6),
        ({"words": "雪"}, 3),
        ({"words": "CIRCLE teal"}, 1),
        ({"words": "!?"}, 0),
        ({"tag": "warm", "group": "circle", "author": "Ada Lovelace"}, 1),
        ({"words": "aare"}, 3),
        ({"camera": "Canon EOS 5D"}, 3),
        ({"camera": ["Canon EOS 5D", "Nikon Z6"]}, 6),
        ({"lens": "EF 50mm", "group": "circle"}, 1),
        ({"album": ["circle", "none"]}, 8),
        ({"format": "png"}, ALL),
        ({"format": "JPEG"}, 0),
        ({"orientation": "square"}, 3),
        ({"orientation": ["portrait", "square"]}, 15),
        ({"rating": 2}, 6),
        ({"rating": 3}, 3),
        ({"near": "46.9,7.4"}, 3),
        ({"near": "46.9, 7.4", "within_km": 5}, 0),
        ({"near": "-46.9,7.4", "within_km": 20000}, 3),
        ({"colour": "white"}, ALL),
        ({"colour": ["white", "purple"], "group": "square"}, 1),
        ({"phash": "0123456789abcdef"}, 0),
    ],
)
def test_filters_count_and_limit_what_is_found(
    client: FlaskClient, filters: dict[str, Any], total: int
) -> None:
    answers = [
        found(client, "/api/search", q="x", limit=ALL, **filters),
        found(client, "/api/pictures", limit=ALL, **filters),
    ]
    for answer in answers:
        assert answer["total"] == total == len(answer["results"])
    assert set(ids(answers[0])) == set(ids(answers[1]))
    assert found(client, "/api/facets", **filters)["total"] == total


def test_more_like_this_leaves_out_the_picture_itself(client: FlaskClient) -> None:
    id = an_id(client, tag="red", group="square")
    by_path = found(client, f"/api/pictures/{id}/similar", limit=ALL)
    by_query = found(client, "/api/search", like=id, limit=ALL)
    assert ids(by_path) == ids(by_query)
    assert id not in ids(by_path)
    assert by_path["total"] == ALL - 1


def test_names_and_tags_move_pictures_up_in_a_hybrid_search(client: FlaskClient) -> None:
    plain = found(client, "/api/search", q="teal", limit=ALL)
    hybrid = found(client, "/api/search", q="teal", hybrid="true", limit=ALL)
    named = {result["id"] for result in plain["results"] if "teal" in result["tags"]}
    assert len(named) == 3
    assert set(ids(hybrid)[:3]) == named
    assert sorted(ids(hybrid)) == sorted(ids(plain))
    scores = {result["id"]: result["score"] for result in plain["results"]}
    assert {r["id"]: r["score"] for r in hybrid["results"]} == pytest.approx(scores, abs=1e-5)
    assert ids(found(client, "/api/search", q="teal", hybrid="true", limit=5, offset=5)) == ids(hybrid)[5:10]


def test_a_hybrid_search_takes_words_and_filters(client: FlaskClient) -> None:
    answer = found(client, "/api/search", q="circle", hybrid="true", tag="warm", k=2)
    assert (len(answer["results"]), answer["reachable"], answer["total"]) == (2, 2, 9)
    id = an_id(client)
    said = problem(client.get(f"/api/search?like={id}&hybrid=true"), 400, "bad-query")
    assert "hybrid" in said["detail"]


def test_words_and_a_picture_together(client: FlaskClient) -> None:
    id = an_id(client, tag="red", group="square")
    both = found(client, "/api/search", q="blue", like=id, limit=ALL)
    assert ids(both) != ids(found(client, "/api/search", q="blue", limit=ALL))


def test_an_uploaded_picture_finds_itself(client: FlaskClient, gallery: Path) -> None:
    content = (gallery / "circle" / "teal.png").read_bytes()
    # The client's name and type are a lie, and nothing depends on them.
    form = {"image": upload(content, "../../x.html", "text/html"), "limit": "3"}
    answer = client.post("/api/search", data=form).get_json()
    assert answer["results"][0]["path"] == "circle/teal.png"
    assert answer["results"][0]["score"] > 0.999
    assert len(answer["results"]) == 3


def test_an_upload_takes_words_and_filters_too(client: FlaskClient) -> None:
    content = in_bytes(draw("circle", "teal"))
    plain = client.post("/api/search", data={"image": upload(content), "q": ""}).get_json()
    # 123 is words, not a number, and null is a word, not nothing.
    for words in ("123", "null", '"quoted"'):
        form = {"image": upload(content), "q": words, "tag": ["warm", "gold"], "limit": "10"}
        answer = client.post("/api/search", data=form).get_json()
        assert answer["total"] == 3
        assert answer["results"][0]["score"] != plain["results"][0]["score"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("k=0", "k"),
        ("k=10001", "k"),
        ("k=abc", "k"),
        ("k=", "k"),
        ("k=1.5", "k"),
        ("num_candidates=0", "num_candidates"),
        ("num_candidates=10001", "num_candidates"),
        ("similarity=1.1", "similarity"),
        ("similarity=nan", "similarity"),
        ("offset=-1", "offset"),
        ("offset=99999999999999999999", "offset"),
        ("limit=0", "limit"),
        ("date_from=2019", "date_from"),
        ("date_to=2019-02-30", "date_to"),
        ("tags=red", "tags"),
        ("colour=mauve", "colour"),
        ("orientation=upright", "orientation"),
        ("rating=6", "rating"),
        ("rating=-2", "rating"),
        ("rating=many", "rating"),
        ("near=bern", "near"),
        ("near=91,0", "near"),
        ("near=46.9", "near"),
        ("near=nan,7", "near"),
        ("near=46.9,7.4&within_km=0", "within_km"),
        ("near=46.9,7.4&within_km=40000", "within_km"),
        ("near=46.9,7.4&within_km=inf", "within_km"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(client: FlaskClient, query: str, parameter: str) -> None:
    said = problem(client.get(f"/api/search?q=x&{query}"), 400, "bad-parameter")
    assert [offence["parameter"] for offence in said["errors"]] == [parameter]
    assert said["detail"].startswith(parameter)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "query is empty"),
        ("q=", "query is empty"),
        ("q=+%20%0A", "query is empty"),
        ("q=" + "a" * 10_000, "10000 characters, more than the 1000"),
        ("q=x&k=10&num_candidates=9", "num_candidates is 9"),
        ("q=x&date_from=2019-01-02&date_to=2019-01-01", "date_from"),
    ],
)
def test_a_query_that_cannot_be_answered(client: FlaskClient, query: str, says: str) -> None:
    assert says in problem(client.get(f"/api/search?{query}"), 400, "bad-query")["detail"]


@pytest.mark.parametrize("path", ["/api/search?like={}", "/api/pictures/{}", "/api/pictures/{}/similar"])
@pytest.mark.parametrize("id", ["0123456789abcdef01234567", "nonsense", "%27%20OR%201=1--", "%00"])
def test_an_unknown_id(client: FlaskClient, path: str, id: str) -> None:
    problem(client.get(path.format(id)), 404, "unknown-picture")


def test_bad_parameters_of_an_upload(client: FlaskClient) -> None:
    content = in_bytes(draw("circle", "teal"))
    said = problem(
        client.post("/api/search", data={"image": upload(content), "k": "0", "nonsense": "1"}),
        400,
        "bad-parameter",
    )
    assert {offence["parameter"] for offence in said["errors"]} == {"k", "nonsense"}
    for form in ({}, {"q": "only words"}, {"image": upload(b"", "empty.png")}):
        problem(client.post("/api/search", data=form), 400, "bad-query")
    said = problem(client.post("/api/search", data={"picture": upload(content)}), 400, "bad-parameter")
    assert said["errors"][0]["parameter"] == "picture"


def test_browsing_is_newest_first_and_pages(client: FlaskClient) -> None:
    whole = found(client, "/api/pictures", limit=ALL)["results"]
    dates = [picture["date"] or "" for picture in whole]
    assert all(earlier >= later for earlier, later in pairwise(dates))
    page = found(client, "/api/pictures", limit=5, offset=5)
    assert page["results"] == whole[5:10]
    assert len(found(client, "/api/pictures")["results"]) == 24
    assert "score" not in whole[0]


def test_facets(client: FlaskClient) -> None:
    counts = found(client, "/api/facets", group="circle", size=2)
    assert counts["total"] == 7
    assert counts["tags"] == [{"value": "cool", "count": 4}, {"value": "warm", "count": 3}]
    assert counts["groups"] == [{"value": "circle", "count": 7}]
    assert counts["years"][0] == {"value": "2015", "count": 1}
    assert counts["cameras"] == [
        {"value": "Canon EOS 5D", "count": 1},
        {"value": "Nikon Z6", "count": 1},
    ]
    assert counts["ratings"] == [{"value": "2", "count": 1}, {"value": "4", "count": 1}]
    assert counts["albums"] == [{"value": "circle", "count": 7}]
    assert counts["formats"] == [{"value": "PNG", "count": 7}]
    assert [count["value"] for count in counts["orientations"]] == ["landscape", "portrait"]
    for colour in counts["colours"]:
        alone = found(client, "/api/pictures", group="circle", colour=colour["value"])
        assert alone["total"] == colour["count"]


def test_several_clients_at_once(app: Flask) -> None:
    alone = ids(found(app.test_client(), "/api/search", q="green"))
    answers: list[list[str]] = []

    def ask() -> None:
        client = app.test_client()
        answers.extend(ids(found(client, "/api/search", q="green")) for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [alone] * 20
