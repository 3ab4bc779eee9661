"""The start, the results, and the way of a form to them."""

import math
import shlex
from contextlib import nullcontext
from datetime import date
from functools import partial
from http import HTTPStatus

from flask import Blueprint, Response, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue

from app.pages import words
from app.pages.choices import filter_choices, filter_parts, ways_out
from app.pages.parts import tile
from app.pages.room import answer, asked, best_score, credits_gallery, room, texts
from app.pages.state import PageState
from app.security import FORM_ROOM
from app.services import known, services
from imagesearch.records import Hit
from imagesearch.search import DEFAULT_LIMIT
from imagesearch.store import default_location, ends_at_reach, is_elastic


def register(pages: Blueprint) -> None:
    """Add the views to `pages`."""
    pages.get("/")(index)
    pages.post("/search")(search)
    pages.get("/search")(search_again)
    pages.get("/uploads/<handle>")(upload_thumbnail)


def index() -> ResponseReturnValue:
    """The start, or the results of what the address asks."""
    state, count = asked(), services().store.count()
    if count == 0:
        elastic = is_elastic(default_location(services().settings))
        return render_template("empty.html", command=_ingest_command(elastic), elastic=elastic)
    return _start(count) if state.is_start else _results(state)


def _ingest_command(elastic: bool) -> str:
    """Where an engine is, and with which key it is asked, is nobody's business but the server's."""
    settings = services().settings
    store = None if elastic else settings.store
    named = {"--model": settings.model if settings.model != "clip" else None, "--store": store}
    options = (f"{option} {shlex.quote(value)}" for option, value in named.items() if value)
    return " ".join(("python -m ingest", *options, "~/Pictures"))


def _start(count: int) -> str:
    shown = room().showcase.on(date.today(), services().store, count)
    return render_template(
        "start.html",
        count=count,
        examples=shown.examples,
        tiles=[tile(Hit(picture), PageState()) for picture in shown.pictures],
        credits_gallery=credits_gallery(),
    )


def _results(state: PageState) -> ResponseReturnValue:
    store, t = services().store, texts()
    upload = room().uploads.get(state.image)
    if state.image and not upload:
        return render_template("expired.html", state=state.but(image="")), HTTPStatus.GONE
    page = (found := answer(state, upload)).page
    liked = known(state.like) if state.like else None
    best = None if state.ranks_by_names else best_score(state, upload, page)
    last = state.offset + len(page.hits)
    ways = ways_out(store, state) if page.total == 0 else []
    return render_template(
        "results.html",
        state=state,
        liked=liked,
        title=words.title(state, liked, t),
        spoken=words.spoken(state, liked, t),
        chips=words.chips(state, liked, t),
        page=page,
        took=words.took(found.took_ms, t),
        weak=found.weak,
        tiles=[tile(hit, state, state.offset + i, best) for i, hit in enumerate(page.hits)],
        last=last,
        next_url=state.but(offset=last).url() if page.hits and last < page.reachable else None,
        earlier_url=_earlier(state).url() if state.offset else None,
        parts=filter_parts(state),
        cleared_url=state.without_filters().url(),
        choices=filter_choices(partial(room().counts.facets, store), state),
        ways_out=[(words.part_label(way.part, t), way) for way in ways],
        exact=store.capabilities.exact,
        ends_at_reach=ends_at_reach(page, store),
        credits_gallery=credits_gallery(),
    )


def _earlier(state: PageState) -> PageState:
    """The results just before these."""
    first = max(0, state.offset - DEFAULT_LIMIT)
    return state.but(offset=first, limit=state.offset - first)


def search() -> ResponseReturnValue:
    """What the form sends, a picture perhaps with it, to the address of its results."""
    here = services()
    small = (request.content_length or math.inf) <= FORM_ROOM
    with nullcontext() if small else here.intake.passing():
        state = asked()
        sent = next((file for file in request.files.getlist("image") if file.filename), None)
        if sent:
            _, decoded = here.intake.read(sent)
            state = state.but(image=room().uploads.keep(decoded.image), like="")
    return redirect(state.url(), HTTPStatus.SEE_OTHER)


def search_again() -> ResponseReturnValue:
    """The form's address, typed in or reloaded, has no results of its own."""
    return redirect(PageState.read(request.args).url())


def upload_thumbnail(handle: str) -> Response:
    """An uploaded picture, small, for the chip that stands for it."""
    upload = room().uploads.get(handle)
    if upload is None:
        abort(HTTPStatus.NOT_FOUND)
    response = Response(upload.thumbnail, mimetype="image/webp")
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response
