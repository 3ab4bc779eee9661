"""The stand-in for the security module, before a tiny upstream, with the very client that meets it."""

import json
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from elastic_transport import ObjectApiResponse
from elasticsearch import (
    AuthenticationException,
    AuthorizationException,
    BadRequestError,
    ConnectionError,
    Elasticsearch,
    NotFoundError,
    SSLError,
)

from tests.security_module import Request, lacking_right
from tests.tls_proxy import TlsProxy


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        said = {"asked": f"{self.command} {self.path}", "content": content, "headers": dict(self.headers)}
        answer = json.dumps(said).encode()
        self.send_response(404 if "missing" in self.path else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  # the names that http.server looks for

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def upstream() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.daemon_threads, server.block_on_close = True, False
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def proxy(upstream: ThreadingHTTPServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsProxy]:
    with TlsProxy(f"http://127.0.0.1:{upstream.server_port}", tmp_path_factory.mktemp("tls")) as proxy:
        yield proxy


def connected(proxy: TlsProxy, ca: Path | None = None, **who: Any) -> Elasticsearch:  # noqa: ANN401
    return Elasticsearch(proxy.url, ca_certs=str(ca or proxy.ca), max_retries=0, **who)


def ask(client: Elasticsearch, method: str = "GET", path: str = "/") -> ObjectApiResponse[Any]:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    body = {"x": 1} if method in ("POST", "PUT") else None
    with closing(client):
        return client.perform_request(method, path, headers=headers, body=body)  # type: ignore[return-value]


def test_the_key_opens_and_stays_here(proxy: TlsProxy) -> None:
    said = ask(connected(proxy, api_key=proxy.key), "POST", "/pictures/_bulk?refresh=true")
    assert said["asked"] == "POST /pictures/_bulk?refresh=true"
    assert json.loads(said["content"]) == {"x": 1}
    assert "Authorization" not in said["headers"]


def test_user_and_password_open(proxy: TlsProxy) -> None:
    assert ask(connected(proxy, basic_auth=(proxy.user, proxy.password)))["asked"] == "GET /"


def test_answers_pass_as_they_are(proxy: TlsProxy) -> None:
    with closing(connected(proxy, api_key=proxy.key)) as client:
        assert client.indices.exists(index="pictures")
        assert not client.indices.exists(index="missing")
        with pytest.raises(NotFoundError) as refused:
            client.get(index="missing", id="x")
    assert refused.value.body["asked"] == "GET /missing/_doc/x"


@pytest.mark.parametrize("who", [{}, {"api_key": "d3Jvbmc6b25l"}, {"basic_auth": ("elastic", "guess")}])
def test_strangers_are_refused(proxy: TlsProxy, who: dict[str, Any]) -> None:
    with pytest.raises(AuthenticationException) as refused:
        ask(connected(proxy, **who))
    error = refused.value
    assert error.body["error"]["type"] == "security_exception"
    assert "ApiKey" in error.body["error"]["header"]["WWW-Authenticate"]
    assert "ApiKey" in error.meta.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/pictures/_bulk"), ("PUT", "/pictures-000001"), ("DELETE", "/pictures-000001")],
)
def test_the_reading_key_changes_nothing(proxy: TlsProxy, method: str, path: str) -> None:
    with pytest.raises(AuthorizationException) as refused:
        ask(connected(proxy, api_key=proxy.reading_key), method, path)
    assert "is unauthorized for API key id [" in refused.value.body["error"]["reason"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/_license"),
        ("POST", "/pictures/_search"),
        ("POST", "/_ml/trained_models/m/_infer?timeout=9s"),
    ],
)
def test_the_reading_key_reads(proxy: TlsProxy, method: str, path: str) -> None:
    assert ask(connected(proxy, api_key=proxy.reading_key), method, path)["asked"] == f"{method} {path}"


@pytest.mark.parametrize(
    ("privileges", "target", "lines", "allowed"),
    [
        (["index"], "/a-1/_bulk", '{"index":{}}\n{"x":1}', True),
        (["index"], "/a-1/_bulk", '{"delete":{"_id":"1"}}', False),
        (["index", "delete"], "/a-1/_bulk", '{"delete":{"_id":"1"}}', True),
        (["write"], "/a-1/_bulk?refresh=true", '{"index":{}}\n{"x":1}', False),
        (["write", "maintenance"], "/a-1/_bulk?refresh=true", '{"index":{}}\n{"x":1}', True),
        (["write"], "/b/_bulk", '{"index":{}}\n{"x":1}', False),
        (["read"], "/a-1,b/_search", "{}", False),
        (["read"], "/_msearch", '{"index":"a-1"}\n{}', True),
        (["read"], "/_msearch", '{"index":"a-1"}\n{}\n{"index":"b"}\n{}', False),
        (["manage"], "/_aliases", '{"actions":[{"add":{"index":"a-1","alias":"a-2"}}]}', True),
        (["manage"], "/_aliases", '{"actions":[{"add":{"index":"a-1","alias":"b"}}]}', False),
        (["manage"], "/_sql", "{}", False),
        (["all"], "/a-1/_search", "{}", True),
    ],
)
def test_rights_are_those_of_the_role(privileges: list[str], target: str, lines: str, allowed: bool) -> None:
    role = {"cluster": ["monitor"], "indices": [{"names": ["a-*"], "privileges": privileges}]}
    lacks = lacking_right((role,), Request("POST", target, lines.encode()))
    assert (lacks is None) == allowed, lacks


def test_a_role_that_elasticsearch_does_not_know_is_refused(proxy: TlsProxy) -> None:
    with closing(connected(proxy, basic_auth=(proxy.user, proxy.password))) as client:
        roles = {"one": {"cluster": ["monitored"], "indices": []}}
        with pytest.raises(BadRequestError, match="monitored"):
            client.security.create_api_key(name="x", role_descriptors=roles)


def test_another_authority_is_not_trusted(proxy: TlsProxy) -> None:
    with pytest.raises(SSLError) as refused:
        ask(connected(proxy, proxy.other_ca, api_key=proxy.key))
    assert "certificate verify failed" in str(refused.value.__cause__)
    assert ask(connected(proxy, api_key=proxy.key))["asked"] == "GET /"


def test_a_node_that_is_down_answers_nothing(tmp_path: Path) -> None:
    with TlsProxy("http://127.0.0.1:9", tmp_path) as proxy, pytest.raises(ConnectionError) as away:
        ask(connected(proxy, api_key=proxy.key))
    assert "without response" in str(away.value.__cause__)


def test_a_closed_proxy_is_gone(tmp_path: Path) -> None:
    with TlsProxy("http://127.0.0.1:9", tmp_path) as proxy:
        pass
    with pytest.raises(ConnectionError) as away:
        ask(connected(proxy, api_key=proxy.key))
    assert "refused" in str(away.value.__cause__)
