"""What the OpenAPI document says beside what the models say."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask_openapi3 import Info, SecurityScheme, Tag
from flask_openapi3.types import ResponseDict, SecuritySchemesDict
from pydantic import BaseModel

from app.kinds import Kind, all_kinds
from app.version import VERSION

_SCHEMAS = "#/components/schemas/"
_PROBLEM = {"$ref": f"{_SCHEMAS}ProblemOut"}
_SCHEME = "token"
TOKEN: list[dict[str, list[Any]]] = [{_SCHEME: []}]
SECURITY_SCHEMES: SecuritySchemesDict = {
    _SCHEME: SecurityScheme(type="http", scheme="bearer", description="The server's API_TOKEN.")
}

INFO = Info(
    title="Image search",
    version=VERSION,
    description="Find pictures by words, by a picture, or by both. Errors are problem documents (RFC 9457). "
    "Adding and removing pictures needs the token that the server was started with (API_TOKEN).",
)
SEARCH = Tag(name="search", description="Finding pictures.")
PICTURES = Tag(name="pictures", description="The pictures themselves.")
SERVER = Tag(name="server", description="What answers here.")


def answers(good: type[BaseModel], *failures: int) -> ResponseDict:
    """The answer of an operation that succeeds, and the statuses with which it may fail."""
    return {200: good, **failing(*failures)}


def failing(*statuses: int) -> ResponseDict:
    """The answers that are problem documents; every request may be refused as bad, or meet a mistake."""
    return {status: _problem(status) for status in (400, *statuses, 500)}


def failing_with(kind: Kind, more: type[BaseModel]) -> ResponseDict:
    """The answer that is a problem document of this kind, with the fields of `more` beside the usual ones."""
    properties = more.model_json_schema(ref_template=_SCHEMAS + "{model}")["properties"]
    return {kind.status: _described([kind.title], {"allOf": [_PROBLEM], "properties": properties})}


def _problem(status: int) -> dict[str, Any]:
    titles = dict.fromkeys(kind.title for kind in all_kinds() if kind.status == status)
    return _described(titles, _PROBLEM)


def _described(titles: Iterable[str], schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "description": "; or: ".join(titles) + ".",
        "content": {"application/problem+json": {"schema": schema}},
    }
