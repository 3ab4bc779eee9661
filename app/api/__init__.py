"""The JSON API: thin views over imagesearch, documented from the same models that check them."""

from flask_openapi3 import APIBlueprint, OpenAPI

from app.api import changes, docs, files, pictures, search, status


def register(app: OpenAPI) -> None:
    """Add the API below /api, its documentation, and /health."""
    api = APIBlueprint("api", __name__, url_prefix="/api", operation_id_callback=_operation_id)
    for room in (search, pictures, files, changes, status):
        room.register(api)
    app.register_api(api)
    status.register_health(app)
    docs.register(app)


def _operation_id(*, name: str, **_: str) -> str:
    """The view's own name: no two are called alike."""
    return name
