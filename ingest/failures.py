"""`python -m ingest failures`: what could not be brought in, and why."""

import json
from typing import Literal

import click

from imagesearch.config import load_settings
from imagesearch.errors import ImageSearchError
from imagesearch.options import index_option, log_option, store_option
from imagesearch.sources.found import location
from imagesearch.store import default_location, open_store


@click.command()
@click.option("--model", help="The model pair of the store.  [env: MODEL; default: clip]")
@store_option
@index_option
@log_option
def failures(model: str | None, store: str | None, index: str | None, log: Literal["text", "json"]) -> None:
    """List the files that failed, with the reason of each; they are tried again once they change."""
    try:
        settings = load_settings(model=model, store=store, index=index)
        with open_store(default_location(settings), settings) as opened:
            for failure in (f for source in opened.failed_sources() for f in opened.failures_of(source)):
                file = location(failure.source, failure.path)
                event = json.dumps({"event": "failed", "file": file, "reason": failure.reason})
                click.echo(event if log == "json" else f"{file}: {failure.reason}")
    except ImageSearchError as error:
        raise click.ClickException(str(error)) from error
