"""Evaluate a model on the demo gallery.

    python -m benchmarks.model --model demo

The names and the held-out art style are fetched from npm once, into the cache folder.
"""

import sys
from pathlib import Path

import click

from benchmarks import fidelity, questions, report
from benchmarks.evaluation import Evaluation
from demo.gallery import build
from demo.train import concepts, sources
from imagesearch.clip import open_model
from imagesearch.errors import ImageSearchError

RESULTS = Path(__file__).parent / "results"
COMPARED = 64
"""Pictures and texts whose vectors are compared with plain sentence-transformers'."""

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.option("--model", "name", default="demo", show_default=True, help="demo, clip or a folder.")
@click.option("--gallery", default=Path("data/gallery"), show_default=True, type=FOLDER)
@click.option("--cache", default=sources.DEFAULT_CACHE, show_default=True, type=FOLDER)
@click.option("--output", default=RESULTS, show_default="benchmarks/results", type=FOLDER)
@click.option("--sample", default=500, show_default=True, help="Pictures damaged in each way.")
def main(name: str, gallery: Path, cache: Path, output: Path, sample: int) -> None:
    """Print the model's figures and write them as markdown and JSON."""
    try:
        passed = evaluate(name, gallery, cache, output, sample)
    except (ImageSearchError, sources.FetchError) as error:
        raise click.ClickException(str(error)) from error
    if not passed:
        sys.exit(1)


def evaluate(name: str, gallery: Path, cache: Path, output: Path, sample: int) -> bool:
    """Run everything; return whether our encoders agree with plain sentence-transformers."""
    model = open_model(name)
    build(gallery)
    evaluation = Evaluation(model, concepts.load(cache), gallery, cache)
    tables = list(evaluation.tables(sample))
    texts = [phrasing.text for phrasing in questions.phrasings()[:COMPARED]]
    cosines = fidelity.lowest_cosines(model, evaluation.pictures[:COMPARED], texts)
    text = report.markdown(model.spec.name, tables, cosines)
    report.write(output, model.spec.name, text, report.as_json(model.spec.name, tables, cosines))
    click.echo(text)
    return all(cosine >= fidelity.FLOOR for cosine in cosines.values())


if __name__ == "__main__":
    main()
