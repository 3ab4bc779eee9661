"""`python -m ingest failures`: what could not be brought in, and why."""

import json
from typing import Literal

import click

from imagesearch.config import load_settings
from imagesearch.errors import ImageSearchError
from imagesearch.store import default_location, open_store


@click.command()
@click.option("--model", help="The model pair of the store.  [env: MODEL; default: clip]")
@click.option("--store", help="A folder, or the URLs of Elasticsearch.  [env: STORE; default: one a model]")
@click.option("--index", help="In Elasticsearch: the alias of the pictures.  [env: INDEX; default: pictures]")
@click.option(
    "--log", type=click.Choice(["text", "json"]), default="text", help="Text, or a JSON object a line."
)
def failures(model: str | None, store: str | None, index: str | None, log: Literal["text", "json"]) -> None:
    """List the files that failed, with the reason of each; they are tried again once they change."""
    try:
        settings = load_settings(model=model, store=store, index=index)
        with open_store(default_location(settings), settings) as opened:
            for failure in (f for source in opened.failed_sources() for f in opened.failures_of(source)):
                file = f"{failure.source}/{failure.path}"
                event = json.dumps({"event": "failed", "file": file, "reason": failure.reason})
                click.echo(event if log == "json" else f"{file}: {failure.reason}")
    except ImageSearchError as error:
        raise click.ClickException(str(error)) from error
