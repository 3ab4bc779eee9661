"""How long a search takes through HTTP, on a real server.

    python -m benchmarks.http                     the demo gallery, as `make run` leaves it
    python -m benchmarks.http --synthetic 100000  as many made-up embeddings

Words and pictures are asked in turn, one at a time, on one connection kept open. Reported are the
median and the 95th percentile of the whole round trip, and of the server's own `took_ms`.
"""

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np
import requests
from numpy.typing import NDArray
from PIL import Image

from benchmarks.synthetic import write_synthetic_store
from imagesearch.config import load_settings
from imagesearch.store import default_location
from localnode.node import free_port

PHRASINGS = Path(__file__).parent / "phrasings.json"


@click.command()
@click.option("--model", default="demo", show_default=True, help="The model pair.")
@click.option("--synthetic", type=int, help="Ask a store of this many made-up embeddings instead.")
@click.option("--queries", default=200, show_default=True, help="How many of each kind.")
def main(model: str, synthetic: int | None, queries: int) -> None:
    """Measure the latency of searches by words and by a picture."""
    with tempfile.TemporaryDirectory() as folder:
        location = default_location(load_settings(model=model))
        if synthetic:
            location = folder
            seconds = write_synthetic_store(Path(folder), model, synthetic)
            click.echo(f"{synthetic} embeddings written in {seconds:.1f} s\n")
        with _server(model, location) as url:
            _report(url, queries)


def _report(url: str, queries: int) -> None:
    with requests.Session() as session:
        count = session.get(f"{url}/health", timeout=60).json()["pictures"]
        started = time.perf_counter()
        _by_words(session, url, "first")
        first = time.perf_counter() - started
        words = [_by_words(session, url, text) for text in _texts(queries)]
        pictures = [_by_picture(session, url, picture) for picture in _pictures(queries)]
    click.echo(
        f"{count} pictures, {queries} queries of each kind; the first answer came after {first:.2f} s\n"
    )
    click.echo("| query | median ms | p95 ms | median ms in the server |\n|---|---|---|---|")
    for kind, times in (("words", words), ("picture", pictures)):
        whole, inside = np.array(times[len(times) // 10 :]).T  # the first tenth warms up
        click.echo(
            f"| {kind} | {np.median(whole):.1f} | {np.percentile(whole, 95):.1f} | {np.median(inside):.1f} |"
        )


def _by_words(session: requests.Session, url: str, text: str) -> tuple[float, float]:
    started = time.perf_counter()
    answer = session.get(f"{url}/api/search", params={"q": text}, timeout=60)
    return _timed(answer, started)


def _by_picture(session: requests.Session, url: str, picture: bytes) -> tuple[float, float]:
    started = time.perf_counter()
    answer = session.post(f"{url}/api/search", files={"image": ("query.jpg", picture)}, timeout=60)
    return _timed(answer, started)


def _timed(answer: requests.Response, started: float) -> tuple[float, float]:
    """Milliseconds of the round trip, and of the server's own part."""
    answer.raise_for_status()
    return (time.perf_counter() - started) * 1000, float(answer.json()["took_ms"])


def _texts(n: int) -> list[str]:
    phrasings = [p["text"] for p in json.loads(PHRASINGS.read_text(encoding="utf-8"))]
    return [phrasings[i % len(phrasings)] for i in range(n)]


def _pictures(n: int) -> list[bytes]:
    """Uploads of 640×480 with something in them; noise, so that no cache can help."""
    rng = np.random.default_rng(0)
    return [_jpeg(rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)) for _ in range(n)]


def _jpeg(coarse: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@contextmanager
def _server(model: str, location: str) -> Iterator[str]:
    """A real server on a free port; yields its address once it answers."""
    port = free_port()
    environment = {**os.environ, "MODEL": model, "STORE": location, "PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "app.serve"], env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        try:
            requests.get(f"{url}/health", timeout=5).raise_for_status()
        except requests.RequestException:
            time.sleep(0.1)
        else:
            return
    raise click.ClickException("The server did not start; its own message is above.")


if __name__ == "__main__":
    main()
