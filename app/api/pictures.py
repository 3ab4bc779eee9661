"""Looking at pictures without searching: one, all of them, and what they are counted by."""

from dataclasses import asdict
from typing import Any

from flask_openapi3 import APIBlueprint

from app.api.answers import end_of_paging, picture_out
from app.api.descriptions import PICTURES, answers
from app.parameters import BrowseParameters, FacetParameters, PicturePath
from app.schemas import BrowseOut, FacetsOut, PictureOut
from app.services import known, services
from imagesearch.records import Window
from imagesearch.search import DEFAULT_LIMIT
from imagesearch.store import ends_at_reach


def register(api: APIBlueprint) -> None:
    """Add the views to `api`."""
    api.get("/pictures", tags=[PICTURES], responses=answers(BrowseOut, 503))(browse)
    api.get("/pictures/<id>", tags=[PICTURES], responses=answers(PictureOut, 404, 503))(picture)
    api.get("/facets", tags=[PICTURES], responses=answers(FacetsOut, 503))(facets)


def browse(query: BrowseParameters) -> dict[str, Any]:
    """The pictures that pass the filters, newest first."""
    store = services().store
    page = store.browse(query.filters(), Window(query.offset, query.limit or DEFAULT_LIMIT))
    results = [picture_out(hit.picture) for hit in page.hits]
    notes = [end_of_paging(page)] if ends_at_reach(page, store) else []
    out = BrowseOut(total=page.total, reachable=page.reachable, notes=notes, results=results)
    return out.model_dump(mode="json")


def picture(path: PicturePath) -> dict[str, Any]:
    """One picture."""
    return picture_out(known(path.id)).model_dump(mode="json")


def facets(query: FacetParameters) -> dict[str, Any]:
    """How many of the pictures that pass the filters have each tag, group, author, year, camera and so on."""
    filters = query.filters()
    counts = services().store.facets(filters, query.size)
    out = FacetsOut(total=services().store.count(filters), **asdict(counts))
    return out.model_dump(mode="json")
