"""How what is known of a picture is put together; ingesting and the API are tested with it."""

from imagesearch.entries import merged
from imagesearch.records import Metadata


def test_later_layers_win_and_leave_what_they_do_not_say() -> None:
    low, high = Metadata(name="low", tags=("l",), group="g"), Metadata(name="high", author="a")
    assert merged(low, None, high) == Metadata("high", ("l",), "g", None, "a", None)
    assert merged() == merged(None) == Metadata()
