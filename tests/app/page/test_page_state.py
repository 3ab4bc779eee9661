from datetime import date

import pytest
from werkzeug.datastructures import MultiDict

from app.pages.state import MAX_SHOWN, PageState
from imagesearch.records import Filters, Near, Place


@pytest.mark.parametrize(
    "state",
    [
        PageState(),
        PageState(q="雪山 & <b>", tags=("a", "b"), groups=("Animals & nature",), authors=("Ada",)),
        PageState(like="abc", date_from=date(2020, 1, 2), date_to=date(2020, 1, 2), words="x y"),
        PageState(image="h", q="x", k=5, num_candidates=50, similarity=-0.25, offset=48, limit=96),
        PageState(q="x", hybrid=True),
        PageState(all=True, offset=24),
        PageState(colours=("red", "teal"), cameras=("Canon & Co",), lenses=("50mm",), albums=("a/b",)),
        PageState(q="x", formats=("PNG",), orientations=("square",), phashes=("f" * 16,), rating=0),
        PageState(near=Place(46.9481234567, -7.4474), within_km=2.5),
    ],
)
def test_an_address_holds_all_of_a_state(state: PageState) -> None:
    assert PageState.read(MultiDict(list(state.pairs()))) == state


def test_names_take_part_only_where_there_are_words() -> None:
    assert PageState(q="x", hybrid=True).query(None).hybrid
    assert not PageState(like="abc", hybrid=True).query(None).hybrid
    assert PageState(like="abc", hybrid=True).url() == "/?like=abc"


def test_what_cannot_be_read_is_named_and_left_out() -> None:
    state = PageState.read(MultiDict([("q", "x"), ("k", "many"), ("date_from", "yesterday")]))
    assert (state.q, state.k, state.date_from) == ("x", None, None)
    assert len(state.problems) == 2
    assert "'many'" in state.problems[1]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("rating", "many", "from -1 to 5"),
        ("rating", "6", "from -1 to 5"),
        ("near", "bern", "latitude and longitude in degrees"),
        ("near", "91,0", "latitude and longitude in degrees"),
        ("within_km", "0", "more than 0"),
        ("within_km", "nan", "more than 0"),
    ],
)
def test_a_filter_that_cannot_be_is_named(name: str, text: str, says: str) -> None:
    (problem,) = PageState.read(MultiDict([(name, text)])).problems
    assert problem.startswith(f"{name} is {text!r}; it has to be ")
    assert says in problem


def test_without_filters_nothing_is_left_out() -> None:
    filters = Filters(
        tags=("t",), colours=("red",), cameras=("c",), rating=3, near=Near(Place(1, 2), 3), words="w"
    )
    state = PageState(
        q="x",
        tags=("t",),
        colours=("red",),
        cameras=("c",),
        rating=3,
        near=Place(1, 2),
        within_km=3,
        words="w",
    )
    assert state.filters == filters
    assert state.without_filters() == PageState(q="x", all=True)


def test_changing_a_search_goes_back_to_its_first_results() -> None:
    assert PageState(q="x", offset=48, limit=96).but(tags=("t",)) == PageState(q="x", tags=("t",))


def test_a_page_shows_no_more_than_it_can_bear() -> None:
    assert PageState.read(MultiDict([("limit", "100000")])).limit == MAX_SHOWN
