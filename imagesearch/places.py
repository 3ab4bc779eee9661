"""Where on Earth: what a person writes, and how far apart two places are."""

import math
from dataclasses import dataclass

from imagesearch.records import Near, Place

# Of a sphere, in kilometres: the one that Elasticsearch measures on, so that all stores agree.
_EARTH_RADIUS = 6371.0087714
# Half way around; within so far lies everything.
MAX_KM = 20_040
DEFAULT_KM = 10
# In degrees, about a millimetre: what the box must not lose to rounding.
_MARGIN = 1e-8


def read_place(text: str) -> Place:
    """The place written as `latitude,longitude` in degrees. Raises ValueError with what it has to be."""
    try:
        latitude, longitude = map(float, text.split(","))
    except ValueError:
        latitude = longitude = math.nan
    if not is_on_earth(place := Place(latitude, longitude)):
        raise ValueError(
            "has to be latitude and longitude in degrees with a comma between, for instance 46.95,7.45"
        )
    return place


def is_on_earth(place: Place) -> bool:
    """Whether latitude and longitude are within their bounds."""
    return abs(place.latitude) <= 90 and abs(place.longitude) <= 180


def kilometres(latitude: float, longitude: float, to_latitude: float, to_longitude: float) -> float:
    """The great-circle distance of two places in degrees, by the haversine formula."""
    p, q = math.radians(latitude), math.radians(to_latitude)
    half_way = math.sin((q - p) / 2) ** 2
    half_way += math.cos(p) * math.cos(q) * math.sin(math.radians(to_longitude - longitude) / 2) ** 2
    return 2 * _EARTH_RADIUS * math.asin(min(1.0, math.sqrt(half_way)))


@dataclass(frozen=True)
class Box:
    """Bounds in degrees; with `west` beyond `east` it lies across the 180th meridian."""

    south: float
    north: float
    west: float
    east: float


def box_around(near: Near) -> Box:
    """A box that holds everything `near`. (Its east and west are where meridians touch the circle.)"""
    angle = near.km / _EARTH_RADIUS
    reach = math.degrees(angle) + _MARGIN
    south, north = near.place.latitude - reach, near.place.latitude + reach
    if south <= -90 or north >= 90:
        return Box(max(south, -90), min(north, 90), -180, 180)
    widest = math.asin(math.sin(angle) / math.cos(math.radians(near.place.latitude)))
    sideways = math.degrees(widest) + _MARGIN
    west, east = near.place.longitude - sideways, near.place.longitude + sideways
    return Box(south, north, _wrapped(west), _wrapped(east))


def _wrapped(longitude: float) -> float:
    return (longitude + 180) % 360 - 180
