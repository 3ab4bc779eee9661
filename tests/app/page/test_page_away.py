"""The server or its store is away for a while."""

from collections.abc import Callable
from pathlib import Path

from flask import Flask
from playwright.sync_api import expect

from app import create_app
from imagesearch.encoders import Model
from tests.app.conftest import away, bring_in
from tests.app.page.conftest import OpenPage, Site
from tests.stores import Engine, NewPlace, embedded_only


@embedded_only
def test_off_line_and_back(open_page: OpenPage) -> None:
    page = open_page("/?q=round")
    page.context.set_offline(True)
    page.get_by_role("searchbox").fill("blue")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
    expect(page.get_by_role("searchbox")).to_have_value("blue")
    expect(page.locator("#grid .tile")).to_have_count(24)
    page.context.set_offline(False)
    expect(page.locator(".chip", has_text="“blue”")).to_be_visible()
    expect(page.get_by_role("alert")).not_to_be_visible()


def test_the_store_is_away_and_the_page_recovers(
    open_page: OpenPage, site: Site, engine: Engine, tmp_path: Path
) -> None:
    page = open_page("/")
    with away(site.app, engine, tmp_path / "gone"):
        page.get_by_role("searchbox").fill("blue")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="The pictures are away for a moment")).to_be_visible()
        expect(page.get_by_role("searchbox")).to_have_value("blue")
    expect(page.locator(".chip", has_text="“blue”")).to_be_visible()


def test_more_is_not_to_be_had_while_the_store_is_away(
    open_page: OpenPage, site: Site, engine: Engine, tmp_path: Path
) -> None:
    page = open_page("/?q=round")
    more = page.get_by_role("link", name="Show more")
    with away(site.app, engine, tmp_path / "gone"):
        more.click()
        expect(page.get_by_role("alert")).to_have_text("The pictures are away for a moment.")
    expect(page.locator("#grid .tile")).to_have_count(24)
    more.click()
    expect(page.locator("#grid .tile")).to_have_count(48)


def test_an_empty_collection_notices_its_first_pictures(
    open_page: OpenPage,
    serve: Callable[[Flask], Site],
    new_place: NewPlace,
    tmp_path: Path,
    pair: Path,
    model: Model,
    shapes: Path,
) -> None:
    place = new_place("store")
    settings = place.settings(model=str(pair), data=tmp_path / "data")
    page = open_page("/", at=serve(create_app(settings, model)))
    expect(page.get_by_role("heading", name="No pictures yet")).to_be_visible()
    expect(page.get_by_role("searchbox")).not_to_be_visible()
    bring_in(place, model, shapes, shapes.with_suffix(".jsonl"))
    expect(page.get_by_role("heading", name="Search 60 pictures")).to_be_visible()
