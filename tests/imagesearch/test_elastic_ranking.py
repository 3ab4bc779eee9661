"""How a ranking grows: never repeats, never moves what was shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagesearch.elastic.ranking import REACH, Ranking, Scored, Sessions, steps


def scored(*pairs: tuple[str, float]) -> list[Scored]:
    return [Scored(id, score) for id, score in pairs]


@pytest.mark.parametrize(
    ("num_candidates", "k", "expected"),
    [
        (None, None, [(200, False), (1_000, False), (10_000, True)]),
        (None, 5, [(200, False), (1_000, False), (10_000, True)]),
        (10, 5, [(10, True)]),
        (50, None, [(50, False), (1_000, False), (10_000, True)]),
        (5_000, None, [(5_000, False), (10_000, True)]),
        (10_000, None, [(10_000, True)]),
        (10_000, 10_000, [(10_000, True)]),
    ],
)
def test_steps(num_candidates: int | None, k: int | None, expected: list[tuple[int, bool]]) -> None:
    assert list(steps(200, num_candidates, k)) == expected


def test_an_answer_with_room_left_is_whole() -> None:
    ranking = Ranking().extended(scored(("a", 0.9), ("b", 0.9)), 5, 2, last=False)
    assert ranking.whole
    assert [s.id for s in ranking.found] == ["a", "b"]


def test_the_last_tie_of_a_full_answer_waits_for_the_next() -> None:
    """Of three pictures with one score two had room, and the third may be the one of the smallest id."""
    first = Ranking().extended(scored(("z", 0.9), ("m", 0.5), ("n", 0.5)), 3, 9, last=False)
    assert ([s.id for s in first.found], first.whole) == (["z"], False)
    more = scored(("z", 0.9), ("a", 0.5), ("m", 0.5), ("n", 0.5))
    assert [s.id for s in first.extended(more, 10, 9, last=False).found] == ["z", "a", "m", "n"]


def test_the_last_answer_is_taken_as_it_is() -> None:
    ranking = Ranking().extended(scored(("a", 0.5), ("b", 0.5)), 2, 9, last=True)
    assert ([s.id for s in ranking.found], ranking.whole) == (["a", "b"], True)


@pytest.mark.parametrize(
    ("shown", "order"), [(0, "a missed b d"), (1, "a missed b d"), (2, "a b missed d"), (99, "a b missed d")]
)
def test_what_was_missed_before_comes_after_what_was_shown(shown: int, order: str) -> None:
    first = Ranking().extended(scored(("a", 0.9), ("b", 0.7), ("c", 0.1)), 3, 9, last=False).seen(shown)
    second = first.extended(scored(("a", 0.9), ("missed", 0.8), ("b", 0.7), ("d", 0.2)), 5, 9, last=False)
    assert [s.id for s in second.found] == order.split()


def test_what_a_later_answer_misses_stays_in_its_place() -> None:
    first = Ranking().extended(scored(("a", 0.9), ("b", 0.7), ("c", 0.1)), 3, 9, last=False)
    second = first.extended(scored(("a", 0.9), ("d", 0.2), ("e", 0.1), ("f", 0.1)), 4, 9, last=False)
    assert [s.id for s in second.found] == ["a", "b", "d"]


answers = st.lists(
    st.dictionaries(st.sampled_from("abcdefghij"), st.sampled_from([0.1, 0.5, 0.9]), min_size=1), min_size=1
)


@given(answers, st.lists(st.integers(0, 10), min_size=10, max_size=10))
def test_nothing_shown_is_ever_repeated_or_moved_and_the_rest_is_best_first(
    found: list[dict[str, float]], ends: list[int]
) -> None:
    ranking = Ranking()
    for looked, (answer, end) in enumerate(zip(sorted(found, key=len), ends, strict=False), start=1):
        before = ranking.found[: ranking.shown]
        newly = sorted((Scored(id, score) for id, score in answer.items()), key=lambda s: (-s.score, s.id))
        ranking = ranking.extended(newly[: looked + 1], looked + 1, 10, last=False)
        assert ranking.found[: len(before)] == before
        free = [(-s.score, s.id) for s in ranking.found[len(before) :]]
        assert free == sorted(free)
        assert len({s.id for s in ranking.found}) == len(ranking.found)
        ranking = ranking.seen(end)


def test_sessions_forget_the_oldest() -> None:
    sessions = Sessions(most=2)
    for name in "abc":
        sessions.keep(name, Ranking(total=ord(name)))
    assert sessions.get("a") is None
    assert sessions.get("c") == Ranking(total=ord("c"))
    assert REACH == 10_000
