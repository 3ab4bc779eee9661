"""The files that could not be brought in, in an index beside that of the pictures."""

import threading
from collections.abc import Collection, Iterable, Iterator, Sequence

from imagesearch.elastic import bodies, versions
from imagesearch.elastic.bulk import delete_action, index_action, send
from imagesearch.elastic.client import Client
from imagesearch.elastic.documents import of_failure, to_failure
from imagesearch.elastic.mapping import IndexPlan, failures_body
from imagesearch.elastic.ranking import Sessions
from imagesearch.elastic.searches import Searches
from imagesearch.records import Failure


class FailedFiles:
    """The failures beside the pictures under `alias`. The index for them is made for the first one.

    Nothing waits for a refresh when it is written: who reads makes it findable first.
    """

    def __init__(self, client: Client, alias: str, plan: IndexPlan) -> None:
        self._client = client
        self._index = f"{alias}-failures"
        self._plan = plan
        self._searches = Searches(client, self._index, Sessions())
        self._known: set[str] | None = None
        self._lock = threading.Lock()

    def add(self, failures: Sequence[Failure]) -> None:
        """Remember these."""
        if not failures:
            return
        if not self._is_there():
            versions.make(self._client, self._index, failures_body(self._plan))
        actions = [index_action(failure.id, of_failure(failure)) for failure in failures]
        send(self._client, self._index, actions, refresh=False, alias=False)
        self._know(failure.id for failure in failures)

    def sources(self) -> Sequence[str]:
        """Where there are any, sorted."""
        self._make_findable()
        return self._searches.sources()

    def of(self, source: str, within: str) -> Iterator[Failure]:
        """Those of `source` whose path is `within` or below it, in the order of their paths."""
        self._make_findable()
        for hit in self._searches.in_order(bodies.of_source(source, within), "relative_path"):
            failure = to_failure(hit["_source"])
            self._know([failure.id])  # another process may have added it
            yield failure

    def forget(self, ids: Collection[str]) -> int:
        """Forget those of `ids`; says how many there were."""
        if not ids or not self._is_there():
            return 0
        forgotten = send(self._client, self._index, map(delete_action, ids), refresh=False, alias=False)
        with self._lock:
            if self._known:
                self._known.difference_update(ids)
        return forgotten

    def forget_written(self, ids: Collection[str]) -> None:
        """The same, without a request where none of `ids` is known to have failed."""
        with self._lock:
            if self._known is None:
                self._known = self._ids()
            failed = self._known.intersection(ids)
        self.forget(failed)

    def _know(self, ids: Iterable[str]) -> None:
        with self._lock:
            if self._known is not None:
                self._known.update(ids)

    def _ids(self) -> set[str]:
        """All that are remembered: few, or something is wrong with all the pictures."""
        if not self._is_there():
            return set()
        self._make_findable()
        every = {"query": {"match_all": {}}, "_source": False}
        return {hit["_id"] for hit in self._searches.in_order(every, "image_id")}

    def _is_there(self) -> bool:
        return bool(self._client.ask(lambda es: es.indices.exists(index=self._index)))

    def _make_findable(self) -> None:
        self._client.ask(lambda es: es.indices.refresh(index=self._index, ignore_unavailable=True))
