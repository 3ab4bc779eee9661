"""The page without scripts."""

import io
import re

from playwright.sync_api import expect

from tests.app.page.conftest import PHONE, PICTURES, OpenPage, draw, names
from tests.stores import embedded_only

pytestmark = embedded_only


def test_words_filters_paging_and_details(open_page: OpenPage) -> None:
    page = open_page("/", java_script_enabled=False)
    page.get_by_role("searchbox").fill("round")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page).to_have_url(re.compile(r"/\?q=round$"))
    found = names(page)
    while page.get_by_role("link", name="Show more").count():
        page.get_by_role("link", name="Show more").click()
        found += names(page)
    assert len(found) == len(set(found)) == PICTURES
    page.get_by_role("link", name="Show earlier").click()
    assert names(page) == found[24:48]
    page.locator('[data-key="group:triangle"]').click()
    expect(page.locator("#summary")).to_contain_text("20 pictures")
    page.get_by_label("Containing").fill("blue")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#grid .tile")).to_have_count(1)
    page.locator("#grid .tile .open").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("blue triangle")
    page.get_by_role("link", name="Back to the results").click()
    expect(page.locator("#grid .tile")).to_have_count(1)


def test_names_and_tags(open_page: OpenPage) -> None:
    page = open_page("/?q=teal", java_script_enabled=False)
    page.get_by_text("Advanced").click()
    page.get_by_label("Also match names, captions and tags").check()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".chip", has_text="Names, captions and tags, too")).to_be_visible()
    assert set(names(page)[:3]) == {"teal circle", "teal square", "teal triangle"}
    page.get_by_role("searchbox").fill("navy")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page).to_have_url(re.compile(r"/\?q=navy&hybrid=1$"))


def test_a_picture(open_page: OpenPage) -> None:
    content = io.BytesIO()
    draw("square", "gold", 1).save(content, "PNG")
    page = open_page("/", java_script_enabled=False)
    page.get_by_label("Search by a picture").set_input_files(
        {"name": "x.png", "mimeType": "image/png", "buffer": content.getvalue()}
    )
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator(".chip", has_text="Your picture")).to_be_visible()
    page.get_by_role("searchbox").fill("with words")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator(".chip", has_text="Your picture")).to_be_visible()
    expect(page.locator(".chip", has_text="“with words”")).to_be_visible()


def test_the_sheet_of_a_phone_opens(open_page: OpenPage) -> None:
    page = open_page("/?q=round", java_script_enabled=False, viewport=PHONE)
    page.get_by_role("button", name="Filters").click()
    page.locator('[data-key="group:circle"]').click()
    expect(page.locator("#summary")).to_contain_text("20 pictures")
