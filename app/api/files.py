"""The pictures themselves: originals and thumbnails, by id only."""

import unicodedata

from flask import Response, request, send_file
from flask_openapi3 import APIBlueprint
from flask_openapi3.types import ResponseDict

from app.api.descriptions import PICTURES, failing
from app.links import version
from app.parameters import ImageParameters, PicturePath, ThumbnailParameters
from app.services import known, services
from imagesearch.records import Picture

# An SVG or HTML that got in as a picture could otherwise run scripts when opened by its own URL.
_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; sandbox"
_YEAR = 365 * 24 * 3600


def register(api: APIBlueprint) -> None:
    """Add the views to `api`."""
    api.get("/pictures/<id>/image", tags=[PICTURES], responses=_bytes("image/*"))(image)
    api.get("/pictures/<id>/thumbnail", tags=[PICTURES], responses=_bytes("image/webp"))(thumbnail)


def _bytes(mimetype: str) -> ResponseDict:
    content = {mimetype: {"schema": {"type": "string", "format": "binary"}}}
    good: ResponseDict = {
        200: {"description": "The picture.", "content": content},
        304: {"description": "What the browser has is still right."},
    }
    return {**good, **failing(404, 410, 503)}


def image(path: PicturePath, query: ImageParameters) -> Response:
    """The original; one that browsers do not show comes as an attachment."""
    picture, originals = known(path.id), services().originals
    current = query.v == version(picture)
    if request.if_none_match.contains(picture.content_hash) and originals.is_unchanged(picture):
        return _sealed(_as_it_was(picture.content_hash), current)
    with originals.opened(picture) as original:
        # A file that is opened can be sent also when its name is gone.
        response = send_file(
            original.file,
            mimetype=original.mimetype or "application/octet-stream",
            as_attachment=original.mimetype is None,
            download_name=_file_name(picture),
            etag=picture.content_hash if original.unchanged else True,
            last_modified=original.changed,
            conditional=True,
        )
    return _sealed(response, original.unchanged and current)


def thumbnail(path: PicturePath, query: ThumbnailParameters) -> Response:
    """A WebP of the whole picture, upright, on white where it is transparent; never enlarged."""
    picture, size = known(path.id), int(query.size)
    current = query.v == version(picture)
    if request.if_none_match.contains(_etag(picture.content_hash, size)):
        return _sealed(_as_it_was(_etag(picture.content_hash, size)), current)
    made = services().thumbnails.get(picture, size)
    response = Response(made.content, mimetype="image/webp")
    response.set_etag(_etag(made.content_hash, size))
    return _sealed(response, current and made.content_hash == picture.content_hash)


def _file_name(picture: Picture) -> str:
    """That of the file, with `_` for line breaks and other control characters: no header may hold them."""
    name = picture.path.rpartition("/")[-1]
    return "".join("_" if unicodedata.category(character) == "Cc" else character for character in name)


def _as_it_was(etag: str) -> Response:
    response = Response(status=304)
    response.set_etag(etag)
    return response


def _etag(content_hash: str, size: int) -> str:
    return f"{content_hash[:32]}-{size}"


def _sealed(response: Response, for_ever: bool) -> Response:
    """Kept by the browser alone; without asking again only under a link that names the content."""
    age = f"max-age={_YEAR}, immutable" if for_ever else "no-cache"
    response.headers["Cache-Control"] = f"private, {age}"
    response.headers["Content-Security-Policy"] = _CSP
    return response
