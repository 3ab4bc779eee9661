"""Errors of every kind are problem documents (RFC 9457), and say no more than the person needs."""

import logging
import shutil
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.kinds import all_kinds, kind_of
from app.security import known_names
from imagesearch import errors
from imagesearch.config import load_settings
from imagesearch.embedded.database import DATABASE
from tests.app.conftest import MakeClient, problem
from tests.stores import embedded_only


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/nothing", "/api/pictures/a/b/c", "/api/problems/nothing"]
)
def test_an_unknown_address(client: FlaskClient, path: str) -> None:
    said = problem(client.get(path), 404)
    assert said["title"] == "Not Found"
    assert said["instance"] == path


def test_a_method_that_is_not_taken(client: FlaskClient) -> None:
    response = client.put("/api/search")
    assert "PUT" in problem(response, 405)["detail"]
    assert {"GET", "POST"} <= set(response.headers["Allow"].replace(" ", "").split(","))
    problem(client.delete("/health"), 405)
    problem(client.post("/api/pictures/x/image"), 405)


def test_an_error_of_our_own_is_logged_under_a_number_and_not_shown(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client()

    @client.application.before_request
    def fail() -> None:
        raise RuntimeError("the inside of the server")

    said = problem(client.get("/api/facets"), 500, "internal")
    number = said["instance"].removeprefix("urn:uuid:")
    assert number in said["detail"]
    assert "inside" not in str(said)
    (record,) = caplog.records
    assert number in record.getMessage()
    assert record.exc_info


@embedded_only
def test_a_store_whose_folder_is_gone(make_client: MakeClient, caplog: pytest.LogCaptureFixture) -> None:
    client = make_client()
    folder = Path(client.application.extensions["services"].settings.store)
    client.application.extensions["services"].store.close()
    shutil.rmtree(folder)
    folder.write_text("the disk is gone")
    with caplog.at_level(logging.ERROR):
        for path in ("/api/search?q=x", "/api/pictures", "/api/facets", "/api/pictures/x/image"):
            response = client.get(path)
            said = problem(response, 503, "store-unavailable")
            assert response.headers["Retry-After"] == "5"
            assert str(folder) not in said["detail"]
    assert str(folder) in caplog.text  # the log has what the answer leaves out


@embedded_only
def test_a_damaged_store(make_client: MakeClient) -> None:
    client = make_client()
    client.application.extensions["services"].store.close()
    folder = Path(client.application.extensions["services"].settings.store)
    (folder / DATABASE).write_bytes(b"no database at all" * 1000)
    problem(client.get("/api/facets"), 503, "store-unavailable")
    assert client.get("/health").get_json()["store"]["state"] == "failing"


def test_every_type_leads_to_what_it_means(client: FlaskClient) -> None:
    for kind in all_kinds():
        described = client.get(f"/api/problems/{kind.name}").get_json()
        assert described == {
            "type": f"/api/problems/{kind.name}",
            "title": kind.title,
            "status": kind.status,
        }


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:1", "[::1]:8000", "LOCALHOST"])
def test_the_server_answers_to_its_own_names(client: FlaskClient, host: str) -> None:
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.2", "a/b"]
)
def test_the_server_answers_to_no_other_name(client: FlaskClient, host: str) -> None:
    """A foreign page may point its own name here (DNS rebinding)."""
    said = problem(client.get("/health", headers={"Host": host}), 421, "wrong-host")
    assert "HOSTS" in said["detail"]


def test_waiting_is_offered_where_it_helps() -> None:
    helps = (errors.StoreUnreachable, errors.StoreDegraded, errors.StoreBusy, errors.StoreReadOnly)
    does_not = (errors.StoreDenied, errors.StoreNotTrusted, errors.TextModelUnavailable)
    for error in (*helps, *does_not):
        kind = kind_of(error("it is so"))
        assert kind
        assert kind.status == 503
        assert ("Retry-After" in kind.headers) == (error in helps)
        assert "it is so" not in (kind.detail or "it is so")


LOCAL = {"localhost", "127.0.0.1", "[::1]"}
EVERYWHERE = "0.0.0.0"  # noqa: S104  # nothing listens there


@pytest.mark.parametrize(
    ("bind", "hosts", "names"),
    [
        ("127.0.0.1", None, LOCAL),
        ("127.0.0.9", None, LOCAL | {"127.0.0.9"}),
        ("localhost", "", LOCAL),
        (EVERYWHERE, None, set()),
        (EVERYWHERE, "Pictures.example, b.example", LOCAL | {EVERYWHERE, "pictures.example", "b.example"}),
    ],
)
def test_the_names_follow_from_the_settings(bind: str, hosts: str | None, names: set[str]) -> None:
    assert known_names(load_settings(bind=bind, hosts=hosts)) == names


def test_every_answer_carries_the_headers(app: Flask) -> None:
    client = app.test_client()
    for path in ("/health", "/api/nothing", "/api/docs", "/api/search"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "private, no-cache"
        assert "Access-Control-Allow-Origin" not in headers
