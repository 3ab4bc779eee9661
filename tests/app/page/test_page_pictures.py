"""Searching by a picture: chosen, dropped, pasted."""

import base64
import io
import re

from playwright.sync_api import JSHandle, Page, expect

from tests.app.page.conftest import OpenPage, draw, names
from tests.stores import embedded_only

pytestmark = embedded_only


def png() -> bytes:
    content = io.BytesIO()
    draw("circle", "red", 2).save(content, "PNG")
    return content.getvalue()


def carried(page: Page, content: bytes, type: str = "image/png") -> JSHandle:
    """A file as the browser hands it over when it is dropped or pasted."""
    return page.evaluate_handle(
        """([text, type]) => {
             const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
             const data = new DataTransfer();
             data.items.add(new File([bytes], "holiday", {type}));
             return data; }""",
        [base64.b64encode(content).decode(), type],
    )


def drop(page: Page, data: JSHandle) -> None:
    page.dispatch_event("body", "dragenter", {"dataTransfer": data})
    expect(page.get_by_text("Drop to search by this picture")).to_be_visible()
    page.dispatch_event("body", "drop", {"dataTransfer": data})


def paste(page: Page, into: str, data: JSHandle) -> None:
    page.evaluate(
        """([where, clipboardData]) => document.querySelector(where).dispatchEvent(
             new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}))""",
        [into, data],
    )


def test_chosen_and_then_paged_filtered_reloaded(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_label("Search by a picture").set_input_files(
        {"name": "x.png", "mimeType": "image/png", "buffer": png()}
    )
    page.wait_for_url("**/?image=*")
    expect(page.locator(".chip", has_text="Your picture")).to_be_visible()
    first = names(page)
    page.get_by_role("link", name="Show more").click()
    expect(page.locator("#grid .tile")).to_have_count(48)
    page.locator("#filter-group").get_by_role("link", name="circle").click()
    expect(page.locator("#summary")).to_contain_text("20 pictures")
    page.go_back()
    expect(page.locator(".chip", has_text="circle")).to_have_count(0)
    page.reload()
    assert names(page)[:24] == first


def test_words_refine_a_picture(open_page: OpenPage) -> None:
    page = open_page("/")
    drop(page, carried(page, png()))
    expect(page.locator(".chip", has_text="Your picture")).to_be_visible()
    page.get_by_role("searchbox").fill("blue")
    page.keyboard.press("Enter")
    expect(page.locator(".chip", has_text="“blue”")).to_be_visible()
    expect(page.locator(".chip", has_text="Your picture")).to_be_visible()
    page.get_by_role("link", name="Remove Your picture").click()
    expect(page.locator(".chip", has_text="Your picture")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/\?q=blue$"))


def test_dropped_anywhere(open_page: OpenPage) -> None:
    page = open_page("/?q=round")
    drop(page, carried(page, png()))
    expect(page.locator(".chip", has_text="Your picture")).to_be_visible()
    expect(page.get_by_text("Drop to search by this picture")).not_to_be_visible()


def test_dropping_something_else_is_explained(open_page: OpenPage) -> None:
    page = open_page("/")
    drop(page, carried(page, b"words", "text/plain"))
    expect(page.get_by_role("alert")).to_contain_text("not a picture")


def test_a_damaged_picture_is_refused_and_the_words_kept(open_page: OpenPage) -> None:
    page = open_page("/?q=round")
    drop(page, carried(page, png()[:200]))
    expect(page.get_by_role("heading", name="That picture cannot be read")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_value("round")


def test_pasted_outside_a_text_field(open_page: OpenPage) -> None:
    page = open_page("/")
    paste(page, "body", carried(page, png()))
    expect(page.locator(".chip", has_text="Your picture")).to_be_visible()


def test_text_pasted_into_the_field_stays_text(open_page: OpenPage) -> None:
    page = open_page("/")
    data = page.evaluate_handle(
        """() => { const data = new DataTransfer(); data.setData("text/plain", "words");
                   data.items.add(new File(["x"], "x.png", {type: "image/png"})); return data; }"""
    )
    paste(page, "#q", data)
    page.wait_for_timeout(200)
    expect(page.locator(".chip")).to_have_count(0)


def test_a_shared_link_without_its_picture_says_so_and_takes_it_again(open_page: OpenPage) -> None:
    page = open_page("/?image=long-gone&q=blue")
    expect(page.get_by_role("heading", name="The picture of this search is gone")).to_be_visible()
    page.get_by_label("Search by a picture").set_input_files(
        {"name": "x.png", "mimeType": "image/png", "buffer": png()}
    )
    expect(page.locator(".chip", has_text="Your picture")).to_be_visible()
    expect(page.locator(".chip", has_text="“blue”")).to_be_visible()
