"""Adding and removing pictures while the server runs."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image

from app.changes import uploads_folder
from imagesearch.config import Settings
from imagesearch.encoders import Model
from imagesearch.records import ModelIdentity
from imagesearch.store import Store
from tests.app.conftest import AUTHORISED, TOKEN, MakeClient, draw, in_bytes, place_of, problem, upload
from tests.conftest import noise
from tests.stores import embedded_only

PINK = in_bytes(draw("square", "deeppink"))


@pytest.fixture
def client(make_client: MakeClient) -> FlaskClient:
    return make_client()


def store_of(client: FlaskClient) -> Store:
    store: Store = client.application.extensions["services"].store
    return store


def settings_of(client: FlaskClient) -> Settings:
    settings: Settings = client.application.extensions["services"].settings
    return settings


def uploads_of(client: FlaskClient) -> list[Path]:
    folder = uploads_folder(place_of(client.application).store, settings_of(client))
    return sorted(folder.iterdir()) if folder.exists() else []


def add(client: FlaskClient, content: bytes = PINK, **fields: object) -> dict[str, Any]:
    response = client.post("/api/pictures", data={"image": upload(content), **fields}, headers=AUTHORISED)
    assert response.status_code in (200, 201), response.text
    assert (response.status_code == 201) == ("Location" in response.headers)
    added: dict[str, Any] = response.get_json()
    return added


def best(client: FlaskClient, content: bytes = PINK) -> dict[str, Any]:
    answer = client.post("/api/search", data={"image": upload(content)}).get_json()
    first: dict[str, Any] = answer["results"][0]
    return first


def test_added_is_found_at_once_and_gone_when_removed(client: FlaskClient) -> None:
    before = client.get("/health").get_json()["pictures"]
    added = add(client, name="a pink one", tags=["pink", "new", "pink"], group="added", author="Me")
    assert (added["name"], added["tags"], added["group"]) == ("a pink one", ["pink", "new"], "added")
    assert client.get("/health").get_json()["pictures"] == before + 1
    assert best(client)["id"] == added["id"]
    assert client.get("/api/search?q=x&words=pink").get_json()["total"] == 1
    with client.get(added["links"]["image"]) as response:
        assert response.data == PINK
        assert response.mimetype == "image/png"
    assert client.get(added["links"]["thumbnail"]).status_code == 200

    assert client.delete(added["links"]["self"], headers=AUTHORISED).status_code == 204
    problem(client.get(added["links"]["self"]), 404, "unknown-picture")
    problem(client.get(added["links"]["image"]), 404, "unknown-picture")
    problem(client.delete(added["links"]["self"], headers=AUTHORISED), 404, "unknown-picture")
    assert best(client)["id"] != added["id"]
    assert uploads_of(client) == []


def test_the_same_content_again_only_gets_the_new_metadata(client: FlaskClient) -> None:
    first = add(client, name="one", tags=["a"])
    again = add(client, name="two", date="2020-02-29")
    assert again["id"] == first["id"]
    assert (again["name"], again["tags"], again["date"]) == ("two", ["a"], "2020-02-29")
    assert [file.read_bytes() for file in uploads_of(client)] == [PINK]


@pytest.mark.parametrize(("given", "asked"), [("e\u0301", "\u00e9"), ("\u00e9", "e\u0301")])
def test_accents_may_be_written_in_either_way(client: FlaskClient, given: str, asked: str) -> None:
    added = add(client, tags=[given], group=given, author=given)
    assert (added["tags"], added["group"], added["author"]) == (["\u00e9"], "\u00e9", "\u00e9")
    for parameter in ("tag", "group", "author"):
        found = client.get("/api/pictures", query_string={parameter: asked}).get_json()["results"]
        assert [picture["id"] for picture in found] == [added["id"]]
        page = client.get("/", query_string={parameter: asked}).text
        assert asked == "\u00e9" or asked not in page


def test_the_file_is_named_by_its_content_and_what_it_is(client: FlaskClient) -> None:
    jpeg = in_bytes(noise(1), "JPEG")
    form = {"image": upload(jpeg, "../../../evil.html", "text/html")}
    client.post("/api/pictures", data=form, headers=AUTHORISED)
    (kept,) = uploads_of(client)
    assert kept.suffix == ".jpg"
    assert len(kept.stem) == 64
    assert b"evil" not in client.get("/api/pictures?limit=100").data


def test_the_day_comes_from_the_picture_if_it_is_not_given(client: FlaskClient) -> None:
    exif = Image.Exif()
    exif[0x0132] = "2011:12:13 10:00:00"
    assert add(client, in_bytes(noise(2), "JPEG", exif=exif))["date"] == "2011-12-13"


def test_an_ingested_picture_is_removed_but_not_its_file(client: FlaskClient, gallery: Path) -> None:
    picture = client.get("/api/pictures?words=teal+circle").get_json()["results"][0]
    assert client.delete(picture["links"]["self"], headers=AUTHORISED).status_code == 204
    assert (gallery / picture["path"]).exists()
    assert client.get("/api/pictures?words=teal+circle").get_json()["total"] == 0


def test_the_first_picture_of_an_empty_store(make_client: MakeClient, model: Model) -> None:
    client = make_client(empty=True)
    assert client.get("/api/search?q=x").get_json()["total"] == 0
    added = add(client)
    assert best(client)["id"] == added["id"]
    assert store_of(client).identity() == model.identity


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": "Bearer \xe4"},
        {"Cookie": f"token={TOKEN}"},
    ],
)
def test_without_the_right_token_nothing_changes(client: FlaskClient, headers: dict[str, str]) -> None:
    id = client.get("/api/pictures").get_json()["results"][0]["id"]
    for response in (
        client.post("/api/pictures", data={"image": upload(PINK)}, headers=headers),
        client.delete(f"/api/pictures/{id}", headers=headers),
    ):
        problem(response, 401, "token-needed")
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert client.get("/health").get_json()["pictures"] == 24
    assert uploads_of(client) == []


def test_without_a_configured_token_changes_are_off(make_client: MakeClient) -> None:
    client = make_client(api_token=None)
    for headers in ({}, AUTHORISED, {"Authorization": "Bearer "}, {"Authorization": "Bearer None"}):
        response = client.post("/api/pictures", data={"image": upload(PINK)}, headers=headers)
        assert "API_TOKEN" in problem(response, 403, "changes-are-off")["detail"]
        problem(client.delete("/api/pictures/x", headers=headers), 403, "changes-are-off")


def test_what_cannot_be_added(client: FlaskClient) -> None:
    for fields, status, name in (
        ({}, 400, "bad-query"),
        ({"image": upload(b"no picture")}, 422, "bad-picture"),
        ({"image": upload(PINK), "date": "yesterday"}, 400, "bad-parameter"),
        ({"image": upload(PINK), "name": "x" * 501}, 400, "bad-parameter"),
        ({"image": upload(PINK), "path": "x.png"}, 400, "bad-parameter"),
    ):
        problem(client.post("/api/pictures", data=fields, headers=AUTHORISED), status, name)
    assert uploads_of(client) == []


@contextmanager
def full_disk(store: Store) -> Iterator[None]:
    """SQLite behaves as on a full disk: the database may not take one more page."""
    with store._db.connection() as db:  # type: ignore[attr-defined]  # the connection is what is full
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages}")
    yield
    with store._db.connection() as db:  # type: ignore[attr-defined]
        db.execute("PRAGMA max_page_count = 1000000")


@embedded_only
def test_a_full_disk_loses_nothing(client: FlaskClient) -> None:
    added = add(client)
    refused = []
    with full_disk(store_of(client)):
        for seed in range(40):
            form = {"image": upload(in_bytes(noise(seed)))}
            response = client.post("/api/pictures", data=form, headers=AUTHORISED)
            if response.status_code != 201:
                refused.append(problem(response, 507, "store-full"))
                break
    assert refused, "the disk was never full"
    known = client.get("/health").get_json()["pictures"]
    assert len(uploads_of(client)) == known - 24  # no file without its record
    assert best(client)["id"] == added["id"]
    add(client, in_bytes(noise(99)))  # and it goes on when there is room again


def test_a_folder_of_uploads_that_cannot_be_written(client: FlaskClient) -> None:
    folder = uploads_folder(place_of(client.application).store, settings_of(client))
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file stands where the folder should be")
    response = client.post("/api/pictures", data={"image": upload(PINK)}, headers=AUTHORISED)
    problem(response, 503, "store-unavailable")
    assert client.get("/health").get_json()["pictures"] == 24


def test_a_store_that_another_model_filled_meanwhile(make_client: MakeClient) -> None:
    client = make_client(empty=True)
    store_of(client).adopt(ModelIdentity("other", 512, "f" * 64))
    for response in (
        client.post("/api/pictures", data={"image": upload(PINK)}, headers=AUTHORISED),
        client.get("/api/search?q=x"),
    ):
        problem(response, 409, "wrong-model")
    assert uploads_of(client) == []


def test_writes_of_another_process_are_seen(client: FlaskClient) -> None:
    """Another process is another connection; the test of the server has a real one."""
    found = client.get("/api/search?q=x&limit=50").get_json()
    assert found["total"] == 24
    with place_of(client.application).opened() as other:
        assert other.delete([found["results"][0]["id"]]) == 1
    again = client.get("/api/search?q=x&limit=50").get_json()
    assert [result["id"] for result in again["results"]] == [r["id"] for r in found["results"][1:]]


def test_near_duplicates_lead_to_each_other(client: FlaskClient) -> None:
    """Two files of one drawing."""
    drawing = draw("circle", "indigo")
    one = add(client, in_bytes(drawing))
    assert "looks the same" not in client.get(f"/pictures/{one['id']}").text
    add(client, in_bytes(drawing, compress_level=0))
    page = client.get(f"/pictures/{one['id']}").text
    link = re.search(r'<a href="([^"]+)">1 more looks the same</a>', page)
    assert link
    assert "2 pictures" in client.get(link[1].replace("&amp;", "&")).text
