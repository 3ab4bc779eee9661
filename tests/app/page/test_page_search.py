"""Searching, filtering, paging, and the ways back, in a browser."""

import re

from playwright.sync_api import Page, expect

from tests.app.page.conftest import PHONE, PICTURES, OpenPage, Site, names
from tests.stores import embedded_only


def ask(page: Page, words: str) -> None:
    """Type and send."""
    page.get_by_role("searchbox").fill(words)
    page.keyboard.press("Enter")


def chip(page: Page, label: str) -> None:
    """There is a chip that says this."""
    expect(page.locator(".chip", has_text=label)).to_be_visible()


def test_words_lead_to_results_without_leaving_the_page(open_page: OpenPage) -> None:
    page = open_page("/")
    page.evaluate("window.stayed = true")
    ask(page, "a red circle")
    chip(page, "“a red circle”")
    expect(page.locator(".tile")).to_have_count(24)
    expect(page).to_have_url(re.compile(r"/\?q=a\+red\+circle$"))
    expect(page).to_have_title(re.compile("a red circle"))
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.get_by_role("status")).to_contain_text("24 results for “a red circle”")
    assert page.evaluate("window.stayed")


@embedded_only
def test_back_forward_and_reload(open_page: OpenPage) -> None:
    page = open_page("/")
    ask(page, "first")
    chip(page, "first")
    first = names(page)
    ask(page, "quite another")
    chip(page, "quite another")
    second = names(page)
    page.go_back()
    chip(page, "“first”")
    assert names(page) == first
    expect(page.get_by_role("searchbox")).to_have_value("first")
    page.go_forward()
    chip(page, "quite another")
    assert names(page) == second
    page.reload()
    assert names(page) == second
    page.go_back()
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Search {PICTURES} pictures")


def test_filters_narrow_down_and_are_dropped(open_page: OpenPage) -> None:
    page = open_page("/?q=round")
    filters = page.get_by_role("complementary", name="Filters")
    filters.locator("#filter-group").get_by_role("link", name="circle").click()
    chip(page, "Group: circle")
    expect(page.locator("#summary")).to_contain_text("20 pictures")
    expect(filters.locator("#filter-group").get_by_role("link", name="circle")).to_be_focused()
    filters.get_by_role("link", name="warm").click()
    chip(page, "Tag: warm")
    expect(page.locator("#summary")).to_contain_text("5 pictures")
    page.get_by_role("link", name="Remove Group: circle").click()
    expect(page.locator("#summary")).to_contain_text("15 pictures")
    filters.get_by_label("Containing").fill("triangle")
    page.keyboard.press("Enter")
    chip(page, "Containing: triangle")
    expect(page.locator("#summary")).to_contain_text("5 pictures")
    filters.get_by_role("link", name="Clear all").click()
    expect(page.locator("#summary")).to_contain_text(f"{PICTURES} pictures")
    expect(page).to_have_url(re.compile(r"/\?q=round$"))


def test_dates_and_numbers_apply_at_once(open_page: OpenPage) -> None:
    page = open_page("/?q=round")
    page.get_by_label("From").fill("2020-01-01")
    chip(page, "Since 1 January 2020")
    page.get_by_text("Advanced").click()
    page.get_by_label("How many (k)").fill("3")
    page.keyboard.press("Enter")
    chip(page, "Best 3 only")
    expect(page.locator("#grid .tile")).to_have_count(3)


def test_names_and_tags_take_part_if_asked_for(open_page: OpenPage) -> None:
    page = open_page("/?q=teal")
    expect(page.locator("#grid .score")).to_have_count(24)
    page.get_by_text("Advanced").click()
    switch = page.get_by_label("Also match names, captions and tags")
    expect(switch).not_to_be_checked()
    switch.check()
    chip(page, "Names, captions and tags, too")
    expect(page).to_have_url(re.compile(r"/\?q=teal&hybrid=1$"))
    expect(switch).to_be_checked()
    expect(switch).to_be_focused()
    assert set(names(page)[:3]) == {"teal circle", "teal square", "teal triangle"}
    expect(page.locator("#grid .score")).to_have_count(0)
    page.get_by_role("link", name="Remove Names, captions and tags, too").click()
    expect(page).to_have_url(re.compile(r"/\?q=teal$"))
    expect(switch).not_to_be_checked()


def test_more_leads_to_the_very_last_and_never_repeats(open_page: OpenPage) -> None:
    page = open_page("/?q=round")
    for shown in (48, PICTURES):
        page.get_by_role("link", name="Show more").click()
        expect(page.locator("#grid .tile")).to_have_count(shown)
    expect(page.get_by_text(f"That is all {PICTURES} of them.")).to_be_visible()
    found = names(page)
    assert len(set(found)) == PICTURES
    expect(page.locator("#grid .tile .open").nth(48)).to_be_focused()
    page.reload()
    assert names(page) == found


def test_similar_keeps_the_filters(open_page: OpenPage) -> None:
    page = open_page("/?q=round&group=circle")
    page.locator("#grid .tile").first.get_by_role("link", name="Similar to").click()
    chip(page, "Like ")
    chip(page, "Group: circle")
    expect(page.locator("#summary")).to_contain_text("19 pictures")
    expect(page.locator(".chip", has_text="round")).to_have_count(0)


def test_nothing_passes_and_one_click_mends_it(open_page: OpenPage) -> None:
    page = open_page("/?group=circle&words=triangle")
    expect(page.get_by_role("heading", name="No picture passes all these filters")).to_be_visible()
    page.get_by_role("link", name="Drop Containing: triangle").click()
    expect(page.locator("#summary")).to_contain_text("20 pictures")


@embedded_only
def test_none_close_is_said_above_the_first(open_page: OpenPage, strict_site: Site) -> None:
    page = open_page("/?q=round", at=strict_site)
    expect(page.get_by_text("Nothing matches well. The closest are:")).to_be_visible()
    expect(page.locator("#grid .tile")).to_have_count(24)


@embedded_only
def test_an_error_keeps_the_words(open_page: OpenPage) -> None:
    page = open_page("/")
    ask(page, "x" * 1001)
    expect(page.get_by_role("heading", name="That search cannot be answered")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_value("x" * 1001)
    ask(page, "shorter")
    expect(page.locator("#grid .tile")).to_have_count(24)


@embedded_only
def test_a_phone_has_the_field_within_reach_and_filters_in_a_sheet(open_page: OpenPage) -> None:
    page = open_page("/?q=round", viewport=PHONE, has_touch=True, is_mobile=True)
    box = page.get_by_role("searchbox").bounding_box()
    assert box
    assert box["y"] > PHONE["height"] * 0.8
    expect(page.get_by_label("Take a photo to search by")).to_have_attribute("capture", "environment")
    tops = [t.bounding_box() for t in page.locator("#grid .tile").all()[:4]]
    assert [round(t["y"]) for t in tops if t][::2] == [round(t["y"]) for t in tops if t][1::2], "two in a row"
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    page.get_by_role("button", name="Filters").click()
    circles = page.locator('[data-key="group:circle"]')
    circles.click()
    page.get_by_role("button", name="Show 20 pictures").click()
    expect(circles).not_to_be_visible()
    chip(page, "Group: circle")


@embedded_only
def test_a_slow_search_shows_bones_first_and_dims_later(open_page: OpenPage) -> None:
    page = open_page("/")
    network = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 1500, "downloadThroughput": -1, "uploadThroughput": -1}
    network.send("Network.emulateNetworkConditions", slow)
    ask(page, "first")
    expect(page.locator(".bone")).to_have_count(24)
    expect(page.get_by_role("searchbox")).to_be_focused()
    chip(page, "first")
    expect(page.locator(".bone")).to_have_count(0)
    ask(page, "second")
    expect(page.locator("main[aria-busy=true] .tile")).to_have_count(24)
    chip(page, "second")
    expect(page.locator("main[aria-busy]")).to_have_count(0)


@embedded_only
def test_nothing_moves_while_pictures_load(open_page: OpenPage) -> None:
    page = open_page("/?q=round")
    page.wait_for_load_state("networkidle")
    shift = page.evaluate(
        """() => new Promise(done => new PerformanceObserver(list =>
             done(list.getEntries().reduce((sum, e) => sum + e.value, 0)))
             .observe({type: "layout-shift", buffered: true}) || setTimeout(() => done(0), 500))"""
    )
    assert shift < 0.01


@embedded_only
def test_the_first_view_weighs_little(open_page: OpenPage) -> None:
    page = open_page("/")
    page.wait_for_load_state("networkidle")
    weights = page.evaluate(
        """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
             .filter(e => !e.name.includes("/thumbnail")).map(e => e.decodedBodySize)"""
    )
    assert len(weights) > 10
    assert sum(weights) < 200_000
