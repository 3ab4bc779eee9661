"""The certificates of the set-up step: a server that has them is trusted by who has the authority's."""

import shutil
import socket
import ssl
import subprocess
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509

from imagesearch.config import PROJECT
from tests.conftest import lacking

SCRIPT = PROJECT / "deploy" / "certificates.sh"
NAMES = ("elasticsearch", "elasticsearch-1", "localhost")


def make(folder: Path) -> None:
    if not shutil.which("openssl"):
        lacking("The certificates are made by openssl. On Debian: sudo apt install openssl.")
    subprocess.run(["sh", SCRIPT, folder, *NAMES], check=True, capture_output=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    make(folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def handshake(folder: Path, name: str, authority: Path) -> None:
    """As a client that reaches the node by `name` and knows `authority`. Raises ssl.SSLError."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "node.crt", folder / "node.key")
    client = ssl.create_default_context(cafile=authority)
    here, there = socket.socketpair()

    def serve() -> None:
        with there, suppress(OSError):  # a client that does not trust us hangs up
            server.wrap_socket(there, server_side=True).close()

    thread = Thread(target=serve)
    thread.start()
    try:
        with here:
            client.wrap_socket(here, server_hostname=name).close()
    finally:
        thread.join()


@pytest.mark.parametrize("name", [*NAMES, "127.0.0.1"])
def test_the_node_is_trusted_by_each_of_its_names(made: Path, name: str) -> None:
    handshake(made, name, made / "ca.crt")


def test_another_name_or_authority_is_not_trusted(made: Path, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(made, "elsewhere", made / "ca.crt")
    make(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="verify failed"):
        handshake(made, "localhost", tmp_path / "ca.crt")


def test_nodes_read_their_key_and_nobody_that_of_the_authority(made: Path) -> None:
    modes = {file.name: oct(file.stat().st_mode & 0o777) for file in made.iterdir()}
    assert modes == {"ca.crt": "0o644", "ca.key": "0o600", "node.crt": "0o644", "node.key": "0o640"}
    assert b"BEGIN PRIVATE KEY" in (made / "node.key").read_bytes()  # PKCS #8, as Elasticsearch wants it


def test_what_is_good_is_left(made: Path) -> None:
    before = contents(made)
    make(made)
    assert contents(made) == before


def test_what_ends_soon_is_made_anew(tmp_path: Path) -> None:
    make(tmp_path)
    before = contents(tmp_path)
    request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 60 -subj /CN=old"
    arguments = f"{request} -keyout node.key -out node.crt".split()
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=tmp_path)
    make(tmp_path)
    after = contents(tmp_path)
    assert (after["ca.crt"], after["ca.key"]) == (before["ca.crt"], before["ca.key"])
    handshake(tmp_path, "localhost", tmp_path / "ca.crt")
    left = x509.load_pem_x509_certificate(after["node.crt"]).not_valid_after_utc - datetime.now(UTC)
    assert timedelta(729) < left < timedelta(731)


def test_with_a_new_authority_the_node_gets_a_new_certificate(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "ca.crt").unlink()
    make(tmp_path)
    handshake(tmp_path, "localhost", tmp_path / "ca.crt")
