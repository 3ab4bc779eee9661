"""A search in words: its title, its chips, and how long it took."""

from dataclasses import dataclass
from datetime import date

from app.links import thumbnail_url
from app.pages.choices import Part, filter_parts
from app.pages.state import PageState
from app.pages.strings import Strings
from imagesearch.records import Near, Picture

# Filters that have no place of their own in the pane.
_PANE = {"near": "filters", "phash": "filters"}


@dataclass(frozen=True)
class Chip:
    """A part of what was asked: `edit` is where it is changed, an id on the page."""

    label: str
    remove_url: str
    edit: str
    thumbnail: str | None = None
    edit_label: str | None = None


def title(state: PageState, liked: Picture | None, t: Strings) -> str:
    """The heading of the results."""
    return (
        t("results.title", what=spoken(state, liked, t))
        if state.asks or state.filters
        else t("results.title.all")
    )


def spoken(state: PageState, liked: Picture | None, t: Strings) -> str:
    """What was asked, as one would say it."""
    said = []
    if state.image:
        said.append(t("results.what.image"))
    if liked:
        said.append(t("results.what.like", name=liked.name))
    if state.q:
        said.append(t("results.what.words", words=state.q))
    said = said or [t("results.what.filters") if state.filters else t("results.title.all")]
    return said[0] if len(said) == 1 else t("results.what.both", first=said[0], second=" ".join(said[1:]))


def chips(state: PageState, liked: Picture | None, t: Strings) -> list[Chip]:
    """What was asked, part by part, each to be changed or removed."""
    found = []
    if state.image:
        thumbnail = f"/uploads/{state.image}"
        url = state.but(image="").url()
        found.append(Chip(t("chip.image"), url, "pick", thumbnail, t("chip.image.edit")))
    if liked:
        label = t("chip.like", name=liked.name)
        found.append(
            Chip(label, state.but(like="").url(), "pick", thumbnail_url(liked), t("chip.image.edit"))
        )
    if state.q:
        label = t("chip.words", words=state.q)
        found.append(Chip(label, state.but(q="").url(), "q", edit_label=t("chip.words.edit")))
    found += [
        Chip(part_label(p, t), p.without.url(), _PANE.get(p.name, f"filter-{p.name}"))
        for p in filter_parts(state)
    ]
    if state.similarity is not None:
        label = t("chip.similarity", value=state.similarity)
        found.append(Chip(label, state.but(similarity=None).url(), "filter-advanced"))
    if state.ranks_by_names:
        found.append(Chip(t("chip.hybrid"), state.but(hybrid=False).url(), "filter-advanced"))
    if state.k is not None:
        found.append(Chip(t("chip.k", n=state.k), state.but(k=None).url(), "filter-advanced"))
    return found


def part_label(part: Part, t: Strings) -> str:
    """A filter in words."""
    match part.name, part.value:
        case "date", (first, last):
            return _dates(first, last, t)
        case "words", value:
            return t("chip.words-filter", value=value)
        case "rating", int(stars):
            return t("chip.rating", n=stars)
        case "near", Near(place, km):
            return t("chip.near", km=f"{km:g}", place=t.place(place))
        case ("colour" | "orientation") as name, str(value):
            return t(f"chip.{name}", value=value_label(name, value, t))
        case name, value:
            return t(f"chip.{name}", value=value)


def value_label(kind: str, value: str, t: Strings) -> str:
    """A value of a kind of filter as a person says it."""
    match kind:
        case "colour" | "orientation":
            return t(f"{kind}.{value}") if f"{kind}.{value}" in t.table else value
        case "rating":
            return t("filters.rating.least", n=int(value))
        case _:
            return value


def _dates(first: date | None, last: date | None, t: Strings) -> str:
    if first and last:
        if (first, last) == (date(first.year, 1, 1), date(first.year, 12, 31)):
            return str(first.year)
        key = "chip.date.day" if first == last else "chip.date.between"
        return t(key, first=t.day(first), last=t.day(last))
    if last:
        return t("chip.date.to", last=t.day(last))
    return t("chip.date.from", first=t.day(first)) if first else ""


def took(ms: float, t: Strings) -> str:
    """A duration in milliseconds, or in seconds from one second on."""
    if ms < 1000:
        return t("results.time", ms=max(1, round(ms)))
    return t("results.time.seconds", s=f"{ms / 1000:.1f}")
