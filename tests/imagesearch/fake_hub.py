"""A stand-in for the model hub at the edge of the network: it serves folders as repositories.

It knows just what huggingface_hub asks for to list and to fetch a repository of small files.
"""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FakeHub(ThreadingHTTPServer):
    """Serves each of `repositories` (name to folder); `asked` lists the paths of all requests."""

    def __init__(self, repositories: Mapping[str, Path]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories = repositories
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: FakeHub

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        self.server.asked.append(path)
        for name, folder in self.server.repositories.items():
            if path.startswith(f"/api/models/{name}/tree/"):
                return self._send_json([_described(folder, f) for f in _files(folder)])
            if path.startswith(f"/api/models/{name}"):
                siblings = [{"rfilename": _relative(folder, f)} for f in _files(folder)]
                return self._send_json({"id": name, "sha": COMMIT, "siblings": siblings})
            if path.startswith(f"/{name}/resolve/"):
                return self._send_file(folder / path.removeprefix(f"/{name}/resolve/").split("/", 1)[1])
        return self._send_not_found()

    do_HEAD = do_GET  # noqa: N815

    def _send_json(self, content: object) -> None:
        self._send(json.dumps(content).encode(), "application/json")

    def _send_file(self, file: Path) -> None:
        self._send(file.read_bytes(), "application/octet-stream")

    def _send_not_found(self) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hashlib.sha1(body, usedforsecurity=False).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _relative(folder: Path, file: Path) -> str:
    return file.relative_to(folder).as_posix()


def _described(folder: Path, file: Path) -> dict[str, object]:
    return {"type": "file", "path": _relative(folder, file), "size": file.stat().st_size, "oid": "0" * 40}


@contextmanager
def fake_hub(repositories: Mapping[str, Path]) -> Iterator[FakeHub]:
    """A hub at an address of its own, until the block ends."""
    with FakeHub(repositories) as hub:
        thread = threading.Thread(target=hub.serve_forever)
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()
