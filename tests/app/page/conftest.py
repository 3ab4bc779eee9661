"""A real browser on a real server, shared by the tests of the page.

The model is a tiny pair with random weights: what it finds means nothing, how it is shown does.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, ViewportSize, expect
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wsgi import ClosingIterator

from app import create_app
from imagesearch.config import Settings
from imagesearch.encoders import Model
from tests.app.conftest import bring_in
from tests.stores import Engine

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SCREENSHOTS = Path("test-results")
SHAPES = ("circle", "square", "triangle")
COLOURS = tuple(
    "red orange gold olive green teal blue navy purple pink brown grey black tan lime cyan indigo plum "
    "salmon khaki".split()
)
PICTURES = len(SHAPES) * len(COLOURS)
# What is known of the three gold ones, and of the three green ones, as of photographs.
PHOTOGRAPHED: dict[str, dict[str, object]] = {
    "gold": {
        "taken_at": "2017-03-03T09:30:00+02:00",
        "camera": "Canon EOS 5D",
        "lens": "EF 50mm",
        "latitude": 46.948,
        "longitude": -7.4474,
        "rating": 4,
        "caption": "By the river <i>Aare</i>",
    },
    "green": {"camera": "Nikon Z6", "rating": 2},
}
WIDE: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
# Seen on two cores with a load of 16: half a minute for what takes half a second when they are idle.
PATIENCE_MS = 60_000

expect.set_options(timeout=PATIENCE_MS)


def draw(shape: str, colour: str, at: int) -> Image.Image:
    """A filled shape, in the proportions of a panorama, a photograph, a square or a tower."""
    size = ((480, 160), (360, 240), (240, 240), (160, 400))[at % 4]
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    left, top, right, bottom = size[0] // 4, size[1] // 4, 3 * size[0] // 4, 3 * size[1] // 4
    match shape:
        case "circle":
            pen.ellipse((left, top, right, bottom), fill=colour)
        case "square":
            pen.rectangle((left, top, right, bottom), fill=colour)
        case _:
            pen.polygon([(left, bottom), (right, bottom), (size[0] // 2, top)], fill=colour)
    return image


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of PICTURES pictures, and what is known of them in shapes.jsonl beside it."""
    folder = tmp_path_factory.mktemp("page") / "shapes"
    rows = []
    for shape in SHAPES:
        (folder / shape).mkdir(parents=True)
        for i, colour in enumerate(COLOURS):
            draw(shape, colour, i).save(folder / shape / f"{colour}.png")
            warm = "warm" if i < 5 else "cool"
            row = {"path": f"{shape}/{colour}.png", "name": f"{colour} {shape}", "tags": [colour, warm]}
            author = "Ada Lovelace" if i % 2 else "Grace <b>Hopper</b>"
            row |= {"group": shape, "author": author, "date": f"{2015 + i % 7}-03-0{1 + i % 9}"}
            rows.append(row | PHOTOGRAPHED.get(colour, {}))
    table = folder.with_suffix(".jsonl")
    table.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Site:
    """An application that is being served."""

    url: str
    app: Flask


class _Silent(WSGIRequestHandler):
    """Hundreds of lines about thumbnails would bury what a failed test has to say."""

    def log_request(self, *_: object) -> None: ...


def whole(app: Flask) -> "WSGIApplication":
    """The answers of `app`, each whole at once: werkzeug's server leaves files open if a browser hangs up."""

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
        with closing(ClosingIterator(app(environ, start_response))) as parts:
            return [b"".join(parts)]

    return answer


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Flask], Site]]:
    """Serves applications, each on a free port, until the tests are over."""
    running = []

    def start(app: Flask) -> Site:
        server = make_server("127.0.0.1", 0, whole(app), threaded=True, request_handler=_Silent)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        running.append((server, thread, app))
        return Site(f"http://127.0.0.1:{server.server_port}", app)

    yield start
    for server, thread, app in running:
        server.shutdown()
        thread.join()
        server.server_close()
        app.extensions["services"].store.close()


@pytest.fixture(scope="session")
def page_settings(
    tmp_path_factory: pytest.TempPathFactory, engine: Engine, pair: Path, model: Model, shapes: Path
) -> Iterator[Settings]:
    """Settings of a store that holds the shapes."""
    folder = tmp_path_factory.mktemp("page-store")
    with engine.place(folder / "store") as place:
        bring_in(place, model, shapes, shapes.with_suffix(".jsonl"))
        yield place.settings(model=str(pair), data=folder / "data")


@pytest.fixture(scope="session")
def site(page_settings: Settings, model: Model, serve: Callable[[Flask], Site]) -> Site:
    """The page on the shapes."""
    return serve(create_app(page_settings, model))


@pytest.fixture(scope="session")
def strict_site(page_settings: Settings, model: Model, serve: Callable[[Flask], Site]) -> Site:
    """The same with a model to which nothing ever matches well."""
    spec = replace(model.spec, weak_words=1.0, weak_picture=1.0)
    return serve(create_app(page_settings, replace(model, spec=spec)))


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Iterator[OpenPage]:
    """Opens an address in a fresh context. At the end no script may have failed, nor the CSP been broken.

    Keywords: `at` is another site; the others are Playwright's for a context.
    """
    contexts = []
    complaints: list[str] = []

    def open_it(path: str, at: Site | None = None, **options: object) -> Page:
        context = browser.new_context(**{"viewport": WIDE, "base_url": (at or site).url, **options})  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(path)
        return page

    yield open_it
    for context in contexts:
        context.close()
    # That an answer has the status of an error is what some of the tests are about.
    assert [said for said in complaints if not said.startswith("Failed to load resource")] == []


def names(page: Page, within: str = "#grid") -> list[str]:
    """The names of the pictures in the grid, in order."""
    return page.locator(f"{within} .tile .name").all_text_contents()
