from benchmarks.questions import phrasings
from demo.gallery import hexcodes


def test_enough_phrasings_in_enough_languages() -> None:
    asked = phrasings()
    assert len(asked) >= 80
    assert len({phrasing.language for phrasing in asked}) >= 12
    assert len({phrasing.text for phrasing in asked}) == len(asked)


def test_every_acceptable_answer_is_in_the_gallery() -> None:
    gallery = set(hexcodes())
    for phrasing in phrasings():
        assert phrasing.accept, phrasing.text
        assert set(phrasing.accept) <= gallery, phrasing.text
