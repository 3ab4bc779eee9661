"""Loads: many writes, during which what makes each one findable at once may wait."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from imagesearch.elastic import versions
from imagesearch.elastic.client import Client
from imagesearch.elastic.mapping import IndexPlan, loading_settings, serving_settings
from imagesearch.errors import ImageSearchError

log = logging.getLogger(__name__)

# How many seconds what a load has written may wait until it is found.
_LOADING_SECONDS = 30
# How many seconds it may take to restore the settings after something went wrong.
_GOODBYE_SECONDS = 10


@dataclass(frozen=True)
class _Load:
    """A load under way: the settings of the index for it, and when it was last made findable."""

    settings: dict[str, Any]
    refreshed: float


class Loads:
    """The loads of the index under `alias`, one at a time."""

    def __init__(self, client: Client, alias: str, plan: IndexPlan) -> None:
        self._client = client
        self._alias = alias
        self._plan = plan
        self._load: _Load | None = None

    @contextmanager
    def under_way(self, *, alone: bool) -> Iterator[None]:
        """While it lasts, the index has the settings of a load.

        They are taken back whatever happens; after a crash, by the next load.
        """
        self._load = _Load(loading_settings(alone), time.monotonic())
        self._prepare(self._client, self._load.settings)
        try:
            yield
        except BaseException:
            # What went wrong is worth telling at once, and may be that the engine is away.
            try:
                self._prepare(self._client.hurried(_GOODBYE_SECONDS), serving_settings(self._plan))
            except ImageSearchError as error:
                log.warning("The index keeps its settings for loading until the next ingest ends: %s", error)
            raise
        else:
            self._prepare(self._client, serving_settings(self._plan))
        finally:
            self._load = None

    def findable_at_once(self) -> bool:
        """Whether a write is to be found when it returns: while loading, only now and then."""
        if self._load is None:
            return True
        if time.monotonic() - self._load.refreshed < _LOADING_SECONDS:
            return False
        self._load = replace(self._load, refreshed=time.monotonic())
        return True

    def take_in_new(self) -> None:
        """An index was made just now: it takes part in the load that is under way, if one is."""
        if self._load:
            self._prepare(self._client, self._load.settings)

    def _prepare(self, client: Client, settings: dict[str, Any]) -> None:
        """Give the index, if there is one, these settings, and make findable all that was written."""
        if index := versions.current(client, self._alias):
            # First of all: an index may refuse settings, but what was written has to be found.
            client.ask(lambda es: es.indices.refresh(index=index.name))
            versions.change(client, index.name, settings)
