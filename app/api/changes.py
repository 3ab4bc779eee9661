"""Adding and removing pictures at run time, for who has the token."""

from flask import Response, jsonify
from flask_openapi3 import APIBlueprint

from app.api.answers import picture_out
from app.api.descriptions import PICTURES, TOKEN, failing
from app.api.forms import multipart, read_form
from app.parameters import AdditionParameters, PicturePath
from app.schemas import PictureOut
from app.security import require_token
from app.services import services


def register(api: APIBlueprint) -> None:
    """Add the views to `api`."""
    api.post(
        "/pictures",
        tags=[PICTURES],
        responses={200: PictureOut, 201: PictureOut, **failing(401, 403, 409, 413, 422, 503, 507)},
        security=TOKEN,
        openapi_extensions=multipart(AdditionParameters),
    )(add)
    api.delete(
        "/pictures/<id>",
        tags=[PICTURES],
        responses={204: None, **failing(401, 403, 404, 503, 507)},
        security=TOKEN,
    )(remove)


def add() -> Response:
    """Add a picture: 201, found by every search from now on; 200 if this very file was added before.

    What is given of name, tags, group, author, date, caption and rating then replaces what was known.
    """
    require_token()
    here = services()
    with here.intake.passing():
        form, image = read_form(AdditionParameters)
        content, decoded = here.intake.read(image)
        picture, is_new = here.changes.add(content, decoded, form.metadata())
    out = picture_out(picture)
    response = jsonify(out.model_dump(mode="json"))
    if is_new:
        response.status_code = 201
        response.headers["Location"] = out.links.self
    return response


def remove(path: PicturePath) -> tuple[str, int]:
    """Remove a picture from the store. Its file goes only if it was added here, not if it was ingested."""
    require_token()
    services().changes.remove(path.id)
    return "", 204
