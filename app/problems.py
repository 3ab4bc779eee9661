"""Errors to answers: one description for every door, problem documents (RFC 9457) for the API's."""

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import NoReturn

from flask import Flask, Response, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app.kinds import BAD_PARAMETER, BLANK, INTERNAL, UPLOAD_TOO_LARGE, Kind, kind_of
from app.schemas import Offence, ProblemOut

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Problem:
    """What went wrong, in words for the person who asked."""

    kind: Kind
    detail: str
    instance: str
    errors: tuple[Offence, ...] = ()


Render = Callable[[Problem], ResponseReturnValue]


def register(app: Flask, html: Render | None = None) -> None:
    """Answer every error of `app`: as a problem document where the API was asked, else by `html`."""

    def answer(error: Exception) -> ResponseReturnValue:
        if isinstance(error, HTTPException) and error.response is not None:
            return error.response
        problem = describe(error)
        return document(problem) if html is None or _api_was_asked() else html(problem)

    app.register_error_handler(Exception, answer)


def reraise(error: ValidationError) -> NoReturn:
    """The library asks for an answer to this error; it gets the same one as every other."""
    raise error


def _api_was_asked() -> bool:
    return request.path == "/api" or request.path.startswith("/api/") or request.path in ("/health", "/ready")


def describe(error: Exception) -> Problem:
    """`error` in words for the person who asked; what they cannot mend goes to the log."""
    if isinstance(error, ValidationError):
        return invalid(error)
    if isinstance(error, RequestEntityTooLarge):
        return Problem(UPLOAD_TOO_LARGE, _over_the_cap(), request.path)
    if isinstance(error, HTTPException):
        return _of_http(error)
    kind = kind_of(error)
    if kind is None:
        return _unexpected(error)
    if kind.detail:
        log.error("%s %r: %s", request.method, request.path, error)
    return Problem(kind, kind.detail or str(error), request.path)


def invalid(error: ValidationError) -> Problem:
    """The parameters that cannot be used, each with the reason."""
    offences = tuple(_offence(e["loc"], e["type"], e["msg"]) for e in error.errors(include_input=False))
    detail = " ".join(f"{o.parameter} {o.reason}." for o in offences)
    return Problem(BAD_PARAMETER, detail, request.path, offences)


def _offence(loc: tuple[int | str, ...], type: str, message: str) -> Offence:
    match type:
        case "extra_forbidden":
            reason = "is no parameter here"
        case "value_error":
            reason = message.removeprefix("Value error, ")
        case _:
            # Pydantic's words: "Input should be less than or equal to 10000".
            reason = message.replace("Input should", "should", 1)
    return Offence(parameter=str(loc[0]) if loc else "the request", reason=reason)


def _over_the_cap() -> str:
    most: int = current_app.config["MAX_CONTENT_LENGTH"]
    if 0 < (request.content_length or 0) <= most:
        return "The form has too many fields, or one that is too long. Send less beside the picture."
    return (
        f"The upload is larger than the {most // 2**20} MiB that are allowed (MAX_UPLOAD_MB). "
        "Send a smaller picture."
    )


def _of_http(error: HTTPException) -> Problem:
    status = error.code or 500
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    title = HTTPStatus(status).phrase
    match status:
        case HTTPStatus.NOT_FOUND:
            detail = f"There is nothing at {request.path}. Check the address; /api/docs lists what there is."
        case HTTPStatus.METHOD_NOT_ALLOWED:
            detail = f"{request.path} does not take {request.method}, only {headers.get('Allow')}."
        case _:
            detail = error.description or title
    return Problem(Kind(BLANK, status, title, None, headers), detail, request.path)


def _unexpected(error: Exception) -> Problem:
    number = uuid.uuid4()
    log.error("%s %r failed; request %s", request.method, request.path, number, exc_info=error)
    detail = f"The server met an error of its own. Its log has it under {number}; please report it."
    return Problem(INTERNAL, detail, number.urn)


def document(problem: Problem, parts: BaseModel | None = None) -> Response:
    """The problem as application/problem+json; the fields of `parts` stand beside the usual ones."""
    kind = problem.kind
    body = ProblemOut(
        type=kind.name if kind.name == BLANK else f"/api/problems/{kind.name}",
        title=kind.title,
        status=kind.status,
        detail=problem.detail,
        instance=problem.instance,
        errors=list(problem.errors),
    )
    content = body.model_dump(exclude_defaults=not problem.errors)
    if parts:
        content |= parts.model_dump()
    response = jsonify(content)
    response.status_code = kind.status
    response.headers.update(kind.headers)
    response.content_type = "application/problem+json"
    return response
