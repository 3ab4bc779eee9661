"""What the JSON API gives, as models that document it."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from imagesearch.records import Orientation


class Links(BaseModel):
    """Where the rest of a picture is, as paths on this server."""

    self: str
    image: str
    thumbnail: str = Field(description="320 pixels; `size` may be changed to 640 or 1280.")
    similar: str


class PlaceOut(BaseModel):
    """Where on Earth (WGS 84), in degrees."""

    latitude: float
    longitude: float


class PictureOut(BaseModel):
    """A picture. `path` is relative to the folder that was ingested."""

    id: str
    name: str
    path: str
    width: int = Field(description="Pixels, upright.")
    height: int = Field(description="Pixels, upright.")
    colour: str = Field(description="The mean colour, #rrggbb.")
    format: str
    size: int = Field(description="Bytes.")
    tags: list[str]
    group: str | None
    subgroup: str | None
    author: str | None
    date: date | None
    caption: str | None
    taken_at: str | None = Field(
        description="When: with its offset from UTC where that is known, else what the camera's clock showed."
    )
    camera: str | None
    lens: str | None
    place: PlaceOut | None
    rating: int | None = Field(description="Stars, 0 to 5; -1: rejected.")
    colours: list[str] = Field(description="The dominant colours, most of it first.")
    phash: str = Field(description="The perceptual hash, 16 hex digits; empty where it is not known.")
    album: str = Field(description="The folder it lies in.")
    orientation: Orientation
    links: Links


class ResultOut(PictureOut):
    """A found picture."""

    score: float = Field(description="(1 + cosine) / 2: from 0 to 1, higher is closer.")


class SearchOut(BaseModel):
    """A part of a ranking, best first."""

    took_ms: float
    total: int = Field(description="How many pictures pass the filters.")
    reachable: int = Field(description="How many of them paging leads to.")
    exact: bool = Field(description="Every picture was compared; num_candidates changed nothing.")
    weak: bool | None = Field(description="Even the best is probably no match; null where that is unknown.")
    notes: list[str] = Field(description="What is worth knowing about how the answer came about.")
    results: list[ResultOut]


class BrowseOut(BaseModel):
    """A part of the pictures that pass the filters, newest first."""

    total: int = Field(description="How many pictures pass the filters.")
    reachable: int = Field(description="How many of them paging leads to.")
    notes: list[str] = Field(description="What is worth knowing about how the answer came about.")
    results: list[PictureOut]


class Count(BaseModel):
    """How many of the pictures have this value."""

    value: str
    count: int


class FacetsOut(BaseModel):
    """Counts over the pictures that pass the filters, most frequent first; years and ratings ascending."""

    total: int
    tags: list[Count]
    groups: list[Count]
    authors: list[Count]
    years: list[Count]
    colours: list[Count]
    cameras: list[Count]
    lenses: list[Count]
    albums: list[Count]
    formats: list[Count]
    orientations: list[Count]
    ratings: list[Count]
    phashes: list[Count] = Field(description="Only those that several pictures share: near-duplicates.")


class PartOut(BaseModel):
    """A part of what answers here: which one, how it is, and that in words."""

    state: Literal["ok", "warning", "failing", "unknown"]
    name: str | None
    words: str


class EngineOut(BaseModel):
    """The store and what belongs to it."""

    store: PartOut = Field(description="The kind of store, and whether it answers.")
    index: PartOut = Field(description="What is searched in it: the concrete index, not its alias.")
    licence: PartOut = Field(description="What the store's engine is licensed for.")
    text_encoding: PartOut = Field(
        description="Where the words of a query become an embedding, and why there."
    )
    pictures: int | None = Field(description="How many pictures can be found; null while that is not known.")


class HealthOut(EngineOut):
    """What answers here, with what it is asked, and how that is."""

    status: Literal["ok"] = Field("ok", description="This process answers, whatever the rest does.")
    version: str
    model: str
    runtime: str = Field(description="What computes the embeddings of pictures, and where.")
    exact: bool = Field(description="Searches compare every picture.")
    reach: int | None = Field(description="How deep paging goes; null: to the last picture.")


class PartsOut(EngineOut):
    """Everything that a search takes."""

    model: PartOut = Field(description="The model that is asked with, and whether it fits the index.")


class ReadyOut(PartsOut):
    """Every search can be answered."""

    status: Literal["ready"] = "ready"


class KindOut(BaseModel):
    """A type of problem."""

    type: str
    title: str
    status: int


class Offence(BaseModel):
    """A parameter that cannot be used, and why."""

    parameter: str
    reason: str


class ProblemOut(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str = Field(description="What kind of problem, as a path on this server that describes it.")
    title: str
    status: int
    detail: str
    instance: str = Field(description="Where it happened: the path, or the number it has in the log.")
    errors: list[Offence] = Field([], description="The parameters that cannot be used.")
