"""The OpenAPI document, and Swagger UI to read it with, started by a script of our own.

The library's page starts it by a script in the page itself, which the content security policy forbids.
"""

from importlib.resources import as_file, files
from typing import Any

from flask import Blueprint, Response, render_template, send_from_directory
from flask_openapi3 import OpenAPI


def register(app: OpenAPI) -> None:
    """Serve both below /api/docs."""
    docs = Blueprint("docs", __name__, url_prefix="/api/docs")

    def document() -> dict[str, Any]:
        spec: dict[str, Any] = app.api_doc
        return spec

    docs.get("", strict_slashes=False, endpoint="page")(page)
    docs.get("/openapi.json", endpoint="document")(document)
    docs.get("/swagger/<path:name>", endpoint="swagger")(swagger)
    app.register_blueprint(docs)


def page() -> str:
    """The documentation, to read and to try out."""
    return render_template("docs.html")


def swagger(name: str) -> Response:
    """Swagger UI's own files, as the package brings them."""
    with as_file(files("flask_openapi3_swagger") / "templates" / "swagger") as folder:
        return send_from_directory(folder, name)
