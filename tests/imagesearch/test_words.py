"""How text is cut into words; what it means for finding is in the store contract."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imagesearch.words import fold, phrases, tokens


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("", []),
        ("a mountain", ["a", "mountain"]),
        ("IMG_2019-07.jpg", ["img", "2019", "07", "jpg"]),
        ("雪山", ["雪", "山"]),
        ("雪山 snow山", ["雪", "山", "snow", "山"]),
        ("ｶﾞﾗｽ", ["ガ", "ラ", "ス"]),
        ("人々", ["人", "々"]),
        ("아이 설산", ["아이", "설산"]),
        ("हिमालय", ["हिमालय"]),
        ("Crème brûlée", ["creme", "brulee"]),
        ("ﬁne ½ ℡ Ⅳ", ["fine", "1", "2", "tel", "iv"]),
        ("İstanbul", ["istanbul"]),
        ("don't", ["don", "t"]),
        ("・、。！?🏔 _-", []),
    ],
)
def test_tokens(text: str, cut: list[str]) -> None:
    assert tokens(text) == cut


def test_a_spaceless_run_is_one_phrase() -> None:
    assert phrases("red 雪山 ไทย") == [("red",), ("雪", "山"), ("ไ", "ท", "ย")]


@given(st.text())
@example("ǰ ΐ ẞ ᾳ \u0345 ℡ K")
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_no_token_holds_a_space_or_a_quote_or_is_empty(text: str) -> None:
    assert all(token and not set(token) & set(' "\t\n*^') for token in tokens(text))


@given(st.text())
def test_case_does_not_count(text: str) -> None:
    assert tokens(text) == tokens(text.casefold())
