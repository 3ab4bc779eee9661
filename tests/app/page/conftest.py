"""A real browser on a real server, shared by the tests of the page.

The model is a tiny pair with random weights: what it finds means nothing, how it is shown does.
"""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, ViewportSize, expect
from tqdm import tqdm
from werkzeug.serving import WSGIRequestHandler, make_server

from app import create_app
from imagesearch.config import Settings
from imagesearch.encoders import Model
from imagesearch.store import open_store
from ingest.job import Job
from ingest.metadata import read_metadata
from ingest.report import Report

SCREENSHOTS = Path("test-results")
SHAPES = ("circle", "square", "triangle")
COLOURS = tuple(
    "red orange gold olive green teal blue navy purple pink brown grey black tan lime cyan indigo plum "
    "salmon khaki".split()
)
PICTURES = len(SHAPES) * len(COLOURS)
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
            rows.append(row | {"group": shape, "author": author, "date": f"{2015 + i % 7}-03-0{1 + i % 9}"})
    table = folder.with_suffix(".jsonl")
    table.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return folder


def ingest(settings: Settings, model: Model, folder: Path) -> None:
    """Bring the pictures of `folder` into the store of `settings`."""
    assert settings.store
    with open_store(settings.store, create=True) as store:
        job = Job(store, model, max_pixels=10_000_000)
        job.run([folder], read_metadata(folder.with_suffix(".jsonl")), partial(tqdm, disable=True), Report())


@dataclass(frozen=True)
class Site:
    """An application that is being served."""

    url: str
    app: Flask


class _Silent(WSGIRequestHandler):
    """Hundreds of lines about thumbnails would bury what a failed test has to say."""

    def log_request(self, *_: object) -> None: ...


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Flask], Site]]:
    """Serves applications, each on a free port, until the tests are over."""
    running = []

    def start(app: Flask) -> Site:
        server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Silent)
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
    tmp_path_factory: pytest.TempPathFactory, pair: Path, model: Model, shapes: Path
) -> Settings:
    """Settings of a store that holds the shapes."""
    folder = tmp_path_factory.mktemp("page-store")
    settings = Settings(_env_file=None, model=str(pair), store=str(folder / "store"), data=folder / "data")  # type: ignore[call-arg]
    ingest(settings, model, shapes)
    return settings


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
