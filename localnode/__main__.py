"""`python -m localnode`: an Elasticsearch to try things out with."""

import signal
import tempfile
from contextlib import suppress
from pathlib import Path

import click

from localnode import Cluster, LocalNodeError, Node, build


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="The port of a single node.  [default: 9200]")
@click.option("--nodes", default=1, show_default=True, type=click.IntRange(1, 9), help="How many nodes.")
@click.option("--folder", type=click.Path(path_type=Path), help="Keep the data here.  [default: nowhere]")
@click.option("--build-only", is_flag=True, help="Only fetch and compile what it is made of.")
def main(port: int | None, nodes: int, folder: Path | None, build_only: bool) -> None:
    """Run a real Elasticsearch on this machine, without Docker, until Ctrl-C.

    It listens on 127.0.0.1 only, with no password, and is for trying things out, not for keeping pictures in.
    """
    if port and nodes > 1:
        raise click.UsageError("--port is for a single node; those of a cluster take free ones.")
    try:
        if build_only:
            click.echo(f"The node is built in {build()}.")
        else:
            with tempfile.TemporaryDirectory() as temporary:
                _serve((folder or Path(temporary)).absolute(), port or 9200, nodes)
    except LocalNodeError as error:
        raise click.ClickException(str(error)) from error


def _serve(folder: Path, port: int, nodes: int) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), Node(folder, port) if nodes == 1 else Cluster(folder, nodes) as running:
        urls = [running.url] if isinstance(running, Node) else running.urls
        click.echo(f"Elasticsearch answers at {','.join(urls)} (Ctrl-C stops it)")
        signal.pause()


if __name__ == "__main__":
    main(prog_name="python -m localnode")
