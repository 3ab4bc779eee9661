"""`python -m imagesearch`: the command line for all that asks."""

import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from PIL import Image

from imagesearch.clip import open_model
from imagesearch.config import Settings, load_settings
from imagesearch.errors import BadPicture, ImageSearchError
from imagesearch.filtering import LEAST_RATING, MOST_RATING, filters_of
from imagesearch.options import index_option, model_option, store_option
from imagesearch.pictures import read_picture
from imagesearch.places import DEFAULT_KM, MAX_KM, read_place
from imagesearch.records import COLOURS, ORIENTATIONS, Hit, Place
from imagesearch.search import Answer, Query, open_searcher
from imagesearch.sources.found import location
from imagesearch.store import default_location, open_store, refuse_other_model
from imagesearch.terminal import PrintingGroup

Command = TypeVar("Command", bound=Callable[..., object])


def _day(_: click.Context, __: click.Parameter, given: datetime | None) -> date | None:
    return given.date() if given else None


def _place(_: click.Context, __: click.Parameter, given: str | None) -> Place | None:
    try:
        return None if given is None else read_place(given)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


_DAY: dict[str, Any] = {"type": click.DateTime(["%Y-%m-%d"]), "callback": _day}
_FILTERS = (
    click.option("--tag", multiple=True, help="Only with this tag; repeat for several, all of them."),
    click.option("--group", multiple=True, help="Only of this group; repeat for several, any of them."),
    click.option("--author", multiple=True, help="Only by this author; repeat for any of several."),
    click.option("--date-from", **_DAY, help="Not older than this day."),
    click.option("--date-to", **_DAY, help="Not younger than this day."),
    click.option(
        "--containing", metavar="WORDS", help="Only with these words in name, caption, tags or path."
    ),
    click.option(
        "--colour",
        multiple=True,
        type=click.Choice(COLOURS),
        help="Only with this among its dominant colours; repeat for several, all of them.",
    ),
    click.option("--camera", multiple=True, help="Only taken with this camera; repeat for any of several."),
    click.option("--lens", multiple=True, help="Only taken with this lens; repeat for any of several."),
    click.option("--album", multiple=True, help="Only of this folder; repeat for any of several."),
    click.option("--format", multiple=True, help="Only in this format (JPEG); repeat for any of several."),
    click.option(
        "--orientation", multiple=True, type=click.Choice(ORIENTATIONS), help="Repeat for any of several."
    ),
    click.option("--phash", multiple=True, help="Only with this perceptual hash; repeat for any of several."),
    click.option(
        "--rating", type=click.IntRange(LEAST_RATING, MOST_RATING), help="Only with at least so many stars."
    ),
    click.option("--near", metavar="LAT,LON", callback=_place, help="Only taken near there; in degrees."),
    click.option(
        "--within-km",
        type=click.FloatRange(0, MAX_KM, min_open=True),
        default=DEFAULT_KM,
        show_default=True,
        help="How near, in kilometres.",
    ),
)


def filter_options(command: Command) -> Command:
    """Adds the options that say which pictures may be found, as `filters_of` takes them."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


@click.group(cls=PrintingGroup)
def main() -> None:
    """Find pictures in a store."""


@main.command()
@click.argument("words", required=False)
@click.option(
    "--image", type=click.Path(path_type=Path), help="Search by this picture, with or without words."
)
@click.option("--like", metavar="ID", help="More like this indexed picture.")
@model_option
@store_option
@index_option
@click.option("-k", type=int, default=10, show_default=True, help="How many nearest pictures.")
@click.option("--num-candidates", type=int, help="How many candidates an approximate index looks at.")
@click.option("--similarity", type=float, help="The least cosine, -1 to 1.")
@filter_options
@click.option("--hybrid", is_flag=True, help="Rank by WORDS in names, captions, tags and paths, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for the whole answer.")
def search(
    words: str | None,
    image: Path | None,
    like: str | None,
    model: str | None,
    store: str | None,
    index: str | None,
    k: int,
    num_candidates: int | None,
    similarity: float | None,
    hybrid: bool,
    as_json: bool,
    containing: str | None,
    near: Place | None,
    within_km: float,
    **filters: object,
) -> None:
    """Find pictures by WORDS, by a picture, or by both; prints score and path, best first."""
    passing = filters_of({**filters, "words": containing}, near, within_km)
    try:
        settings = load_settings(model=model, store=store, index=index)
        picture = _read(image, settings) if image else None
        query = Query(words, picture, like, passing, k, num_candidates, similarity, hybrid=hybrid)
        answer = _ask(query, settings)
    except ImageSearchError as error:
        raise click.ClickException(str(error)) from error
    click.echo(_as_json(answer) if as_json else _as_text(answer))


def _read(path: Path, settings: Settings) -> Image.Image:
    try:
        return read_picture(path, settings.max_pixels).image
    except BadPicture as error:
        raise BadPicture(f"{path} {error}.") from error


def _ask(query: Query, settings: Settings) -> Answer:
    model = open_model(settings.model, settings.runtime, settings.data)
    with open_store(default_location(settings), settings) as store:
        if stored := store.identity():
            refuse_other_model(stored, model.identity, store.place)
        return open_searcher(store, model, settings).search(query)


def _as_text(answer: Answer) -> str:
    lines = [f"{hit.score:.4f}  {location(hit.picture.source, hit.picture.path)}" for hit in answer.page.hits]
    if not lines:
        empty = "There is nothing to find: the store is empty, or no picture in it passes the filters."
        lines = ["Nothing was found." if answer.page.total else empty]
    elif answer.weak:
        lines.insert(0, "Nothing matches well. The closest are:")
    return "\n".join(lines)


def _as_json(answer: Answer) -> str:
    results = [_result(hit) for hit in answer.page.hits]
    return json.dumps({"total": answer.page.total, "results": results}, indent=1)


def _result(hit: Hit) -> dict[str, object]:
    picture = hit.picture
    return {
        "id": picture.id,
        "name": picture.name,
        "path": picture.path,
        "source": picture.source,
        "score": hit.score,
    }


if __name__ == "__main__":
    main(prog_name="python -m imagesearch")
