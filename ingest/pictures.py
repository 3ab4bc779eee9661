"""`python -m ingest pictures`: bring pictures in."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Literal

import click

from imagesearch.clip import open_model
from imagesearch.config import Settings, load_settings
from imagesearch.errors import ImageSearchError
from imagesearch.options import (
    batch_size_option,
    exclude_option,
    index_option,
    log_option,
    model_option,
    runtime_option,
    store_option,
)
from imagesearch.sources import PassedOver
from imagesearch.store import default_location, open_store
from ingest.decoding import Limits
from ingest.interrupting import interruptible
from ingest.job import Job
from ingest.metadata import read_metadata
from ingest.plan import Asked, Share
from ingest.progress import chosen
from ingest.report import Report

FAILED = 1
INTERRUPTED = 130
# For how many seconds a run waits for an engine that is away: as long as a node takes to be mended by hand.
PATIENCE = 600
_KEPT = "What is counted above is kept; run the same again to go on."


class ShareType(click.ParamType[Share]):
    """`I/N` as a Share."""

    name = "share"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Share:
        match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", str(value))
        if match and int(match[1]) < int(match[2]):
            return Share(int(match[1]), int(match[2]))
        self.fail(f"{value!r} is not I/N with I from 0 to N-1, such as 0/4.", param, ctx)


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@model_option
@store_option
@index_option
@runtime_option
@click.option(
    "--metadata",
    "metadata_file",
    type=click.Path(path_type=Path),
    help="JSON lines, or CSV, with path, name, caption, tags, group, author, date and more.",
)
@click.option("--prune", is_flag=True, help="Remove known pictures whose files are gone.")
@click.option(
    "--prune-missing-source", is_flag=True, help="Even if a whole folder, archive or bucket is gone."
)
@exclude_option
@click.option("--retry-failed", is_flag=True, help="Try files again that failed before and have not changed.")
@click.option("--reread", is_flag=True, help="Read every file again, also those that have not changed.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--limit", type=click.IntRange(1), help="Stop after so many new or changed files.")
@click.option("--strict", is_flag=True, help="Exit with 1 if any file failed.")
@click.option("--quiet", is_flag=True, help="No progress; the report only.")
@log_option
@batch_size_option
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
    paths: tuple[str, ...],
    model: str | None,
    store: str | None,
    index: str | None,
    runtime: str | None,
    metadata_file: Path | None,
    prune: bool,
    prune_missing_source: bool,
    exclude: tuple[str, ...],
    retry_failed: bool,
    reread: bool,
    dry_run: bool,
    limit: int | None,
    strict: bool,
    quiet: bool,
    log: Literal["text", "json"],
    batch_size: int,
    shard: Share,
    without_replicas: bool,
) -> None:
    """Ingest the pictures in folders, files, archives (zip, tar) or object stores (s3://…).

    What is new is encoded, what is known is left. Ctrl-C ends it after the batch in hand, twice at once.

    Exit codes: 0 done (files that failed are listed), 1 not done, or failed files with --strict,
    2 wrong usage, 130 interrupted (run the same again to go on).
    """
    report = Report()
    with _told(report, log) as stop:
        settings = load_settings(model=model, store=store, index=index, runtime=runtime)
        asked = Asked(
            paths,
            metadata=read_metadata(metadata_file) if metadata_file else {},
            share=shard,
            retry_failed=retry_failed,
            reread=reread,
            absent=prune_missing_source,
            gone=prune_missing_source,
            passed_over=PassedOver(exclude),
        )
        progress = chosen(log, quiet=quiet, terminal=sys.stderr.isatty(), echo=click.echo)
        opened = open_model(settings.model, settings.runtime, settings.data)
        location = default_location(settings)
        with open_store(location, settings, create=True, patience=PATIENCE, stop=stop) as opened_store:
            job = Job(
                opened_store,
                opened,
                limits_of(settings),
                batch_size=batch_size,
                prune=prune or prune_missing_source,
                prune_missing=prune_missing_source,
                limit=limit,
                alone=without_replicas,
                stop=stop,
            )
            (job.look if dry_run else job.run)(asked, progress, report)
    if strict and (report.failed or report.failed_before):
        sys.exit(FAILED)


@contextmanager
def _told(report: Report, log: Literal["text", "json"]) -> Iterator[Event]:
    """Prints the report, however the run ends, and exits unless it was done; gives what asks it to end."""

    def say() -> None:
        for line in report.lines() if log == "text" else _events(report):
            click.echo(line)

    with interruptible() as stop:
        try:
            yield stop
        except KeyboardInterrupt:
            report.stopped = True
        except ImageSearchError as error:
            report.stopped = stop.is_set()  # an engine that is away is not waited for any more
            if report == Report():
                raise click.ClickException(str(error)) from error
            if not report.stopped:
                say()
                raise click.ClickException(f"{error} {_KEPT}") from error
    say()
    if report.stopped:
        click.echo(f"Interrupted. {_KEPT}", err=True)
        sys.exit(INTERRUPTED)


def limits_of(settings: Settings) -> Limits:
    """What one picture may take."""
    return Limits(settings.max_pixels, settings.decode_memory_mb << 20, settings.decode_seconds)


def _events(report: Report) -> list[str]:
    failed = [{"event": "failed", "file": file, "reason": reason} for file, reason in report.failures]
    return [json.dumps(event) for event in (*failed, {"event": "summary", **report.as_dict()})]
