"""Records to what the API gives. The ingested folder itself is never shown."""

from dataclasses import asdict
from typing import Any

from flask import url_for

from app.links import image_url, thumbnail_url
from app.schemas import Links, PictureOut, PlaceOut, ResultOut
from imagesearch.records import Hit, Page, Picture


def picture_out(picture: Picture) -> PictureOut:
    """A picture for the JSON."""
    return PictureOut(**_fields(picture))


def result_out(hit: Hit) -> ResultOut:
    """A found picture for the JSON."""
    return ResultOut(**_fields(hit.picture), score=round(hit.score or 0, 6))


def end_of_paging(page: Page) -> str:
    """What to say where the store cannot page to all that pass the filters."""
    return f"Paging ends after {page.reachable} of {page.total} pictures. Narrow the filters to see others."


def _fields(picture: Picture) -> dict[str, Any]:
    known = picture.metadata
    return {
        "id": picture.id,
        "name": picture.name,
        "path": picture.path,
        "width": picture.width,
        "height": picture.height,
        "colour": picture.colour,
        "format": picture.format,
        "size": picture.size,
        "tags": list(known.tags),
        "group": known.group,
        "subgroup": known.subgroup,
        "author": known.author,
        "date": known.date,
        "caption": known.caption,
        "taken_at": known.taken_at.isoformat() if known.taken_at else None,
        "camera": known.camera,
        "lens": known.lens,
        "place": PlaceOut(**asdict(known.place)) if known.place else None,
        "rating": known.rating,
        "colours": list(picture.colours),
        "phash": picture.phash,
        "album": picture.album,
        "orientation": picture.orientation,
        "links": Links(
            self=url_for("api.picture", id=picture.id),
            image=image_url(picture),
            thumbnail=thumbnail_url(picture),
            similar=url_for("api.similar", id=picture.id),
        ),
    }
