"""`python -m ingest`: the command line for all that writes."""

import logging
import sys
import warnings
from functools import partial
from pathlib import Path

import click
from click_default_group import DefaultGroup
from tqdm import tqdm

from imagesearch.clip import open_model
from imagesearch.config import load_settings
from imagesearch.errors import ImageSearchError
from imagesearch.store import default_location, open_store
from ingest.job import Job
from ingest.metadata import read_metadata
from ingest.report import Report

FAILED = 1
INTERRUPTED = 130


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
@click.option("--store", help="The store: a folder.  [env: STORE; default: one for each model]")
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
def pictures(
    paths: tuple[Path, ...],
    model: str | None,
    store: str | None,
    metadata_file: Path | None,
    prune: bool,
    strict: bool,
    quiet: bool,
    batch_size: int,
) -> None:
    """Ingest the pictures in folders or files: encode what is new, leave what is known.

    Exit codes: 0 done (files that failed are listed), 1 not done, or failed files with --strict,
    2 wrong usage, 130 interrupted (run the same again to go on).
    """
    report = Report()
    try:
        settings = load_settings(model=model, store=store)
        metadata = read_metadata(metadata_file) if metadata_file else {}
        opened = open_model(settings.model)
        with open_store(default_location(settings), create=True) as opened_store:
            job = Job(opened_store, opened, settings.max_pixels, batch_size, prune)
            bar = partial(tqdm, unit=" pictures", disable=True if quiet else None)
            job.run(paths, metadata, bar, report)
    except KeyboardInterrupt:
        _say(report)
        click.echo("Interrupted. What is counted above is kept; run the same again to go on.", err=True)
        sys.exit(INTERRUPTED)
    except ImageSearchError as error:
        if report != Report():
            _say(report)
        raise click.ClickException(str(error)) from error
    _say(report)
    if strict and report.failures:
        sys.exit(FAILED)


def _say(report: Report) -> None:
    for line in report.lines():
        click.echo(line)


if __name__ == "__main__":
    main(prog_name="python -m ingest")
