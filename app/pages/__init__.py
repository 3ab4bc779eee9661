"""The search page: HTML from the server first; the scripts in static/ only make it better."""

from flask import Blueprint, Flask

from app.pages import detail, room, views
from app.pages.problems import render_problem


def register(app: Flask) -> None:
    """Serve the page by `app`."""
    room.prepare(app)
    pages = Blueprint("pages", __name__)
    views.register(pages)
    detail.register(pages)
    app.register_blueprint(pages)


__all__ = ["register", "render_problem"]
