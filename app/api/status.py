"""What answers here, and what the types of problems mean."""

from dataclasses import asdict
from typing import Any

from flask import Response, abort, request, url_for
from flask_openapi3 import APIBlueprint, OpenAPI

from app.api.descriptions import SERVER, answers, failing_with
from app.condition import Condition, look, look_closely
from app.kinds import NOT_READY, all_kinds
from app.parameters import KindPath
from app.problems import Problem, document
from app.schemas import HealthOut, KindOut, PartsOut, ReadyOut
from app.services import services
from app.version import VERSION


def register(api: APIBlueprint) -> None:
    """Add the views to `api`."""
    api.get("/problems/<name>", tags=[SERVER], responses=answers(KindOut, 404))(kind)


def register_health(app: OpenAPI) -> None:
    """Add /health and /ready, where those who watch servers look for them."""
    app.get("/health", tags=[SERVER], responses=answers(HealthOut))(health)
    either = {**answers(ReadyOut), **failing_with(NOT_READY, PartsOut)}
    app.get("/ready", tags=[SERVER], responses=either)(ready)


def health() -> dict[str, Any]:
    """This process answers; and how the store is, which may be away."""
    here = services()
    capabilities = here.store.capabilities
    out = HealthOut(
        **_parts(look(here)),
        version=VERSION,
        model=here.model.spec.name,
        runtime=here.model.pictures.runtime,
        exact=capabilities.exact,
        reach=capabilities.reach,
    )
    return out.model_dump()


def ready() -> dict[str, Any] | Response:
    """Every search can be answered; else a problem document that says which part keeps it from that."""
    condition = look_closely(services())
    parts = _parts(condition)
    if not condition.failing:
        return ReadyOut(**parts).model_dump()
    detail = " ".join(part.words for part in condition.failing)
    return document(Problem(NOT_READY, detail, request.path), PartsOut(**parts))


def _parts(condition: Condition) -> dict[str, Any]:
    parts = asdict(condition)
    return parts if condition.model else {name: parts[name] for name in parts if name != "model"}


def kind(path: KindPath) -> dict[str, Any]:
    """What a type of problem means: where the `type` of a problem document leads."""
    found = next((kind for kind in all_kinds() if kind.name == path.name), None)
    if found is None:
        abort(404)
    here = url_for("api.kind", name=found.name)
    return KindOut(type=here, title=found.title, status=found.status).model_dump(mode="json")
