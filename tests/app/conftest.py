"""A running application on a small gallery, shared by the tests of the API and of the page.

The model is a tiny pair with random weights: its vectors mean nothing, but every seam is the real one.
"""

import io
import json
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from app import Services, create_app
from app.changes import Changes, uploads_folder
from imagesearch.config import Settings
from imagesearch.encoders import Model
from imagesearch.store import Store, open_store
from ingest.decoding import Limits
from ingest.job import Job
from ingest.metadata import read_metadata
from ingest.plan import Asked
from ingest.progress import Silent
from ingest.report import Report
from localnode.node import free_port
from tests.conftest import lacking
from tests.stores import Engine, Place

TOKEN = "a-token-that-only-the-tests-know"  # noqa: S105
AUTHORISED = {"Authorization": f"Bearer {TOKEN}"}
BROWSER_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update "
    "--disable-sync --no-first-run"
).split()
SHAPES = ("circle", "square", "triangle")
COLOURS = ("red", "orange", "gold", "green", "teal", "blue", "purple", "black")
# What is known of the three gold ones, and of the three green ones, as of photographs.
PHOTOGRAPHED: dict[str, dict[str, object]] = {
    "gold": {
        "taken_at": "2017-03-15T09:30:00+02:00",
        "camera": "Canon EOS 5D",
        "lens": "EF 50mm",
        "latitude": 46.948,
        "longitude": 7.4474,
        "rating": 4,
        "caption": "By the river <i>Aare</i>",
    },
    "green": {"camera": "Nikon Z6", "rating": 2},
}


def draw(shape: str, colour: str, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """A filled shape on a transparent ground."""
    image = Image.new("RGBA", size)
    pen = ImageDraw.Draw(image)
    box = (size[0] // 4, size[1] // 4, 3 * size[0] // 4, 3 * size[1] // 4)
    match shape:
        case "circle":
            pen.ellipse(box, fill=colour)
        case "square":
            pen.rectangle(box, fill=colour)
        case _:
            pen.polygon([(box[0], box[3]), (box[2], box[3]), (size[0] // 2, box[1])], fill=colour)
    return image


def in_bytes(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    """The picture as a file."""
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def upload(content: bytes, name: str = "picture.png", type: str = "image/png") -> tuple[io.BytesIO, str, str]:
    """A picture for the field of a form, under the name and type that the client claims."""
    return io.BytesIO(content), name, type


def problem(response: TestResponse, status: int, name: str | None = None) -> dict[str, Any]:
    """The problem document that `response` has to be, of this status and of the type called `name`."""
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    found: dict[str, Any] = response.get_json(force=True)
    assert found["type"] == (f"/api/problems/{name}" if name else "about:blank")
    assert found["status"] == status
    assert found["title"]
    assert found["detail"].endswith(".")
    return found


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 pictures: each of SHAPES (a folder and group) in each of COLOURS (a tag), some not described."""
    folder = tmp_path_factory.mktemp("gallery")
    for shape in SHAPES:
        (folder / shape).mkdir()
        for i, colour in enumerate(COLOURS):
            draw(shape, colour, (320, 200 + 40 * i)).save(folder / shape / f"{colour}.png")
    return folder


@pytest.fixture(scope="session")
def metadata_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is known of the gallery, as `python -m ingest --metadata` takes it."""
    file = tmp_path_factory.mktemp("metadata") / "gallery.jsonl"
    rows = [
        {
            "path": f"{shape}/{colour}.png",
            "name": f"{colour} {shape}" if i else f"雪山 {shape} <b>&amp;</b>",
            "tags": [colour, "warm" if i < 3 else "cool"],
            "group": shape,
            "author": "Ada Lovelace" if i % 2 else "Grace Hopper",
            "date": f"{2015 + i}-0{1 + i}-15",
            **PHOTOGRAPHED.get(colour, {}),
        }
        for shape in SHAPES
        for i, colour in enumerate(COLOURS[:-1])
    ]
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return file


def bring_in(place: Place, model: Model, folder: Path, metadata_file: Path) -> None:
    """Ingest the pictures of `folder`, with what is known of them, into the store at `place`."""
    with place.opened(create=True) as store:
        job = Job(store, model, Limits(max_pixels=10_000_000, memory=4 << 30, seconds=60))
        job.run(Asked([folder], read_metadata(metadata_file)), Silent(), Report())


@pytest.fixture(scope="session")
def ingested(
    tmp_path_factory: pytest.TempPathFactory, engine: Engine, model: Model, gallery: Path, metadata_file: Path
) -> Iterator[Place]:
    """A store with the gallery in it. Not to be written: copy it (`make_client` does)."""
    with engine.place(tmp_path_factory.mktemp("store") / "store") as place:
        bring_in(place, model, gallery, metadata_file)
        yield place


def settings_for(place: Place, folder: Path, pair: Path, **more: object) -> Settings:
    """Settings for the store at `place`, with a data folder of their own in `folder`."""
    return place.settings(**{"model": str(pair), "data": folder / "data", "api_token": TOKEN, **more})


@pytest.fixture(scope="session")
def app(
    tmp_path_factory: pytest.TempPathFactory, pair: Path, model: Model, ingested: Place
) -> Iterator[Flask]:
    """The application on the gallery, for tests that only ask."""
    made = create_app(settings_for(ingested, tmp_path_factory.mktemp("app"), pair), model)
    yield made
    made.extensions["services"].store.close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


MakeClient = Callable[..., FlaskClient]


@pytest.fixture
def make_client(
    tmp_path: Path, pair: Path, model: Model, engine: Engine, ingested: Place
) -> Iterator[MakeClient]:
    """Makes a client of an application of its own, for tests that write; settings by keyword.

    `empty=True` gives it a store without pictures.
    """
    with ExitStack() as stack:

        def make(*, empty: bool = False, **more: object) -> FlaskClient:
            folder = Path(tempfile.mkdtemp(dir=tmp_path))
            new = engine.place(folder / "store") if empty else engine.copy(ingested, folder / "store")
            app = create_app(settings_for(stack.enter_context(new), folder, pair, **more), model)
            stack.callback(app.extensions["services"].store.close)
            return app.test_client()

        yield make


@contextmanager
def away(app: Flask, engine: Engine, folder: Path) -> Iterator[None]:
    """The store of `app` is away: in its place stands one whose folder is gone, or where nobody answers."""
    place = Place(str(folder) if engine.url is None else f"http://127.0.0.1:{free_port()}")
    store = open_store(place.store, place.settings(), create=True, patience=0.2)
    if engine.url is None:
        store.close()
        shutil.rmtree(folder)
    with asking(app, store):
        yield


@contextmanager
def asking(app: Flask, store: Store) -> Iterator[None]:
    """`app` asks another store, which is closed afterwards."""
    here: Services = app.extensions["services"]
    searcher = replace(here.searcher, store=store, texts=store.texts(here.settings.text_encoding))
    changes = Changes(searcher, uploads_folder(place_of(app).store, here.settings))
    app.extensions["services"] = replace(here, store=store, searcher=searcher, changes=changes)
    try:
        yield
    finally:
        app.extensions["services"] = here
        store.close()


def place_of(app: Flask) -> Place:
    """Where the store of `app` is."""
    settings: Settings = app.extensions["services"].settings
    assert settings.store
    return Place(settings.store, settings.index)


@pytest.fixture(scope="session")
def served(app: Flask) -> Iterator[str]:
    """The address of the application on the gallery, for a browser."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, one for all tests: Playwright starts once in a process."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not found:
        lacking("The tests of the page need a Chromium in PATH. On Debian: sudo apt install chromium.")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=BROWSER_FLAGS)
        yield launched
        launched.close()
