"""Searching: by words, by an uploaded picture, by an indexed one."""

from collections.abc import Iterator
from typing import Any

from flask import url_for
from flask_openapi3 import APIBlueprint
from PIL import Image

from app.api.answers import end_of_paging, result_out
from app.api.descriptions import SEARCH, answers
from app.api.forms import multipart, read_form
from app.parameters import PicturePath, RankParameters, SearchParameters, UploadParameters
from app.schemas import SearchOut
from app.services import services
from imagesearch.errors import BadQuery
from imagesearch.search import Answer, Query
from imagesearch.store import ends_at_reach


def register(api: APIBlueprint) -> None:
    """Add the views to `api`."""
    found = answers(SearchOut, 404, 409, 503)
    api.get("/search", tags=[SEARCH], responses=found)(search)
    api.get("/pictures/<id>/similar", tags=[SEARCH], responses=found)(similar)
    api.post(
        "/search",
        tags=[SEARCH],
        responses=answers(SearchOut, 404, 409, 413, 422, 503),
        openapi_extensions=multipart(UploadParameters),
    )(search_by_upload)


def search(query: SearchParameters) -> dict[str, Any]:
    """Search by words, by an indexed picture, or by both."""
    if query.q is None and query.like is None:
        raise BadQuery(
            "The query is empty. Give words (q) or the id of a picture (like). "
            f"{url_for('api.browse')} lists pictures by filters alone."
        )
    return answer(query, words=query.q, like=query.like)


def similar(path: PicturePath, query: RankParameters) -> dict[str, Any]:
    """More like an indexed picture, without that picture itself."""
    return answer(query, like=path.id)


def search_by_upload() -> dict[str, Any]:
    """Search by an uploaded picture, alone or together with words."""
    with services().intake.passing():
        form, image = read_form(UploadParameters)
        _, decoded = services().intake.read(image)
        return answer(form, words=form.q or None, like=form.like, picture=decoded.image)


def answer(
    asked: RankParameters,
    words: str | None = None,
    like: str | None = None,
    picture: Image.Image | None = None,
) -> dict[str, Any]:
    """What the store answers, for the JSON."""
    found = services().searcher.search(
        Query(
            words=words,
            picture=picture,
            like=like,
            filters=asked.filters(),
            k=asked.k,
            num_candidates=asked.num_candidates,
            similarity=asked.similarity,
            offset=asked.offset,
            limit=asked.limit,
            hybrid=asked.hybrid,
        )
    )
    out = SearchOut(
        took_ms=round(found.took_ms, 1),
        total=found.page.total,
        reachable=found.page.reachable,
        exact=found.exact,
        weak=found.weak,
        notes=list(_notes(found, asked)),
        results=[result_out(hit) for hit in found.page.hits],
    )
    return out.model_dump(mode="json")


def _notes(found: Answer, asked: RankParameters) -> Iterator[str]:
    if found.exact and asked.num_candidates is not None:
        yield "num_candidates changed nothing: this store compares every picture."
    if asked.k is None and ends_at_reach(found.page, services().store):
        yield end_of_paging(found.page)
