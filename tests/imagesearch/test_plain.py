"""Metadata as JSON: nothing is lost, and nothing is said that is not known."""

import json

from hypothesis import given
from hypothesis import strategies as st

from imagesearch.plain import from_plain, to_plain
from imagesearch.records import Metadata, Place

names = st.none() | st.text(min_size=1)
known = st.builds(
    Metadata,
    name=names,
    tags=st.lists(st.text(), unique=True).map(tuple),
    caption=names,
    camera=names,
    date=st.none() | st.dates(),
    taken_at=st.none() | st.datetimes(timezones=st.none() | st.timezones()),
    place=st.none() | st.builds(Place, st.floats(-90, 90), st.floats(-180, 180)),
    rating=st.none() | st.integers(-1, 5),
)


@given(known)
def test_there_and_back(metadata: Metadata) -> None:
    assert from_plain(json.loads(json.dumps(to_plain(metadata)))) == metadata


def test_only_what_is_known_is_said() -> None:
    assert to_plain(Metadata()) == {}
    assert to_plain(Metadata(rating=0)) == {"rating": 0}
    assert from_plain({"name": None, "tags": []}) == Metadata()
