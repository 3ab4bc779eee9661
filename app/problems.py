"""Errors to answers: one description for every door, problem documents (RFC 9457) for the API's."""

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import NoReturn

from flask import Flask, Response, current_app, request
from flask.typing import ResponseReturnValue
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app.schemas import Offence, ProblemOut
from imagesearch import errors

log = logging.getLogger(__name__)


class WrongHost(errors.ImageSearchError):
    """A request under a name that is not the server's."""


class Busy(errors.ImageSearchError):
    """More uploads at a time than the server takes in."""


class Forbidden(errors.ImageSearchError):
    """A change that the server was not set up to allow."""


class Unauthorized(errors.ImageSearchError):
    """A change without the right token."""


@dataclass(frozen=True)
class Kind:
    """A kind of problem: its name in URLs, its status, and what it means.

    `detail` replaces the error's own message where that would show the server's insides.
    """

    name: str
    status: int
    title: str
    detail: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


_LATER = {"Retry-After": "5"}

# The first match counts, so that a special case stands before what it is a case of.
KINDS: dict[type[Exception], Kind] = {
    errors.BadQuery: Kind("bad-query", 400, "The query cannot be answered as asked"),
    errors.PictureTooLarge: Kind("picture-too-large", 413, "The picture is too large"),
    # Not 415: that speaks of the request's own media type, multipart/form-data, which was right.
    errors.BadPicture: Kind("bad-picture", 422, "The upload cannot be read as a picture"),
    errors.UnknownPicture: Kind("unknown-picture", 404, "There is no such picture"),
    errors.OriginalMissing: Kind("original-missing", 410, "The picture's file cannot be read any more"),
    errors.StoreFull: Kind(
        "store-full",
        507,
        "The disk is full",
        "There is no room left on the server's disk. Nothing was changed; make room and try again.",
    ),
    errors.StoreUnavailable: Kind(
        "store-unavailable",
        503,
        "The store does not answer",
        "The store of pictures does not answer; the server's log says why. Try again in a few seconds.",
        _LATER,
    ),
    errors.WrongModel: Kind(
        "wrong-model",
        409,
        "The store was made with another model",
        "The store holds embeddings of another model than the server's; the server's log says which. "
        "Start the server with that model, or with another store.",
    ),
    errors.ModelUnavailable: Kind(
        "model-unavailable",
        503,
        "The model cannot be loaded",
        "The server's model cannot be loaded; its log says why. Browsing and filters go on working.",
    ),
    WrongHost: Kind("wrong-host", 421, "That is not the server's name"),
    Busy: Kind("busy", 503, "Too many uploads at a time", headers=_LATER),
    Forbidden: Kind("changes-are-off", 403, "Changes are off"),
    Unauthorized: Kind(
        "token-needed", 401, "A token is needed", headers={"WWW-Authenticate": 'Bearer realm="imagesearch"'}
    ),
}

BAD_PARAMETER = Kind("bad-parameter", 400, "A parameter cannot be used")
UPLOAD_TOO_LARGE = Kind("upload-too-large", 413, "The upload is too large")
INTERNAL = Kind("internal", 500, "Something went wrong in the server")
# The status says all there is to say (RFC 9457, section 4.2.1).
BLANK = "about:blank"


@dataclass(frozen=True)
class Problem:
    """What went wrong, in words for the person who asked."""

    kind: Kind
    detail: str
    instance: str
    errors: tuple[Offence, ...] = ()


Render = Callable[[Problem], ResponseReturnValue]


def all_kinds() -> list[Kind]:
    """Every kind that has a name of its own."""
    return [*KINDS.values(), BAD_PARAMETER, UPLOAD_TOO_LARGE, INTERNAL]


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
    return request.path == "/api" or request.path.startswith("/api/") or request.path == "/health"


def describe(error: Exception) -> Problem:
    """`error` in words for the person who asked; what they cannot mend goes to the log."""
    if isinstance(error, ValidationError):
        return invalid(error)
    if isinstance(error, RequestEntityTooLarge):
        return Problem(UPLOAD_TOO_LARGE, _over_the_cap(), request.path)
    if isinstance(error, HTTPException):
        return _of_http(error)
    kind = next((kind for type, kind in KINDS.items() if isinstance(error, type)), None)
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


def document(problem: Problem) -> Response:
    """The problem as application/problem+json."""
    kind = problem.kind
    body = ProblemOut(
        type=kind.name if kind.name == BLANK else f"/api/problems/{kind.name}",
        title=kind.title,
        status=kind.status,
        detail=problem.detail,
        instance=problem.instance,
        errors=list(problem.errors),
    )
    text = body.model_dump_json(exclude_defaults=not problem.errors)
    return Response(text, kind.status, kind.headers, content_type="application/problem+json")
