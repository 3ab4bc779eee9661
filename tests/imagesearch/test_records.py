"""The records: what ids depend on, and what counts as no filter."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagesearch.records import NO_FILTERS, Filters, Metadata, Near, Place, picture_id
from tests.imagesearch.pieces import day, picture


def test_ids_never_change() -> None:
    """Stores in use hold these: another value would bring every picture in a second time."""
    assert picture_id("/home/ann/Pictures", "2019/snow 雪.jpg") == "1fc7bcceb0e483366df5a1df"


def test_ids_differ_between_sources_and_paths() -> None:
    places = [("/a", "b/c.png"), ("/a/b", "c.png"), ("/a", "b/C.png"), ("/A", "b/c.png"), ("/ab", "/c.png")]
    assert len({picture_id(*place) for place in places}) == len(places)


names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(names, names, names, names)
def test_ids_collide_only_for_the_same_file(source: str, path: str, source2: str, path2: str) -> None:
    same = (source, path) == (source2, path2)
    assert (picture_id(source, path) == picture_id(source2, path2)) is same


def test_an_id_is_fit_for_a_url() -> None:
    assert len(picture_id("/a", "b")) == 24
    assert int(picture_id("/a", "b"), 16) >= 0


@pytest.mark.parametrize(
    "filters",
    [
        Filters(tags=("a",)),
        Filters(groups=("a",)),
        Filters(authors=("a",)),
        Filters(date_from=day("2020-01-01")),
        Filters(date_to=day("2020-01-01")),
        Filters(words="a"),
        Filters(without=("a",)),
        Filters(colours=("red",)),
        Filters(cameras=("a",)),
        Filters(lenses=("a",)),
        Filters(albums=("a",)),
        Filters(formats=("PNG",)),
        Filters(orientations=("square",)),
        Filters(phashes=("a",)),
        Filters(rating=0),
        Filters(near=Near(Place(0, 0), 1)),
    ],
)
def test_any_filter_counts_as_one(filters: Filters) -> None:
    assert filters
    assert not NO_FILTERS


def test_the_name_to_show() -> None:
    assert picture("a/b.c/snow.peak.png").name == "snow.peak"
    assert picture("noending").name == "noending"
    assert picture("a.png", name="Given").name == "Given"


@pytest.mark.parametrize(
    ("source", "path", "album"),
    [
        ("/home/ann/Pictures", "2019/alps/1.jpg", "2019/alps"),
        ("/home/ann/Pictures", "1.jpg", "Pictures"),
        ("s3://bucket/photos/", "1.jpg", "photos"),
        ("/", "1.jpg", ""),
        ("/a", "b//1.jpg", "b/"),
    ],
)
def test_the_album_is_the_folder(source: str, path: str, album: str) -> None:
    assert picture(path, source=source).album == album


@pytest.mark.parametrize(
    ("width", "height", "orientation"),
    [
        (100, 100, "square"),
        (104, 100, "square"),
        (105, 100, "landscape"),
        (100, 104, "square"),
        (100, 105, "portrait"),
        (1, 9000, "portrait"),
    ],
)
def test_the_orientation(width: int, height: int, orientation: str) -> None:
    assert picture("a.png", width=width, height=height).orientation == orientation


def test_records_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Metadata().name = "x"  # type: ignore[misc]
