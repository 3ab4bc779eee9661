"""Options that several commands have, and that settings stand in for."""

import click


def _globs(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    if any(not glob.strip("/") for glob in given):
        raise click.BadParameter("is empty. Name files or folders, such as 'raw' or '*.tmp'.")
    return given


model_option = click.option(
    "--model", help="The model pair: demo, clip, or a folder.  [env: MODEL; default: clip]"
)
store_option = click.option(
    "--store", help="A folder, or the URLs of Elasticsearch.  [env: STORE; default: one a model]"
)
index_option = click.option(
    "--index", help="In Elasticsearch: the alias of the pictures.  [env: INDEX; default: pictures]"
)
runtime_option = click.option(
    "--runtime", help="What computes the embeddings.  [env: RUNTIME; default: auto]"
)
log_option = click.option(
    "--log", type=click.Choice(["text", "json"]), default="text", help="Text, or a JSON object a line."
)
exclude_option = click.option(
    "--exclude",
    metavar="GLOB",
    multiple=True,
    callback=_globs,
    help="Pass over files and folders of this name ('raw', '2019/*.tif'), too; repeat for several.",
)
batch_size_option = click.option(
    "--batch-size", default=32, show_default=True, type=click.IntRange(1, 1024), help="Pictures in one batch."
)
