"""How places are read and measured."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagesearch.places import box_around, kilometres, read_place
from imagesearch.records import Near, Place

latitudes, longitudes = st.floats(-90, 90), st.floats(-180, 180)
places = st.builds(Place, latitudes, longitudes)


@pytest.mark.parametrize("text", ["46.95,7.45", " 46.95 , 7.45 ", "4.695e1,+7.45"])
def test_a_place_is_read(text: str) -> None:
    assert read_place(text) == Place(46.95, 7.45)


@pytest.mark.parametrize(
    "text", ["", "46.95", "46.95;7.45", "1,2,3", "90.1,0", "0,-180.5", "nan,0", "inf,0", "a,b"]
)
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="latitude and longitude in degrees"):
        read_place(text)


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        ((0, 0), (0, 180), 20015.1),
        ((90, 0), (-90, 123), 20015.1),
        ((0, 179.5), (0, -179.5), 111.195),
        ((48.8566, 2.3522), (51.5074, -0.1278), 343.56),
        ((1, 2), (1, 2), 0),
    ],
)
def test_distances(one: tuple[float, float], other: tuple[float, float], km: float) -> None:
    assert kilometres(*one, *other) == pytest.approx(km, abs=0.1)
    assert kilometres(*other, *one) == pytest.approx(km, abs=0.1)


@given(places, places, st.floats(0.001, 20_040))
def test_the_box_holds_all_that_is_near(middle: Place, place: Place, km: float) -> None:
    if kilometres(middle.latitude, middle.longitude, place.latitude, place.longitude) > km:
        return
    box = box_around(Near(middle, km))
    assert box.south <= place.latitude <= box.north
    inside = (box.west <= place.longitude, place.longitude <= box.east)
    assert all(inside) if box.west <= box.east else any(inside)
