"""Where a picture and what belongs to it are found on this server."""

from flask import url_for

from imagesearch.records import Picture

THUMBNAIL_SIZES = (320, 640, 1280)


def version(picture: Picture) -> str:
    """Changes with the content, so that what a link with it leads to may be kept for ever."""
    return picture.content_hash[:12]


def thumbnail_url(picture: Picture, size: int = THUMBNAIL_SIZES[0]) -> str:
    """The WebP whose longer side has at most `size` pixels, one of THUMBNAIL_SIZES."""
    return url_for("api.thumbnail", id=picture.id, size=size, v=version(picture))


def image_url(picture: Picture) -> str:
    """The original."""
    return url_for("api.image", id=picture.id, v=version(picture))
