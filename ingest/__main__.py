"""`python -m ingest`: the command line for all that writes."""

import logging
import re
import signal
import sys
import warnings
from functools import partial
from pathlib import Path

import click
from click_default_group import DefaultGroup
from tqdm import tqdm

from imagesearch.clip import open_model
from imagesearch.config import Settings, load_settings
from imagesearch.encoders import find_spec
from imagesearch.errors import BadSetting, ImageSearchError
from imagesearch.store import default_location, is_elastic, open_store
from ingest.job import Job
from ingest.metadata import read_metadata
from ingest.plan import Share
from ingest.report import Report

FAILED = 1
INTERRUPTED = 130
# For how many seconds a run waits for an engine that is away: as long as a node takes to be mended by hand.
PATIENCE = 600
_KEPT = "What is counted above is kept; run the same again to go on."
# And while a model is brought there, when somebody watches.
DEPLOYING_PATIENCE = 60


class ShareType(click.ParamType[Share]):
    """`I/N` as a Share."""

    name = "share"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Share:
        match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", str(value))
        if match and int(match[1]) < int(match[2]):
            return Share(int(match[1]), int(match[2]))
        self.fail(f"{value!r} is not I/N with I from 0 to N-1, such as 0/4.", param, ctx)


@click.group(cls=DefaultGroup, default="pictures", default_if_no_args=False)
def main() -> None:
    """Bring pictures into a store, so that they can be found.

    `python -m ingest PATH…` is short for `python -m ingest pictures PATH…`.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    # Pillow warns of damage in EXIF data, not saying in which file: nothing anyone could act upon.
    warnings.filterwarnings("ignore", module="PIL")


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH…")
@click.option("--model", help="The model pair: demo, clip, or a folder.  [env: MODEL; default: clip]")
@click.option("--store", help="A folder, or the URLs of Elasticsearch.  [env: STORE; default: one a model]")
@click.option("--index", help="In Elasticsearch: the alias of the pictures.  [env: INDEX; default: pictures]")
@click.option(
    "--metadata",
    "metadata_file",
    type=click.Path(path_type=Path),
    help="JSON lines with path, name, tags, group, subgroup, author, date.",
)
@click.option("--prune", is_flag=True, help="Remove known pictures whose files are gone.")
@click.option("--strict", is_flag=True, help="Exit with 1 if any file failed.")
@click.option("--quiet", is_flag=True, help="No progress bar; the report only.")
@click.option(
    "--batch-size", default=32, show_default=True, type=click.IntRange(1, 1024), help="Pictures in one batch."
)
@click.option(
    "--shard",
    type=ShareType(),
    metavar="I/N",
    default="0/1",
    help="Only the Ith of N parts of the files, I from 0 to N-1, so that N machines share the work.",
)
@click.option(
    "--without-replicas",
    is_flag=True,
    help="In Elasticsearch: no copies until the end. Faster; a node that is lost meanwhile costs the load.",
)
def pictures(
    paths: tuple[Path, ...],
    model: str | None,
    store: str | None,
    index: str | None,
    metadata_file: Path | None,
    prune: bool,
    strict: bool,
    quiet: bool,
    batch_size: int,
    shard: Share,
    without_replicas: bool,
) -> None:
    """Ingest the pictures in folders or files: encode what is new, leave what is known.

    Exit codes: 0 done (files that failed are listed), 1 not done, or failed files with --strict,
    2 wrong usage, 130 interrupted (run the same again to go on).
    """
    report = Report()
    try:
        settings = load_settings(model=model, store=store, index=index)
        metadata = read_metadata(metadata_file) if metadata_file else {}
        opened = open_model(settings.model)
        location = default_location(settings)
        with open_store(location, settings, create=True, patience=PATIENCE) as opened_store:
            job = Job(opened_store, opened, settings.max_pixels, batch_size, prune, shard, without_replicas)
            bar = partial(tqdm, unit=" pictures", disable=True if quiet else None)
            job.run(paths, metadata, bar, report)
    except KeyboardInterrupt:
        _say(report)
        click.echo(f"Interrupted. {_KEPT}", err=True)
        sys.exit(INTERRUPTED)
    except ImageSearchError as error:
        if report == Report():
            raise click.ClickException(str(error)) from error
        _say(report)
        raise click.ClickException(f"{error} {_KEPT}") from error
    _say(report)
    if strict and report.failures:
        sys.exit(FAILED)


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
        opened = open_model(model) if model else None
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
@click.option("--model", help="The model pair: demo, clip, or a folder.  [env: MODEL; default: clip]")
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


def _say(report: Report) -> None:
    for line in report.lines():
        click.echo(line)


if __name__ == "__main__":
    # Docker and Kubernetes ask like this to end.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    main(prog_name="python -m ingest")
