"""The store in Elasticsearch keeps the contract of all stores, on a real node."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from imagesearch.config import Settings
from imagesearch.elastic import open_elastic
from imagesearch.store import Store
from tests.imagesearch.contract import Reopen, StoreContract


@pytest.fixture
def opened(elastic_url: str, fresh_index: str) -> Iterator[Reopen]:
    """Opens the same, at first empty, store again and again."""
    settings = Settings(_env_file=None, store=elastic_url, index=fresh_index)  # type: ignore[call-arg]

    with ExitStack() as stack:
        yield lambda: stack.enter_context(open_elastic(elastic_url, settings))


class TestElasticStore(StoreContract):
    @pytest.fixture
    def store(self, opened: Reopen) -> Store:
        return opened()

    @pytest.fixture
    def reopen(self, opened: Reopen) -> Reopen:
        return opened
