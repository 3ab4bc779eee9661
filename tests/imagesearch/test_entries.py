"""How what is known of a picture is put together; ingesting and the API are tested with it."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from imagesearch.entries import describe, merged
from imagesearch.records import Facts, Metadata, Place

MAY = date(2018, 5, 6)


def test_later_layers_win_and_leave_what_they_do_not_say() -> None:
    low = Metadata(name="low", tags=("l",), group="g", caption="c", rating=5, lens="l", place=Place(1, 2))
    high = Metadata(name="high", author="a", camera="k", rating=0)
    assert merged(low, None, high) == Metadata(
        name="high",
        tags=("l",),
        group="g",
        author="a",
        caption="c",
        camera="k",
        lens="l",
        place=Place(1, 2),
        rating=0,
    )
    assert merged() == merged(None) == Metadata()


def at(hour: int, offset: float | None = None, day: int = 6) -> Metadata:
    zone = None if offset is None else timezone(timedelta(hours=offset))
    return Metadata(date=date(2018, 5, day), taken_at=datetime(2018, 5, day, hour, tzinfo=zone))


@pytest.mark.parametrize(
    ("earlier", "later", "both"),
    [
        (at(7), at(9), at(9)),
        (at(7), at(7, 2), at(7, 2)),
        (at(7, 2), at(7), at(7, 2)),
        # Google's is in UTC: local time and its day are worth more.
        (at(7), at(5, 0), at(7, 2)),
        (at(1), at(20, 0, day=5), at(1, 5)),
        (at(7, 2), at(5, 0), at(7, 2)),
        (at(7, 2), at(6, 0), at(6, 0)),
        (at(7), at(12, 0, day=9), at(12, 0, day=9)),
        # A day alone
        (at(7), Metadata(date=MAY), at(7)),
        (at(7), Metadata(date=date(2018, 5, 7)), Metadata(date=date(2018, 5, 7))),
        (Metadata(date=date(2018, 5, 7)), at(7), at(7)),
        (Metadata(date=MAY), Metadata(name="n"), Metadata(date=MAY, name="n")),
    ],
)
def test_times_of_two_layers(earlier: Metadata, later: Metadata, both: Metadata) -> None:
    known = merged(earlier, later)
    assert known == both
    assert (known.taken_at and known.taken_at.utcoffset()) == (both.taken_at and both.taken_at.utcoffset())
    assert merged(known, later) == known, "said again, it changes nothing"


def test_the_record_of_a_file() -> None:
    facts = Facts("c" * 64, 7, "PNG", 3, 2, "#000000", ("black",), "0" * 16, Metadata(name="inside"))
    given = Metadata(name="given")
    picture = describe(facts, "/p", "a/b.png", 5, merged(facts.metadata, given), given)
    assert (picture.source, picture.path, picture.mtime_ns) == ("/p", "a/b.png", 5)
    assert (picture.content_hash, picture.size, picture.format) == ("c" * 64, 7, "PNG")
    assert (picture.width, picture.height, picture.colour) == (3, 2, "#000000")
    assert (picture.colours, picture.phash) == (("black",), "0" * 16)
    assert (picture.metadata, picture.given) == (given, given)
    assert describe(facts, "/p", "a", 5, facts.metadata).given == Metadata()


def test_moments_are_compared_in_utc() -> None:
    known = merged(at(7), Metadata(taken_at=datetime(2018, 5, 6, 5, tzinfo=UTC)))
    assert known.taken_at == datetime(2018, 5, 6, 5, tzinfo=UTC)
    assert known.date == MAY
