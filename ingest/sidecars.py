"""Files beside a picture that describe it: XMP of other programs, JSON of Google Takeout."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from imagesearch.errors import BadMetadata
from imagesearch.pictures import cleaning
from imagesearch.pictures.xmp import NoXmp, xmp_metadata
from imagesearch.records import Metadata

_MOST_BYTES = 16 * 2**20


def read_sidecar(file: Path, name: str) -> Metadata:
    """What it says of its picture. Raises BadMetadata, which calls it `name`: `file` may be a copy."""
    try:
        with file.open("rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        raise BadMetadata(f"The side-car file {name} cannot be read: {error.strerror}.") from error
    if len(content) > _MOST_BYTES:
        raise BadMetadata(f"The side-car file {name} has more than {_MOST_BYTES >> 20} MiB.")
    try:
        return xmp_metadata(content) if file.suffix.lower() == ".xmp" else _takeout(content)
    except NoXmp as error:
        raise BadMetadata(f"The side-car file {name} is not XMP: {error}. Correct or remove it.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise BadMetadata(
            f"The side-car file {name} is not one of Google Takeout's: {where}: {first['msg']}. Correct, "
            "rename or remove it."
        ) from error


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", alias_generator=to_camel)


class _Moment(_Part):
    timestamp: int = Field(ge=-60_000_000_000, le=200_000_000_000)


class _Spot(_Part):
    latitude: float
    longitude: float


class _Person(_Part):
    name: str = ""


class _Takeout(_Part):
    """What of Google's file is used. Every one has a title: the name of the picture's file."""

    title: str
    description: str = ""
    photo_taken_time: _Moment | None = None
    geo_data: _Spot | None = None
    people: tuple[_Person, ...] = ()


def _takeout(content: bytes) -> Metadata:
    """Its time is in UTC: where it was taken, it may have been another day (docs/metadata.md)."""
    said = _Takeout.model_validate_json(content.removeprefix(b"\xef\xbb\xbf"))
    time, spot = said.photo_taken_time, said.geo_data
    taken_at = datetime.fromtimestamp(time.timestamp, UTC) if time else None
    return Metadata(
        tags=cleaning.tags(person.name for person in said.people),
        caption=cleaning.caption(said.description),
        taken_at=taken_at,
        date=taken_at.date() if taken_at else None,
        place=cleaning.place(spot.latitude, spot.longitude) if spot else None,
    )
