"""Options that several commands have, and that settings stand in for."""

import click

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
batch_size_option = click.option(
    "--batch-size", default=32, show_default=True, type=click.IntRange(1, 1024), help="Pictures in one batch."
)
