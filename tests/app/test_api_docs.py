"""The OpenAPI document says what the API does, and can be read in a browser under our own policy."""

import json
import re
import tomllib
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from playwright.sync_api import Browser

from imagesearch.config import PROJECT


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    found: dict[str, Any] = app.test_client().get("/api/docs/openapi.json").get_json()
    return found


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    validate(document)


def test_every_route_of_the_api_is_in_it(app: Flask, document: dict[str, Any]) -> None:
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api") and not rule.rule.startswith("/api/docs")
    }
    listed = {(path, method) for path, item in document["paths"].items() for method in item}
    assert listed == {*routes, ("/health", "get"), ("/ready", "get")}


def test_every_operation_says_how_it_fails(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            failures = {s: a for s, a in operation["responses"].items() if s >= "400"}
            assert {"400", "500"} <= set(failures), (path, method)
            for answer in failures.values():
                assert list(answer["content"]) == ["application/problem+json"]
            assert operation["summary"]


def test_the_answers_are_as_described(client: FlaskClient, document: dict[str, Any]) -> None:
    known = {"components": document["components"]}
    id = client.get("/api/pictures").get_json()["results"][0]["id"]
    asked = {
        "/api/search": "/api/search?q=x&num_candidates=3",
        "/api/pictures": "/api/pictures?limit=3",
        "/api/pictures/{id}": f"/api/pictures/{id}",
        "/api/pictures/{id}/similar": f"/api/pictures/{id}/similar",
        "/api/facets": "/api/facets",
        "/api/problems/{name}": "/api/problems/bad-query",
        "/health": "/health",
        "/ready": "/ready",
    }
    for path, url in asked.items():
        described = document["paths"][path]["get"]["responses"]["200"]
        schema = described["content"]["application/json"]["schema"]
        OAS31Validator({**schema, **known}).validate(client.get(url).get_json())
    problem = client.get("/api/search?k=0").get_json(force=True)
    schema = {"$ref": "#/components/schemas/ProblemOut"}
    OAS31Validator({**schema, **known}).validate(problem)


def test_changes_are_marked_as_needing_the_token(document: dict[str, Any]) -> None:
    paths = document["paths"]
    assert paths["/api/pictures"]["post"]["security"] == [{"token": []}]
    assert paths["/api/pictures/{id}"]["delete"]["security"] == [{"token": []}]
    assert "security" not in paths["/api/search"]["post"]


def test_nothing_of_the_server_is_in_it(document: dict[str, Any], app: Flask) -> None:
    assert str(app.extensions["services"].settings.data) not in json.dumps(document)


def test_swagger_ui_runs_under_our_policy(browser: Browser, served: str) -> None:
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if served not in request.url else None)
    page.goto(f"{served}/api/docs")
    page.get_by_role("button", name="get /api/search", exact=False).first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_placeholder("q", exact=True).fill("red")
    page.get_by_role("button", name="Execute").click()
    page.locator(".live-responses-table").wait_for()
    assert '"results"' in page.locator(".live-responses-table").inner_text()
    assert said == []
    page.close()


def test_the_version_is_that_of_the_project(document: dict[str, Any]) -> None:
    with (PROJECT / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    assert document["info"]["version"] == version
