"""`python -m ingest`: the command line for all that writes."""

import logging
import os
import signal
import sys
import warnings
from functools import partial

import click
from click_default_group import DefaultGroup
from tqdm import tqdm

from imagesearch.clip import open_model
from imagesearch.config import Settings, load_settings
from imagesearch.encoders import find_spec
from imagesearch.errors import BadSetting, ImageSearchError
from imagesearch.options import model_option
from imagesearch.store import default_location, is_elastic
from imagesearch.terminal import Printing
from ingest.failures import failures
from ingest.pictures import INTERRUPTED, PATIENCE, pictures
from ingest.watch import watch

# And while a model is brought there, when somebody watches.
DEPLOYING_PATIENCE = 60


class Commands(Printing, DefaultGroup):
    """Prints in every terminal; a path instead of a command is for `pictures`."""


@click.group(cls=Commands, default="pictures", default_if_no_args=False)
def main() -> None:
    """Bring pictures into a store, so that they can be found.

    `python -m ingest PATH…` is short for `python -m ingest pictures PATH…`.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    # Pillow warns of damage in EXIF data, not saying in which file: nothing anyone could act upon.
    warnings.filterwarnings("ignore", module="PIL")


@main.command()
@click.option("--store", help="The URLs of Elasticsearch.  [env: STORE]")
@click.option("--index", help="The alias of the pictures.  [env: INDEX; default: pictures]")
@click.option("--index-type", help="hnsw, int8_hnsw, int4_hnsw or bbq_hnsw.  [env: INDEX_TYPE]")
@click.option("--model", help="Encode every picture again, with this model pair: demo, clip, or a folder.")
@click.option("--allow-missing", is_flag=True, help="Leave out pictures whose files cannot be read any more.")
@click.option("--quiet", is_flag=True, help="No progress bar; the report only.")
@click.option("--rollback", "what", flag_value="rollback", help="Go back to the index before this one.")
@click.option("--drop-old", "what", flag_value="drop-old", help="Delete all indices but the one in use.")
@click.option("--abort", "what", flag_value="abort", help="Give up a rebuild that was interrupted.")
def rebuild(
    store: str | None,
    index: str | None,
    index_type: str | None,
    model: str | None,
    allow_missing: bool,
    quiet: bool,
    what: str | None,
) -> None:
    """Fill a new index beside the one in use and put it in its place; searches go on all the while.

    The embeddings are copied, or made again with --model. Writes are refused until it is done. The old
    index is kept for --rollback until --drop-old. Interrupted, it goes on when it is run again.
    """
    from imagesearch import elastic
    from ingest.rebuild import MANAGING, Rebuilding

    try:
        settings = load_settings(store=store, index=index, index_type=index_type)
        location = _elastic_only(settings, "Only an index in Elasticsearch can be rebuilt.")
        client = elastic.connect(settings, location, PATIENCE)
        if what:
            click.echo(MANAGING[what](client, settings.index))
            return
        opened = open_model(model, settings.runtime, settings.data) if model else None
        job = Rebuilding(
            client, settings.index, elastic.plan_of(settings), opened, settings.max_pixels, allow_missing
        )
        outcome = job.run(partial(tqdm, unit=" pictures", disable=True if quiet else None))
    except KeyboardInterrupt:
        click.echo("Interrupted. Run the same again to go on, or give it up with --abort.", err=True)
        sys.exit(INTERRUPTED)
    except ImageSearchError as error:
        raise click.ClickException(str(error)) from error
    for line in outcome.lines():
        click.echo(line)


@main.command(name="deploy-model")
@model_option
@click.option("--store", help="The URLs of Elasticsearch.  [env: STORE]")
@click.option("--allocations", type=click.IntRange(1), help="How many requests it answers at a time.")
@click.option("--threads", type=click.IntRange(1, 32), help="How many processors each of them takes.")
@click.option("--start-trial", is_flag=True, help="Start the 30-day trial licence, which a cluster has once.")
@click.option("--remove", "removing", is_flag=True, help="Stop and delete the model instead.")
@click.option("--quiet", is_flag=True, help="No progress bar; the report only.")
def deploy_model(
    model: str | None,
    store: str | None,
    allocations: int | None,
    threads: int | None,
    start_trial: bool,
    removing: bool,
    quiet: bool,
) -> None:
    """Put the text model into Elasticsearch, so that it encodes the words of searches itself.

    It takes a licence with machine learning (platinum, enterprise, or the trial). What is there already is
    left as it is, checked, and started if it is stopped; another model's weights replace it. Exits with 1
    if the deployed model does not give the embeddings of the model here.
    """
    from imagesearch import elastic
    from imagesearch.elastic.texts import text_model_id
    from ingest.deploy import TextDeployer
    from ingest.deployed import remove

    try:
        settings = load_settings(model=model, store=store)
        location = _elastic_only(settings, "A text model is deployed in Elasticsearch only.")
        client = elastic.connect(settings, location, DEPLOYING_PATIENCE)
        if removing:
            id = text_model_id(find_spec(settings.model))
            click.echo(f"{id} was removed." if remove(client, id) else f"There was no {id}.")
            return
        deployer = TextDeployer(client, open_model(settings.model), click.echo, allocations, threads)
        bar = partial(tqdm, unit="B", unit_scale=True, disable=True if quiet else None)
        cosine = deployer.run(bar, start_trial=start_trial)
    except KeyboardInterrupt:
        click.echo("Interrupted. Run the same again to go on.", err=True)
        sys.exit(INTERRUPTED)
    except ImageSearchError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{deployer.id} is started and encodes as the model here does (cosine {cosine:.6f}).")


def _elastic_only(settings: Settings, why: str) -> str:
    """The location of Elasticsearch. Raises BadSetting if the store is another one."""
    location = default_location(settings)
    if not is_elastic(location):
        raise BadSetting(f"{why} Name its URL with --store or STORE.")
    return location


for command in (pictures, failures, watch):
    main.add_command(command)


if __name__ == "__main__":
    # Docker and Kubernetes ask like this to end.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main(prog_name="python -m ingest")
    except SystemExit as end:
        if end.code == INTERRUPTED:
            # Not waiting for threads that wait for an engine that is away.
            sys.stdout.flush()
            os._exit(INTERRUPTED)
        raise
