"""Every state in both themes and both widths: nothing for axe to find, and a screenshot kept of each."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.app.page.conftest import PHONE, SCREENSHOTS, WIDE, OpenPage, Site
from tests.stores import embedded_only

pytestmark = embedded_only

STATES = {
    "start": "/",
    "results": "/?q=round&group=circle&tag=warm",
    "weak": "/?q=round",
    "none": "/?group=circle&words=triangle",
    "problem": "/?q=round&k=0",
    "expired": "/?image=gone&q=round",
}


def settle(page: Page) -> None:
    """Wait for the pictures that are in view. (Asking again and again takes eval, which the CSP forbids.)"""
    page.evaluate(
        """() => Promise.all([...document.images]
             .filter(image => !image.complete && image.getBoundingClientRect().top <= innerHeight)
             .map(image => new Promise(done => image.onload = image.onerror = done)))"""
    )


def check(page: Page, name: str) -> None:
    """Keep a screenshot, and look for what would keep somebody out."""
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_every_state(
    open_page: OpenPage, strict_site: Site, theme: str, size: dict[str, int], request: pytest.FixtureRequest
) -> None:
    width = size["width"]
    options = {"color_scheme": theme, "viewport": size, "reduced_motion": "reduce"}
    page = open_page("about:blank", at=strict_site, **options)
    for name, path in STATES.items():
        page.goto(path)
        settle(page)
        check(page, f"{name}-{width}-{theme}")
    page.goto("/?q=round")
    page.locator("#grid .tile .open").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    settle(page)
    check(page, f"viewer-{width}-{theme}")
    page.reload()
    settle(page)
    check(page, f"picture-{width}-{theme}")
    page.goto("/")
    page.keyboard.press("?")
    check(page, f"keys-{width}-{theme}")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_sheet(open_page: OpenPage, theme: str) -> None:
    page = open_page("/?q=round&group=circle", viewport=PHONE, color_scheme=theme)
    page.get_by_role("button", name="Filters").click()
    page.get_by_text("Advanced").click()
    check(page, f"sheet-{PHONE['width']}-{theme}")
