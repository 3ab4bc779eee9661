"""What the JSON API takes, as models that check it and document it."""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from imagesearch.filtering import LEAST_RATING, MOST_RATING, filters_of
from imagesearch.places import DEFAULT_KM, MAX_KM, read_place
from imagesearch.records import Colour, Filters, Metadata, Orientation
from imagesearch.search import DEFAULT_LIMIT, MAX_CANDIDATES

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
# Beyond any collection, and within what SQLite counts with.
_MAX_OFFSET = 1_000_000_000


def _day(value: object) -> object:
    """Pydantic alone would take 2019 for seconds since 1970."""
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise ValueError("has to be a day, written as YYYY-MM-DD")
    return value


def _place(text: str) -> str:
    read_place(text)
    return text


Day = Annotated[date, BeforeValidator(_day)]
Coordinates = Annotated[str, AfterValidator(_place)]


class Given(BaseModel):
    """Base of what is taken: a parameter that is not known is refused, not passed over."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FilterParameters(Given):
    """Which pictures may be found."""

    tag: list[str] = Field([], description="Only with this tag; repeat it for several, all of them.")
    group: list[str] = Field([], description="Only of this group; repeat it for any of several.")
    author: list[str] = Field([], description="Only by this author; repeat it for any of several.")
    colour: list[Colour] = Field(
        [], description="Only with this among its dominant colours; repeat it for several, all of them."
    )
    camera: list[str] = Field([], description="Only taken with this camera; repeat it for any of several.")
    lens: list[str] = Field([], description="Only taken with this lens; repeat it for any of several.")
    album: list[str] = Field(
        [], description="Only of this album, the folder it lies in; repeat it for any of several."
    )
    format: list[str] = Field([], description="Only in this format (JPEG); repeat it for any of several.")
    orientation: list[Orientation] = Field(
        [], description="Only in this orientation; repeat it for any of several."
    )
    phash: list[str] = Field(
        [], description="Only with this perceptual hash: near-duplicates share one; repeat it for any."
    )
    rating: int | None = Field(
        None, ge=LEAST_RATING, le=MOST_RATING, description="Only with at least so many stars; -1: rejected."
    )
    near: Coordinates | None = Field(
        None,
        description="Only taken near this place: latitude and longitude in degrees, 46.95,7.45.",
    )
    within_km: float = Field(
        DEFAULT_KM, gt=0, le=MAX_KM, description="How near, in kilometres over the surface of the Earth."
    )
    date_from: Day | None = Field(None, description="Not older than this day (YYYY-MM-DD).")
    date_to: Day | None = Field(None, description="Not younger than this day (YYYY-MM-DD).")
    words: str | None = Field(
        None, description="Only with all of these words in name, caption, tags or path."
    )

    def filters(self) -> Filters:
        near = None if self.near is None else read_place(self.near)
        return filters_of(self.__dict__, near, self.within_km)


class WindowParameters(Given):
    """Which part of the ranking to return."""

    offset: int = Field(0, ge=0, le=_MAX_OFFSET, description="How many of the best results to pass over.")
    limit: int | None = Field(
        None, ge=1, le=MAX_CANDIDATES, description=f"How many results to return; k, else {DEFAULT_LIMIT}."
    )


class RankParameters(WindowParameters, FilterParameters):
    """How to rank, and what of it to return."""

    k: int | None = Field(
        None, ge=1, le=MAX_CANDIDATES, description="End the ranking after so many nearest pictures."
    )
    num_candidates: int | None = Field(
        None,
        ge=1,
        le=MAX_CANDIDATES,
        description="How many candidates an approximate index looks at, at least k: more finds more of the "
        "true nearest and takes longer. Changes nothing where the answer says `exact`.",
    )
    similarity: float | None = Field(None, ge=-1, le=1, description="The least cosine that counts.")
    hybrid: bool = Field(
        False,
        description="Fuse the ranking with that of the words of `q` in names, captions, tags and paths: "
        "reciprocal rank fusion of the first 200 of each. Scores go on saying how close each picture is.",
    )


class AskedParameters(Given):
    """What is looked for."""

    q: str | None = Field(None, description="What the picture shows, in words.")
    like: str | None = Field(None, description="The id of an indexed picture: more like this.")


class SearchParameters(RankParameters, AskedParameters):
    """A search by words, by an indexed picture, or by both together."""


class UploadParameters(SearchParameters):
    """What goes with an uploaded picture."""


Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]


class AdditionParameters(Given):
    """What is known of a picture that is added."""

    name: Line | None = Field(None, description="The name to show.")
    tags: list[Line] = Field([], max_length=100, description="Repeat it for several.")
    group: Line | None = None
    author: Line | None = None
    date: Day | None = Field(None, description="The day it was made; not given, that of its EXIF data.")
    caption: Annotated[str, StringConstraints(strip_whitespace=True, max_length=10_000)] | None = Field(
        None, description="What there is to say of it."
    )
    rating: int | None = Field(None, ge=LEAST_RATING, le=MOST_RATING, description="Stars; -1: rejected.")

    def metadata(self) -> Metadata:
        return Metadata(
            name=self.name or None,
            tags=tuple(dict.fromkeys(tag for tag in self.tags if tag)),
            group=self.group or None,
            author=self.author or None,
            date=self.date,
            caption=self.caption or None,
            rating=self.rating,
        )


class FacetParameters(FilterParameters):
    """What to count."""

    size: int = Field(50, ge=1, le=1000, description="The most values of each.")


class BrowseParameters(WindowParameters, FilterParameters):
    """Pictures by filters alone, newest first."""


class PicturePath(Given):
    """The picture that is meant."""

    id: str = Field(description="The picture's id.")


class ThumbnailParameters(Given):
    """Which thumbnail of a picture."""

    size: Literal["320", "640", "1280"] = Field("320", description="The most pixels of the longer side.")
    v: str | None = Field(
        None,
        description="The version of the content, as the links carry it: the answer then never goes stale.",
    )


class ImageParameters(Given):
    """Which version of an original."""

    v: str | None = Field(None, description="The version of the content, as the links carry it.")


class KindPath(Given):
    """Which type of problem."""

    name: str
