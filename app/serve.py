"""`python -m app.serve`: the production server, in one command that says what is wrong before it starts."""

import errno
import logging
import signal
import socket
import sys
import threading

import click
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.workers.base import Worker

from app import create_app
from app.services import AWAY, open_services
from imagesearch.config import Settings, load_settings
from imagesearch.encoders import Model
from imagesearch.errors import BadSetting, ImageSearchError
from imagesearch.search import Query, Searcher
from imagesearch.terminal import Printing

# Longer than the slowest thing that stops the one worker from saying that it lives: loading a model.
_SILENCE_SECONDS = 120
_GOODBYE_SECONDS = 10
# A person looks at results for longer than gunicorn's own two seconds; idle connections take no thread.
_IDLE_SECONDS = 60


class Server(BaseApplication):
    """gunicorn with one worker process: the embeddings and the model are in memory once.

    Its threads share them; numpy, Pillow, SQLite and torch all let other threads run while they work.
    """

    def __init__(self, settings: Settings, model: Model) -> None:
        self._settings = settings
        self._model = model
        super().__init__()

    def load_config(self) -> None:
        options = {
            "bind": _address(self._settings),
            "workers": 1,
            "worker_class": "gthread",
            "threads": self._settings.threads,
            "timeout": _SILENCE_SECONDS,
            "graceful_timeout": _GOODBYE_SECONDS,
            "keepalive": _IDLE_SECONDS,
            "loglevel": "warning",
            "control_socket_disable": True,
            # Without a limit of its own here, a query that is too long gets our answer, not gunicorn's.
            "limit_request_line": 0,
            "post_worker_init": self._ready,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:  # type: ignore[override]  # the stubs' WSGI has no response class
        app = create_app(self._settings, self._model)
        _one_blas_thread()
        searcher = app.extensions["services"].searcher
        threading.Thread(target=warm_up, args=(searcher,), daemon=True).start()
        return app

    def _ready(self, _: Worker) -> None:
        # Ctrl-C in a terminal reaches the worker, too; twice told to stop, it would die with a traceback.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        click.echo(f"Serving on {_url(self._settings)} (Ctrl-C stops it)")


@click.command(cls=Printing)
@click.option("--model", help="The model pair: demo, clip, or a folder.  [env: MODEL; default: clip]")
@click.option("--store", help="A folder, or the URLs of Elasticsearch.  [env: STORE; default: one a model]")
@click.option("--index", help="In Elasticsearch: the alias of the pictures.  [env: INDEX; default: pictures]")
@click.option("--port", help="The port to listen on.  [env: PORT; default: 8000]")
@click.option("--bind", help="The address to listen on; 0.0.0.0 for all.  [env: BIND; default: 127.0.0.1]")
def main(model: str | None, store: str | None, index: str | None, port: str | None, bind: str | None) -> None:
    """Serve the page and the API. Exit code 1 if that cannot be, with the reason."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    try:
        settings = load_settings(model=model, store=store, index=index, port=port, bind=bind)
        check_port(settings)
        # Closed again at once: a database must not be open across the fork into the worker.
        services = open_services(settings)
        services.store.close()
    except ImageSearchError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    Server(settings, services.model).run()


def check_port(settings: Settings) -> None:
    """Raises BadSetting if the server could not listen where it is told to."""
    family = socket.AF_INET6 if ":" in settings.bind else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.bind, settings.port))
    except OSError as error:
        raise BadSetting(_why_not(error, settings)) from error


def _why_not(error: OSError, settings: Settings) -> str:
    other = f"Choose another: PORT={settings.port + 123 if settings.port < 65000 else 8123} or --port."
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {settings.port} is in use by another program. {other}"
        case errno.EACCES:
            return f"Port {settings.port} may only be used by the administrator. {other}"
        case _:
            reason = error.strerror or str(error)
            return f"The server cannot listen on {settings.bind} ({reason}). Choose another address: BIND."


def _address(settings: Settings) -> str:
    host = f"[{settings.bind}]" if ":" in settings.bind else settings.bind
    return f"{host}:{settings.port}"


def _url(settings: Settings) -> str:
    everywhere = settings.bind in ("0.0.0.0", "::")  # noqa: S104  # compared, not listened on
    return f"http://{f'localhost:{settings.port}' if everywhere else _address(settings)}"


def _one_blas_thread() -> None:
    """Searches run beside each other; each with all cores they would only slow each other down."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1, user_api="blas")


def warm_up(searcher: Searcher) -> None:
    """Load the text tower and the embeddings, so that the first query need not wait for them.

    The picture tower waits for a picture.
    """
    try:
        searcher.search(Query(words="warm", limit=1))
    except AWAY:
        return  # it was told when the store was opened
    except ImageSearchError as error:
        click.echo(f"Error: {error}", err=True)


if __name__ == "__main__":
    main(prog_name="python -m app.serve")
