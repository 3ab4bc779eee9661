"""What the page is asked, as it stands in its address: the same names as in the API."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Self, TypeVar
from urllib.parse import urlencode

from PIL import Image
from werkzeug.datastructures import MultiDict

from imagesearch.filtering import LEAST_RATING, MOST_RATING, SEVERAL, filters_of
from imagesearch.places import DEFAULT_KM, MAX_KM, read_place
from imagesearch.records import Filters, Place, composed
from imagesearch.search import DEFAULT_LIMIT, Query

# The most pictures on one page; beyond, the next page begins.
MAX_SHOWN = 480
# What the form has fields for.
_SEEN = frozenset(
    ("q", "offset", "limit", "date_from", "date_to", "words", "k", "num_candidates", "similarity", "hybrid")
)

T = TypeVar("T")


@dataclass(frozen=True)
class PageState:
    """A search, its filters and the part of the ranking that is shown.

    `image` is the handle of an uploaded picture, `like` the id of an indexed one. `all` asks for every
    picture without a search. `problems` names the arguments that could not be read; they are left out.
    """

    q: str = ""
    image: str = ""
    like: str = ""
    tags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    lenses: tuple[str, ...] = ()
    albums: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    orientations: tuple[str, ...] = ()
    phashes: tuple[str, ...] = ()
    rating: int | None = None
    near: Place | None = None
    within_km: float = DEFAULT_KM
    date_from: date | None = None
    date_to: date | None = None
    words: str = ""
    k: int | None = None
    num_candidates: int | None = None
    similarity: float | None = None
    hybrid: bool = False
    all: bool = False
    offset: int = 0
    limit: int = DEFAULT_LIMIT
    problems: tuple[str, ...] = ()

    @classmethod
    def read(cls, arguments: MultiDict[str, str]) -> Self:
        """The state that `arguments` hold; unknown names and empty values are passed over."""
        problems: list[str] = []

        def typed(name: str, convert: Callable[[str], T], kind: str) -> T | None:
            text = arguments.get(name, "").strip()
            try:
                return convert(text) if text else None
            except ValueError:
                problems.append(f"{name} is {text!r}; it has to be {kind}.")
                return None

        def several(name: str) -> tuple[str, ...]:
            return tuple(dict.fromkeys(composed(value) for value in arguments.getlist(name) if value))

        return cls(
            q=" ".join(arguments.get("q", "").split()),
            image=arguments.get("image", ""),
            like=arguments.get("like", ""),
            **{name: several(parameter) for parameter, name in SEVERAL.items()},
            rating=typed("rating", _stars, f"a whole number from {LEAST_RATING} to {MOST_RATING}"),
            near=typed("near", read_place, "latitude and longitude in degrees, written 46.95,7.45"),
            within_km=typed("within_km", _kilometres, f"more than 0 and at most {MAX_KM}") or DEFAULT_KM,
            date_from=typed("date_from", date.fromisoformat, "a day, written 2024-12-31"),
            date_to=typed("date_to", date.fromisoformat, "a day, written 2024-12-31"),
            words=" ".join(arguments.get("words", "").split()),
            k=typed("k", int, "a whole number"),
            num_candidates=typed("num_candidates", int, "a whole number"),
            similarity=typed("similarity", float, "a number"),
            hybrid=bool(arguments.get("hybrid", "")),
            all=bool(arguments.get("all", "")),
            offset=max(0, typed("offset", int, "a whole number") or 0),
            limit=min(max(1, typed("limit", int, "a whole number") or DEFAULT_LIMIT), MAX_SHOWN),
            problems=tuple(problems),
        )

    @property
    def asks(self) -> bool:
        """Whether anything is looked for, rather than leafed through."""
        return bool(self.q or self.image or self.like)

    @property
    def ranks_by_names(self) -> bool:
        """Whether names and tags take part in the order, which is then not that of likeness alone."""
        return self.hybrid and bool(self.q)

    @property
    def filters(self) -> Filters:
        """The filters among it."""
        given = {parameter: getattr(self, name) for parameter, name in SEVERAL.items()}
        dates = {"date_from": self.date_from, "date_to": self.date_to}
        single = {**dates, "words": self.words or None, "rating": self.rating}
        return filters_of(given | single, self.near, self.within_km)

    @property
    def is_start(self) -> bool:
        """Whether nothing is asked at all."""
        return not (self.asks or self.filters or self.all)

    def query(self, picture: Image.Image | None) -> Query:
        """The search that this state means; `picture` is what its handle stands for."""
        return Query(
            words=self.q or None,
            picture=picture,
            like=self.like or None,
            filters=self.filters,
            k=self.k,
            num_candidates=self.num_candidates,
            similarity=self.similarity,
            offset=self.offset,
            limit=self.limit,
            hybrid=self.ranks_by_names,
        )

    def but(self, **changes: object) -> Self:
        """This with `changes`, from the first result on."""
        return replace(self, **{"offset": 0, "limit": DEFAULT_LIMIT, **changes})  # type: ignore[arg-type]

    def without_filters(self) -> Self:
        """The same search among all pictures."""
        nothing = PageState()
        single = ("rating", "near", "within_km", "date_from", "date_to", "words")
        cleared = {name: getattr(nothing, name) for name in (*SEVERAL.values(), *single)}
        return replace(self.but(**cleared), all=True)

    def kept(self) -> Iterator[tuple[str, str]]:
        """What a form for new words carries along unseen."""
        return ((name, value) for name, value in self.pairs() if name not in _SEEN)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Names and values for the address, in a fixed order, defaults left out."""
        single = (("q", self.q), ("image", self.image), ("like", self.like))
        several = ((parameter, getattr(self, name)) for parameter, name in SEVERAL.items())
        rest = (
            ("rating", self.rating),
            ("near", self.near and f"{self.near.latitude},{self.near.longitude}"),
            ("within_km", f"{self.within_km:g}" if self.near and self.within_km != DEFAULT_KM else None),
            ("date_from", self.date_from),
            ("date_to", self.date_to),
            ("words", self.words),
            ("k", self.k),
            ("num_candidates", self.num_candidates),
            ("similarity", self.similarity),
            ("hybrid", 1 if self.ranks_by_names else None),
            ("all", 1 if self.all and not (self.asks or self.filters) else None),
            ("offset", self.offset or None),
            ("limit", self.limit if self.limit != DEFAULT_LIMIT else None),
        )
        yield from ((name, value) for name, value in single if value)
        yield from ((name, value) for name, values in several for value in values)
        yield from ((name, str(value)) for name, value in rest if value is not None and value != "")

    def url(self, path: str = "/", **more: object) -> str:
        """The address of this state, or of the page `path` that keeps it."""
        pairs = [*self.pairs(), *((name, str(value)) for name, value in more.items())]
        return f"{path}?{urlencode(pairs)}" if pairs else path


def _stars(text: str) -> int:
    if not LEAST_RATING <= (stars := int(text)) <= MOST_RATING:
        raise ValueError
    return stars


def _kilometres(text: str) -> float:
    if not 0 < (km := float(text)) <= MAX_KM:
        raise ValueError
    return km
