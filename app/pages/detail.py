"""One picture on a page of its own; the scripts show the same page over the grid."""

from dataclasses import dataclass, replace

from flask import Blueprint, render_template, request

from app.links import THUMBNAIL_SIZES
from app.pages.parts import Tile, shape, similar_to, source_set, tile
from app.pages.room import answer, asked, credits_gallery, room
from app.pages.state import PageState
from app.services import known, services
from imagesearch.records import Filters
from imagesearch.search import Query

SIMILAR_SHOWN = 12


@dataclass(frozen=True)
class Around:
    """A picture's place `at` among `count` results, and what stands before and after it."""

    at: int
    count: int
    here: Tile
    previous: Tile | None
    next: Tile | None


def register(pages: Blueprint) -> None:
    """Add the view to `pages`."""
    pages.get("/pictures/<id>")(picture)


def picture(id: str) -> str:
    """One picture, large, with what is known of it, its neighbours in the results and its likes."""
    state, at = asked(), request.args.get("at", type=int)
    shown = known(id)
    similar = services().searcher.search(Query(like=id, limit=SIMILAR_SHOWN)).page.hits
    return render_template(
        "picture.html",
        picture=shown,
        shape=shape(shown),
        sources=source_set(shown, THUMBNAIL_SIZES),
        state=state,
        around=_around(state, at, id),
        twins=services().store.count(Filters(phashes=(shown.phash,))) - 1 if shown.phash else 0,
        similar=[tile(hit, PageState(like=id), i, similar[0].score) for i, hit in enumerate(similar)],
        similar_url=similar_to(id, state).url(),
        only=_only,
        credits_gallery=credits_gallery(),
    )


def _only(**filters: object) -> str:
    """The address of all pictures with this value."""
    return PageState().but(**filters).url()


def _around(state: PageState, at: int | None, id: str) -> Around | None:
    """The neighbours of the picture at place `at` of the results; None where it is not there any more."""
    upload = room().uploads.get(state.image)
    if at is None or at < 0 or state.is_start or (state.image and not upload):
        return None
    first = max(0, at - 1)
    page = answer(replace(state, offset=first, limit=3), upload).page
    tiles = {first + i: tile(hit, state, first + i) for i, hit in enumerate(page.hits)}
    if at not in tiles or tiles[at].picture.id != id:
        return None
    return Around(at, page.reachable, tiles[at], tiles.get(at - 1), tiles.get(at + 1))
