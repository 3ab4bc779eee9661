"""`python -m ingest watch`: bring pictures in, then whatever changes."""

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

from imagesearch.clip import open_model
from imagesearch.config import load_settings
from imagesearch.errors import ImageSearchError
from imagesearch.options import (
    batch_size_option,
    exclude_option,
    index_option,
    model_option,
    runtime_option,
    store_option,
)
from imagesearch.sources import PassedOver
from imagesearch.store import default_location, open_store
from ingest.interrupting import interruptible
from ingest.job import Job
from ingest.pictures import INTERRUPTED, limits_of
from ingest.plan import Asked
from ingest.progress import Silent
from ingest.report import Report
from ingest.watching import Watch

# For how many seconds a batch waits for an engine that is away, before it is put off.
_PATIENCE = 10


@dataclass(frozen=True)
class _Bringing:
    """Brings in what it is called with, and says so if that changed anything, or spared what may be away."""

    job: Job
    passed_over: PassedOver

    def __call__(self, paths: Sequence[str]) -> None:
        report = Report()
        self.job.run(Asked(paths, absent=True, passed_over=self.passed_over), Silent(), report)
        if report.tried or report.removed or report.failed or report.spared:
            for line in report.lines():
                click.echo(line)


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@model_option
@store_option
@index_option
@runtime_option
@click.option(
    "--settle",
    default=2.0,
    show_default=True,
    type=click.FloatRange(0.1),
    metavar="SECONDS",
    help="For how long a file must not have changed.",
)
@click.option(
    "--rescan-minutes",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0.01),
    metavar="MINUTES",
    help="How often everything is looked through, for changes that nobody told of.",
)
@click.option("--poll", is_flag=True, help="Look again and again instead of being told: for network shares.")
@exclude_option
@batch_size_option
def watch(
    paths: tuple[str, ...],
    model: str | None,
    store: str | None,
    index: str | None,
    runtime: str | None,
    settle: float,
    rescan_minutes: float,
    poll: bool,
    exclude: tuple[str, ...],
    batch_size: int,
) -> None:
    """Ingest the pictures in folders, files, archives or object stores, then what is new, changed or deleted.

    Pictures whose files are deleted are removed from the store, but not those of a folder, an archive or a
    bucket that is missing as a whole: that is waited for. Ctrl-C ends it after the batch in hand, twice at
    once.

    Exit codes: 0 ended by a signal, 1 not done (the message says why), 2 wrong usage, 130 ended at once.
    """
    # What is not there, is put off or cannot be watched; watchdog's own warnings are said in other words.
    logging.getLogger("watchdog").propagate = False
    try:
        settings = load_settings(model=model, store=store, index=index, runtime=runtime)
        opened = open_model(settings.model, settings.runtime, settings.data)
        with (
            interruptible() as stop,
            open_store(default_location(settings), settings, create=True, patience=_PATIENCE) as opened_store,
        ):
            job = Job(opened_store, opened, limits_of(settings), batch_size=batch_size, prune=True, stop=stop)
            left_out = PassedOver(exclude)
            bringing = _Bringing(job, left_out)
            Watch(paths, bringing, stop, settle, rescan_minutes * 60, poll, passed_over=left_out).run()
    except KeyboardInterrupt:
        click.echo("Interrupted. Run the same again to go on.", err=True)
        sys.exit(INTERRUPTED)
    except ImageSearchError as error:
        raise click.ClickException(str(error)) from error
