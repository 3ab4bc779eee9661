"""The web application: the page in the browser and the JSON API."""

from flask import Flask
from flask_openapi3 import OpenAPI

from app import api, pages, problems, security
from app.api.descriptions import INFO, SECURITY_SCHEMES
from app.incoming import InMemoryRequest
from app.schemas import ProblemOut
from app.services import Services, open_services
from imagesearch.config import Settings, load_settings
from imagesearch.encoders import Model


class Application(OpenAPI):
    """Flask with the OpenAPI document, and with uploads that stay in memory."""

    request_class = InMemoryRequest


def create_app(settings: Settings | None = None, model: Model | None = None) -> Flask:
    """The application, its store opened and its model found (if not given); no weights are loaded yet.

    Raises BadSetting, ModelUnavailable, StoreUnavailable or WrongModel, whose messages are for the
    person who starts it.
    """
    settings = settings or load_settings()
    app = Application(
        __name__,
        info=INFO,
        security_schemes=SECURITY_SCHEMES,
        doc_ui=False,
        validation_error_status=400,
        validation_error_model=ProblemOut,
        validation_error_callback=problems.reraise,
    )
    app.config["MAX_CONTENT_LENGTH"] = settings.max_upload_bytes + security.FORM_ROOM
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # Flask's own provider has it
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["services"] = open_services(settings, model)
    security.register(app, settings)
    problems.register(app, pages.render_problem)
    api.register(app)
    pages.register(app)
    return app


__all__ = ["Services", "create_app"]
