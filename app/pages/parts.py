"""What the templates show, put together from records: tiles, chips and filters with their counts."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from app.links import THUMBNAIL_SIZES, thumbnail_url
from app.pages.state import PageState
from imagesearch.records import FacetCount, Facets, Filters, Hit, Picture
from imagesearch.store import Store

# Proportions come in steps of two per cent: an inline style is not allowed, so the style sheet
# (static/ratios.css) has a class for each. Longer or taller pictures lie in a box of the last step.
RATIO_STEP = 0.02
TALLEST, WIDEST = -50, 70
_TILE_SIZES = THUMBNAIL_SIZES[:2]
_SHOWN_HEIGHT = 200


@dataclass(frozen=True)
class Tile:
    """A picture in a grid: where it leads, and its measures before it has loaded."""

    picture: Picture
    url: str
    similar_url: str
    percent: int | None
    exact: str | None

    @property
    def shape(self) -> str:
        """The classes that give the box the picture's proportions."""
        return shape(self.picture)

    @property
    def width(self) -> int:
        """About how many CSS pixels wide it is shown beside the filters, for `sizes`."""
        return round(_SHOWN_HEIGHT * self.picture.width / self.picture.height)

    @property
    def source(self) -> str:
        """The smallest thumbnail."""
        return thumbnail_url(self.picture, _TILE_SIZES[0])

    @property
    def sources(self) -> str:
        """Thumbnails with their widths, for `srcset`."""
        return source_set(self.picture, _TILE_SIZES)


def ratio_class(step: int) -> str:
    """The class of a proportion: `r0` is square, `r9` wider by 9 steps, `r-9` taller."""
    return f"r{step}"


def shape(picture: Picture) -> str:
    """The classes that give a box the picture's proportions; `long` if they go beyond the last class."""
    step = round(math.log(picture.width / picture.height) / RATIO_STEP)
    kept = max(TALLEST, min(step, WIDEST))
    return ratio_class(kept) + ("" if kept == step else " long")


def source_set(picture: Picture, sizes: Sequence[int]) -> str:
    """Thumbnails of `picture` with their true widths, without those that would be no larger."""
    longest = max(picture.width, picture.height)
    widths = {round(picture.width * min(1, size / longest)): size for size in reversed(sizes)}
    return ", ".join(f"{thumbnail_url(picture, size)} {width}w" for width, size in sorted(widths.items()))


def tile(hit: Hit, state: PageState, at: int | None = None, best: float | None = None) -> Tile:
    """The tile of `hit`, at place `at` (0 is the best) of what `state` asks; `best` is the best's score."""
    place = {} if at is None else {"at": at}
    kept = state.but(limit=state.limit, offset=state.offset)
    return Tile(
        picture=hit.picture,
        url=kept.url(f"/pictures/{hit.picture.id}", **place),
        similar_url=similar_to(hit.picture.id, state).url(),
        percent=None if hit.score is None or best is None else _percent(hit.score, best),
        exact=None if hit.score is None else f"{hit.score:.4f}",
    )


def _percent(score: float, best: float) -> int:
    """How close it comes, compared with the best. (Cosines themselves mean nothing to a person: words
    and pictures that fit perfectly have 0.3 with CLIP, two copies of a picture 1.0.)
    """
    cosine, highest = 2 * score - 1, 2 * best - 1
    return round(100 * max(0.0, cosine) / highest) if highest > 0 else 0


def similar_to(id: str, state: PageState) -> PageState:
    """What is like this picture, among what the filters let pass."""
    fresh = {"q": "", "image": "", "hybrid": False, "all": False}
    return state.but(like=id, k=None, num_candidates=None, similarity=None, **fresh)


@dataclass(frozen=True)
class Part:
    """A filter that is on: what it is called, its value, and the search without it."""

    name: Literal["tag", "group", "author", "date", "words"]
    value: str | tuple[date | None, date | None]
    without: PageState


def filter_parts(state: PageState) -> list[Part]:
    """The filters of `state`, one by one."""
    parts = [
        *(Part("tag", v, state.but(tags=_less(state.tags, v))) for v in state.tags),
        *(Part("group", v, state.but(groups=_less(state.groups, v))) for v in state.groups),
        *(Part("author", v, state.but(authors=_less(state.authors, v))) for v in state.authors),
    ]
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


FacetsOf = Callable[[Filters], Facets]


@dataclass(frozen=True)
class Choices:
    """The values of one kind, the chosen ones first."""

    name: str
    choices: tuple[Choice, ...]


def filter_choices(facets_of: FacetsOf, state: PageState) -> list[Choices]:
    """Every filter with its counts among what the other filters let pass.

    Groups and authors add up (either of them), so each is counted as if no other were chosen; tags
    narrow down (both of them), so they are counted under those that are.
    """
    facets = _facets(facets_of, state.filters)
    return [
        Choices("group", _choices(facets.groups, state.groups, lambda chosen: state.but(groups=chosen))),
        Choices("tag", _choices(facets.tags, state.tags, lambda chosen: state.but(tags=chosen))),
        Choices("author", _choices(facets.authors, state.authors, lambda chosen: state.but(authors=chosen))),
        Choices("year", _choices(facets.years, _year(state), lambda chosen: in_year(state, *chosen[-1:]))),
    ]


def _facets(facets_of: FacetsOf, filters: Filters) -> Facets:
    facets = facets_of(filters)
    if filters.groups:
        facets = replace(facets, groups=facets_of(replace(filters, groups=())).groups)
    if filters.authors:
        facets = replace(facets, authors=facets_of(replace(filters, authors=())).authors)
    if filters.date_from or filters.date_to:
        facets = replace(facets, years=facets_of(replace(filters, date_from=None, date_to=None)).years)
    return facets


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
