from datetime import date

import pytest
from werkzeug.datastructures import MultiDict

from app.pages.state import MAX_SHOWN, PageState


@pytest.mark.parametrize(
    "state",
    [
        PageState(),
        PageState(q="雪山 & <b>", tags=("a", "b"), groups=("Animals & nature",), authors=("Ada",)),
        PageState(like="abc", date_from=date(2020, 1, 2), date_to=date(2020, 1, 2), words="x y"),
        PageState(image="h", q="x", k=5, num_candidates=50, similarity=-0.25, offset=48, limit=96),
        PageState(q="x", hybrid=True),
        PageState(all=True, offset=24),
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


def test_changing_a_search_goes_back_to_its_first_results() -> None:
    assert PageState(q="x", offset=48, limit=96).but(tags=("t",)) == PageState(q="x", tags=("t",))


def test_a_page_shows_no_more_than_it_can_bear() -> None:
    assert PageState.read(MultiDict([("limit", "100000")])).limit == MAX_SHOWN
