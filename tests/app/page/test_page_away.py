"""The server or its store is away for a while."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from flask import Flask
from playwright.sync_api import expect

from app import create_app
from imagesearch.config import Settings
from imagesearch.encoders import Model
from imagesearch.store import open_store
from tests.app.page.conftest import OpenPage, Site, ingest


@contextmanager
def away(site: Site, folder: Path) -> Iterator[None]:
    """The store of `site` is away: another stands in its place whose folder was removed."""
    here = site.app.extensions["services"]
    gone = open_store(str(folder), create=True)
    gone.close()
    shutil.rmtree(folder)
    site.app.extensions["services"] = replace(here, store=gone)
    yield
    site.app.extensions["services"] = here


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


def test_the_store_is_away_and_the_page_recovers(open_page: OpenPage, site: Site, tmp_path: Path) -> None:
    page = open_page("/")
    with away(site, tmp_path / "gone"):
        page.get_by_role("searchbox").fill("blue")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="The pictures are away for a moment")).to_be_visible()
        expect(page.get_by_role("searchbox")).to_have_value("blue")
    expect(page.locator(".chip", has_text="“blue”")).to_be_visible()


def test_an_empty_collection_notices_its_first_pictures(
    open_page: OpenPage,
    serve: Callable[[Flask], Site],
    tmp_path: Path,
    pair: Path,
    model: Model,
    shapes: Path,
) -> None:
    settings = Settings(
        _env_file=None, model=str(pair), store=str(tmp_path / "store"), data=tmp_path / "data"
    )  # type: ignore[call-arg]
    page = open_page("/", at=serve(create_app(settings, model)))
    expect(page.get_by_role("heading", name="No pictures yet")).to_be_visible()
    expect(page.get_by_role("searchbox")).not_to_be_visible()
    ingest(settings, model, shapes)
    expect(page.get_by_role("heading", name="Search 60 pictures")).to_be_visible()
