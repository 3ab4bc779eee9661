"""What answers here, and what the types of problems mean."""

from typing import Any

from flask import abort, url_for
from flask_openapi3 import APIBlueprint, OpenAPI

from app.api.descriptions import SERVER, answers
from app.parameters import KindPath
from app.problems import all_kinds
from app.schemas import HealthOut, KindOut
from app.services import services
from app.version import VERSION


def register(api: APIBlueprint) -> None:
    """Add the views to `api`."""
    api.get("/problems/<name>", tags=[SERVER], responses=answers(KindOut, 404))(kind)


def register_health(app: OpenAPI) -> None:
    """Add /health, where those who watch servers look for it."""
    app.get("/health", tags=[SERVER], responses=answers(HealthOut, 503))(health)


def health() -> dict[str, Any]:
    """Whether the store answers, and with what it is asked."""
    here = services()
    capabilities = here.store.capabilities
    out = HealthOut(
        status="ok",
        version=VERSION,
        model=here.model.spec.name,
        store=capabilities.name,
        pictures=here.store.count(),
        exact=capabilities.exact,
        reach=capabilities.reach,
    )
    return out.model_dump(mode="json")


def kind(path: KindPath) -> dict[str, Any]:
    """What a type of problem means: where the `type` of a problem document leads."""
    found = next((kind for kind in all_kinds() if kind.name == path.name), None)
    if found is None:
        abort(404)
    here = url_for("api.kind", name=found.name)
    return KindOut(type=here, title=found.title, status=found.status).model_dump(mode="json")
