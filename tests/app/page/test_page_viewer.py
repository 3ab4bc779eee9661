"""A picture in detail, and the keyboard."""

import re

from playwright.sync_api import expect

from tests.app.page.conftest import OpenPage, names
from tests.stores import embedded_only

pytestmark = embedded_only


def test_details_over_the_grid_and_back_to_the_very_place(open_page: OpenPage) -> None:
    page = open_page("/?q=round")
    grid = names(page)
    tile = page.locator("#grid .tile .open").nth(20)
    tile.scroll_into_view_if_needed()
    place = page.evaluate("scrollY")
    tile.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name=grid[20])).to_be_visible()
    expect(page).to_have_url(re.compile(r"/pictures/\w+\?q=round&at=20$"))
    expect(dialog).to_contain_text("21 of 60")
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    expect(page).to_have_url(re.compile(r"/\?q=round$"))
    expect(tile).to_be_focused()
    assert page.evaluate("scrollY") == place


def test_arrows_turn_pages_and_going_back_closes(open_page: OpenPage) -> None:
    page = open_page("/?q=round")
    grid = names(page)
    page.locator("#grid .tile .open").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name=grid[0], exact=True)).to_be_visible()
    for at in (1, 2):
        page.keyboard.press("ArrowRight")
        expect(dialog.get_by_role("heading", name=grid[at], exact=True)).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(dialog.get_by_role("heading", name=grid[1], exact=True)).to_be_visible()
    page.go_back()
    expect(dialog).not_to_be_visible()
    expect(page.locator("#grid .tile .open").nth(1)).to_be_focused()
    page.go_forward()
    expect(dialog.get_by_role("heading", name=grid[1], exact=True)).to_be_visible()


def test_similar_pictures_below_and_esc_back_to_the_grid(open_page: OpenPage) -> None:
    page = open_page("/?q=round")
    page.locator("#grid .tile .open").first.click()
    dialog = page.get_by_role("dialog")
    likes = dialog.get_by_role("list", name="Similar pictures").locator(".open")
    expect(likes).to_have_count(12)
    name = likes.first.locator(".name").text_content()
    likes.first.click()
    expect(dialog.get_by_role("heading", level=2, name=name, exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    expect(page).to_have_url(re.compile(r"/\?q=round$"))


def test_a_field_in_the_details_filters(open_page: OpenPage) -> None:
    page = open_page("/?group=circle")
    page.locator("#grid .tile .open").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("link", name="Ada Lovelace").or_(dialog.get_by_role("link", name="Grace")).click()
    expect(page.locator(".chip", has_text="By ")).to_be_visible()
    expect(dialog).not_to_be_visible()
    expect(page.locator("#summary")).to_contain_text("30 pictures")
    page.go_back()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_a_shared_detail_is_a_page_of_its_own(open_page: OpenPage) -> None:
    page = open_page("/?q=round")
    grid = names(page)
    page.locator("#grid .tile .open").nth(1).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text(grid[1])
    expect(page.get_by_role("dialog")).not_to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("heading", level=1)).to_have_text(grid[2])
    page.get_by_role("link", name="Back to the results").click()
    expect(page.locator("#grid .tile")).to_have_count(24)


def test_the_original_can_be_had(open_page: OpenPage) -> None:
    page = open_page("/?q=round")
    page.locator("#grid .tile .open").first.click()
    with page.expect_download() as download:
        page.get_by_role("dialog").get_by_role("link", name="Download").click()
    assert download.value.suggested_filename.endswith(".png")


def test_the_keyboard_reaches_everything(open_page: OpenPage) -> None:
    page = open_page("/?q=round")
    tiles = page.locator("#grid .tile .open")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(tiles.first).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(tiles.nth(1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    below = page.evaluate("document.activeElement.getBoundingClientRect().top")
    assert below > page.evaluate("document.querySelector('#grid .tile').getBoundingClientRect().bottom")
    page.keyboard.press("ArrowUp")
    expect(tiles.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(tiles.nth(1)).to_be_focused()
    name = names(page)[1]
    page.keyboard.press("s")
    expect(page.locator(".chip", has_text=f"Like {name}")).to_be_visible()


def test_the_list_of_keys(open_page: OpenPage) -> None:
    page = open_page("/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard")).not_to_be_visible()
    page.get_by_role("button", name="Keyboard").click()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog", name="Keyboard")).not_to_be_visible()
