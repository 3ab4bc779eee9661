"""The filters that are on, and those that could be, with their counts."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date

from app.pages.state import PageState
from imagesearch.filtering import ALL_OF, MOST_RATING, SEVERAL
from imagesearch.places import DEFAULT_KM
from imagesearch.records import FacetCount, Facets, Filters, Near
from imagesearch.store import Store

# What can be chosen, in the order of the pane, and where its counts are.
_KINDS: Mapping[str, str] = {
    "group": "groups",
    "tag": "tags",
    "colour": "colours",
    "rating": "ratings",
    "album": "albums",
    "camera": "cameras",
    "lens": "lenses",
    "orientation": "orientations",
    "format": "formats",
    "author": "authors",
    "year": "years",
}
# Every picture has one of these: where all have the same, it is no choice.
_OF_EVERY_PICTURE = ("album", "orientation", "format")

Value = str | int | Near | tuple[date | None, date | None]


@dataclass(frozen=True)
class Part:
    """A filter that is on: what it is called, its value, and the search without it."""

    name: str
    value: Value
    without: PageState


def filter_parts(state: PageState) -> list[Part]:
    """The filters of `state`, one by one."""
    parts = [
        Part(kind, value, state.but(**{name: _less(chosen, value)}))
        for kind, name in SEVERAL.items()
        for chosen in [getattr(state, name)]
        for value in chosen
    ]
    if state.rating is not None:
        parts.append(Part("rating", state.rating, state.but(rating=None)))
    if near := state.filters.near:
        parts.append(Part("near", near, state.but(near=None, within_km=DEFAULT_KM)))
    if state.date_from or state.date_to:
        dates = (state.date_from, state.date_to)
        parts.append(Part("date", dates, state.but(date_from=None, date_to=None)))
    if state.words:
        parts.append(Part("words", state.words, state.but(words="")))
    return [replace(part, without=_kept_open(part.without)) for part in parts]


def _kept_open(state: PageState) -> PageState:
    """Without its last filter, leafing through goes on with all pictures, not back to the start."""
    return replace(state, all=True) if state.is_start else state


def _less(values: tuple[str, ...], value: str) -> tuple[str, ...]:
    return tuple(v for v in values if v != value)


@dataclass(frozen=True)
class Choice:
    """A value to filter by, how many pictures it would leave, and the search with (or without) it."""

    value: str
    count: int
    chosen: bool
    url: str


FacetsOf = Callable[[Filters, Collection[str]], Facets]


@dataclass(frozen=True)
class Choices:
    """The values of one kind, the chosen ones first."""

    name: str
    choices: tuple[Choice, ...]


def filter_choices(facets_of: FacetsOf, state: PageState) -> list[Choices]:
    """Every filter with its counts among what the other filters let pass.

    Where one of several values is enough, each is counted as if no other were chosen; tags and colours
    narrow down (a picture has to have all), so they are counted under those that are.
    """
    facets = _facets(facets_of, state.filters)
    return [Choices(kind, _of_kind(kind, getattr(facets, name), state)) for kind, name in _KINDS.items()]


def _of_kind(kind: str, counts: tuple[FacetCount, ...], state: PageState) -> tuple[Choice, ...]:
    if kind == "year":
        return _choices(counts, _year(state), lambda chosen: in_year(state, *chosen[-1:]))
    if kind == "rating":
        return _ratings(counts, state)
    name = SEVERAL[kind]
    choices = _choices(counts, getattr(state, name), lambda chosen: state.but(**{name: chosen}))
    needless = kind in _OF_EVERY_PICTURE and len(choices) == 1 and not choices[0].chosen
    return () if needless else choices


def _facets(facets_of: FacetsOf, filters: Filters) -> Facets:
    facets = facets_of(filters, tuple(_KINDS.values()))
    for name, freed in _freed(filters):
        facets = replace(facets, **{name: getattr(facets_of(freed, (name,)), name)})
    return facets


def _freed(filters: Filters) -> list[tuple[str, Filters]]:
    """The kinds of which a value is chosen and another would do, each with the filters without it."""
    freed = [
        (name, replace(filters, **{name: ()}))  # type: ignore[arg-type]  # SEVERAL names tuples only
        for kind, name in SEVERAL.items()
        if kind in _KINDS and kind not in ALL_OF and getattr(filters, name)
    ]
    if filters.rating is not None:
        freed.append(("ratings", replace(filters, rating=None)))
    if filters.date_from or filters.date_to:
        freed.append(("years", replace(filters, date_from=None, date_to=None)))
    return freed


def _ratings(counts: tuple[FacetCount, ...], state: PageState) -> tuple[Choice, ...]:
    """From the most stars on; each with all pictures that have at least so many."""

    def choice(stars: int) -> Choice:
        count = sum(c.count for c in counts if int(c.value) >= stars)
        url = _kept_open(state.but(rating=None if state.rating == stars else stars)).url()
        return Choice(str(stars), count, state.rating == stars, url)

    found = map(choice, range(MOST_RATING, 0, -1))
    return tuple(choice for choice in found if choice.count or choice.chosen)


def _choices(
    counts: tuple[FacetCount, ...],
    chosen: tuple[str, ...],
    with_values: Callable[[tuple[str, ...]], PageState],
) -> tuple[Choice, ...]:
    known = dict.fromkeys(chosen, 0) | {c.value: c.count for c in counts}

    def choice(value: str) -> Choice:
        values = _less(chosen, value) if value in chosen else (*chosen, value)
        return Choice(value, known[value], value in chosen, _kept_open(with_values(values)).url())

    return tuple(choice(value) for value in known)


def _year(state: PageState) -> tuple[str, ...]:
    """The year that the dates span exactly, if they do."""
    first, last = state.date_from, state.date_to
    if first and last and in_year(state, str(first.year)) == state.but():
        return (str(first.year),)
    return ()


def in_year(state: PageState, year: str | None = None) -> PageState:
    """The search among the pictures of one year, or of any."""
    if year is None:
        return state.but(date_from=None, date_to=None)
    return state.but(date_from=date(int(year), 1, 1), date_to=date(int(year), 12, 31))


@dataclass(frozen=True)
class WayOut:
    """A filter to drop and how many pictures that would leave."""

    part: Part
    count: int


def ways_out(store: Store, state: PageState) -> list[WayOut]:
    """Which one filter to drop where all together leave nothing, the most rewarding first."""
    found = (WayOut(part, store.count(part.without.filters)) for part in filter_parts(state))
    return sorted((way for way in found if way.count), key=lambda way: -way.count)
