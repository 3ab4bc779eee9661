"""What the templates show of pictures, put together from records: tiles in their proportions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.links import THUMBNAIL_SIZES, thumbnail_url
from app.pages.state import PageState
from imagesearch.records import Hit, Picture

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
