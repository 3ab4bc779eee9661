"""The embedded store keeps the contract of all stores."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from imagesearch.embedded import EmbeddedStore
from imagesearch.store import Store
from tests.imagesearch.contract import Reopen, StoreContract


class TestEmbeddedStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        with EmbeddedStore(tmp_path / "store", create=True) as store:
            yield store

    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Iterator[Reopen]:
        with ExitStack() as opened:
            yield lambda: opened.enter_context(EmbeddedStore(tmp_path / "store", create=True))
