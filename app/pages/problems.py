"""The page that says what went wrong and what to do, the query kept."""

from dataclasses import replace
from http import HTTPStatus

from flask import render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from app.kinds import BLANK
from app.pages.room import texts
from app.pages.state import PageState
from app.problems import Problem


def render_problem(problem: Problem) -> ResponseReturnValue:
    """`problem` as a page."""
    kind, t = problem.kind, texts()
    name = "not-found" if kind.name == BLANK and kind.status == HTTPStatus.NOT_FOUND else kind.name
    key = f"problem.{name}.title"
    heading = t(key if key in t.table else "problem.other.title")
    state = _kept_state()
    page = render_template(
        "problem.html",
        problem=problem,
        heading=heading,
        state=state,
        # What passes by itself: the page tries again.
        passing="Retry-After" in kind.headers,
        again_url=state.url() if kind.status >= 500 else None,
        without_url=_without_numbers(state),
    )
    return page, kind.status, kind.headers


def _without_numbers(state: PageState) -> str | None:
    """The same search without the numbers of "advanced" and what could not be read, if there were any."""
    plain = replace(state.but(k=None, num_candidates=None, similarity=None, hybrid=False), problems=())
    return plain.url() if plain != state and not plain.is_start else None


def _kept_state() -> PageState:
    """What was asked, as far as it can still be read."""
    try:
        return PageState.read(request.form if request.method == "POST" else request.args)
    except HTTPException:
        return PageState()
