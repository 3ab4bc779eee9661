"""`python -m deploy`: API keys for the parts, made by one who may."""

from pathlib import Path

import click

from deploy.keys import PARTS, Keys, Part
from imagesearch.config import load_settings
from imagesearch.elastic import connect
from imagesearch.elastic.licence import require_licence
from imagesearch.errors import BadSetting, ImageSearchError
from imagesearch.store import is_elastic

# A node that has just started may need minutes until it knows its users.
_PATIENCE_SECONDS = 300


@click.command()
@click.argument("parts", nargs=-1, required=True, type=click.Choice(PARTS), metavar="PART…")
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default=Path("/access"),
    show_default=True,
    help="The folder that gets a folder for each part.",
)
@click.option(
    "--trial",
    is_flag=True,
    envvar="START_TRIAL",
    help="Start the 30-day trial, if need be.  [env: START_TRIAL]",
)
def main(parts: tuple[Part, ...], into: Path, trial: bool) -> None:
    """Make the API keys of PARTs: app, ingest, model. What is there stays.

    STORE says where Elasticsearch is, ELASTICSEARCH_USER and ELASTICSEARCH_PASSWORD (or a key) who may
    make keys. With API_TOKEN set, the app may add and remove pictures.
    """
    try:
        settings = load_settings()
        if not (settings.store and is_elastic(settings.store)):
            raise BadSetting("STORE names no Elasticsearch. Set it to the address, https://…")
        client = connect(settings, settings.store, _PATIENCE_SECONDS)
        if trial:
            require_licence(client, click.echo, start_trial=True)
        keys = Keys(client, settings.index, changes=settings.api_token is not None)
        for part in parts:
            click.echo(keys.provide(part, into / part, settings.elasticsearch_ca))
    except ImageSearchError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main(prog_name="python -m deploy")
