"""A stand-in for Elasticsearch's security module, which the test node has not: TLS and keys in front of it.

What lies behind is the real node. Pretended are only the certificate, who may come in (401) and what a
key may do (403; `tests/security_module.py`).
"""

import json
import ssl
from collections.abc import Mapping
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self
from urllib.parse import urlsplit

import trustme

from tests.security_module import EVERYTHING, READING, Answer, Key, Request, Role, Security

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "authorization"}


class TlsProxy:
    """An HTTPS server before the plain node at `upstream`; use it as a context manager.

    `ca` is the file of the authority that signed its certificate, `other_ca` that of another one;
    `key` may do everything, `reading_key` may only read, `key_with` gives one of any rights; `user` has
    `password` and may do everything, also make keys. While the node is down, connections are closed
    without an answer, as if nobody were there.
    """

    user = "elastic"
    password = "swordfish"  # noqa: S105  # of this stand-in

    def __init__(self, upstream: str, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.ca, self.other_ca = folder / "ca.pem", folder / "other-ca.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca)
        trustme.CA().cert_pem.write_to_path(self.other_ca)
        self.security = Security(Key(self.user, self.user, self.password, (EVERYTHING,)))
        self.key, self.reading_key = self.key_with(EVERYTHING), self.key_with(READING)
        self._server = _Server(authority, upstream, self.security)
        self.url = f"https://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def key_with(self, role: Role) -> str:
        """A key, encoded, with the rights of this role descriptor."""
        return self.security.add("of a test", {"role": role}).encoded

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a client may keep its connection for longer than a test lasts

    def __init__(self, authority: trustme.CA, upstream: str, security: Security) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.security = security
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(self.context)
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[Any, Any]:
        # The handshake is left to the connection's own thread: a slow client must hold up nobody else.
        plain, address = super().get_request()
        wrapped = self.context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        return wrapped, address

    def handle_error(self, *_: object) -> None:
        """Clients that do not trust the certificate hang up: that is what they are here for."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, content)
        if own := self.server.security.answer(request, self.headers.get("Authorization")):
            self._say(own)
        else:
            self._pass_on(request)

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  # the names that http.server looks for

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""

    def _say(self, own: Answer) -> None:
        headers = {"Content-Type": "application/json", "X-Elastic-Product": "Elasticsearch", **own.headers}
        self._answer(own.status, headers, json.dumps(own.content).encode())

    def _pass_on(self, request: Request) -> None:
        upstream = HTTPConnection(self.server.upstream, timeout=600)
        try:
            headers = _end_to_end(dict(self.headers))
            upstream.request(request.method, request.target, request.content or None, headers)
            response = upstream.getresponse()
            self._answer(response.status, _end_to_end(dict(response.getheaders())), response.read())
        except OSError:
            self.close_connection = True
        finally:
            upstream.close()

    def _answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _end_to_end(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}
