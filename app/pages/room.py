"""What the views of the page share: its texts, what it keeps in memory, and the ways to answer."""

import time
from dataclasses import dataclass, field, replace

from flask import Flask, current_app, request

from app.links import image_url, thumbnail_url
from app.pages.counts import Counts
from app.pages.showcase import Showcase
from app.pages.state import PageState
from app.pages.strings import Strings, languages, strings
from app.pages.uploads import Upload, Uploads
from app.pages.words import value_label
from app.services import services
from imagesearch.errors import BadQuery
from imagesearch.records import Page, Window
from imagesearch.search import Answer


@dataclass
class PageRoom:
    """What the page keeps in memory."""

    uploads: Uploads = field(default_factory=Uploads)
    showcase: Showcase = field(default_factory=Showcase)
    counts: Counts = field(default_factory=Counts)


def room() -> PageRoom:
    """That of the application that handles the current request."""
    found: PageRoom = current_app.extensions["page"]
    return found


def prepare(app: Flask) -> None:
    """Make the room, and give the templates what they all use.

    None of it asks the store, which may be away while the page that says so is put together.
    """
    app.extensions["page"] = PageRoom()
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals |= {
        "thumbnail_url": thumbnail_url,
        "image_url": image_url,
        "value_label": value_label,
    }
    app.context_processor(_common)


def _common() -> dict[str, object]:
    return {"t": texts(), "state": PageState(), "liked": None, "credits_gallery": False}


def texts() -> Strings:
    """What the page says, in the language of who asks."""
    return strings(request.accept_languages.best_match(languages()) or languages()[0])


def asked() -> PageState:
    """What the address or the form of this request asks. Raises BadQuery where it cannot be read."""
    state = PageState.read(request.form if request.method == "POST" else request.args)
    if state.problems:
        raise BadQuery(" ".join(state.problems))
    return state


def answer(state: PageState, upload: Upload | None) -> Answer:
    """The part of the ranking that `state` shows; where nothing is looked for, of all pictures."""
    here = services()
    if state.asks:
        return here.searcher.search(state.query(upload.image if upload else None))
    started = time.perf_counter()
    page = here.store.browse(state.filters, Window(state.offset, state.limit))
    return Answer(page, (time.perf_counter() - started) * 1000, exact=True, weak=None)


def best_score(state: PageState, upload: Upload | None, page: Page) -> float | None:
    """The score of the best of all results, of which `page` shows a part."""
    if state.offset and page.hits and page.hits[0].score is not None:
        page = answer(replace(state, offset=0, limit=1), upload).page
    return page.hits[0].score if page.hits else None


def credits_gallery() -> bool:
    """Whether the demo gallery is among what is shown, whose licence asks to be named."""
    here = services()
    return str(here.settings.data.resolve() / "gallery") in here.store.sources()
