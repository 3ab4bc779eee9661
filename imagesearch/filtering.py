"""Filters as they are written at every door: the names of the parameters, and what they mean."""

from collections.abc import Mapping
from typing import Any

from imagesearch.records import Filters, Near, Place

# Parameters that may be repeated, and what Filters and Facets call their values.
SEVERAL: Mapping[str, str] = {
    "tag": "tags",
    "group": "groups",
    "author": "authors",
    "colour": "colours",
    "camera": "cameras",
    "lens": "lenses",
    "album": "albums",
    "format": "formats",
    "orientation": "orientations",
    "phash": "phashes",
}
# Of those, the ones of which a picture has to have all; of the others one is enough.
ALL_OF = ("tag", "colour")
LEAST_RATING, MOST_RATING = -1, 5


def filters_of(given: Mapping[str, Any], near: Place | None, within_km: float) -> Filters:
    """The filters that `given` means: the names of SEVERAL with lists, `words`, `rating`, the two dates.

    A format may be written in small letters; stores have it in capitals, as decoders do.
    """
    several = {name: tuple(given[parameter]) for parameter, name in SEVERAL.items()}
    several["formats"] = tuple(format.upper() for format in several["formats"])
    return Filters(
        **several,
        date_from=given["date_from"],
        date_to=given["date_to"],
        words=given["words"],
        rating=given["rating"],
        near=Near(near, within_km) if near else None,
    )
