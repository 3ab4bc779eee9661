"""The set-up step, and those it makes keys for, before a real node with a pretended security module."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.__main__ import main
from imagesearch import config
from tests.tls_proxy import TlsProxy

SetUp = Callable[..., Result]


@pytest.fixture
def proxy(elastic_url: str, tmp_path: Path) -> Iterator[TlsProxy]:
    with TlsProxy(elastic_url, tmp_path / "tls") as proxy:
        yield proxy


@pytest.fixture
def access(tmp_path: Path) -> Path:
    """The folder where the parts find their keys."""
    return tmp_path / "access"


@pytest.fixture
def set_up(proxy: TlsProxy, access: Path, fresh_index: str) -> SetUp:
    """`python -m deploy …` as the user that may make keys."""
    environment = {
        "STORE": proxy.url,
        "INDEX": fresh_index,
        "ELASTICSEARCH_USER": proxy.user,
        "ELASTICSEARCH_PASSWORD": proxy.password,
        "ELASTICSEARCH_CA": str(proxy.ca),
    }

    def run(*arguments: str, **extra: str) -> Result:
        command = [*arguments, "--into", str(access)]
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(config, "SECRETS", access / "nothing")
            return CliRunner().invoke(main, command, env={**environment, **extra})

    return run
