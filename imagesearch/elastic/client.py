"""The connection: who and where, and trying again what passes by itself."""

import logging
from collections.abc import Callable, Mapping, Sequence
from threading import Event
from typing import Any, TypeVar

from elastic_transport import ConnectionTimeout, SerializationError, TransportError
from elasticsearch import ApiError, Elasticsearch, UnsupportedProductError
from tenacity import (
    Future,
    RetryCallState,
    RetryError,
    Retrying,
    retry_base,
    retry_if_exception,
    retry_if_result,
    sleep_using_event,
    stop_after_delay,
    stop_any,
    stop_when_event_set,
    wait_random_exponential,
)

from imagesearch.config import Settings
from imagesearch.elastic.failures import in_words, may_pass, passes, refused
from imagesearch.errors import BadSetting, ImageSearchError, StoreDegraded

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")
Answer = Mapping[str, Any]

# The longest pause between two tries, in seconds; each is drawn at random below a bound that doubles.
_LONGEST_PAUSE = 10
# After how many seconds of trying again the log says so: what passes sooner is not worth a line.
_SILENT = 5


class Client:
    """Elasticsearch at `place`; a request that fails for a passing reason is tried again for `patience` s.

    Once `stop` is set nothing is tried again any more.
    Every request of ours may be sent twice: what it writes has an id of its own.
    """

    def __init__(
        self, elasticsearch: Elasticsearch, place: str, patience: float, stop: Event | None = None
    ) -> None:
        self._elasticsearch = elasticsearch
        self.place = place
        self.patience = patience
        self._stop = stop or Event()

    def ask(self, request: Callable[[Elasticsearch], T]) -> T:
        """What `request` gives. Raises StoreUnavailable or a kind of it, or TextModelUnavailable."""
        try:
            return self._retrying(retry_if_exception(passes))(request, self._elasticsearch)
        except (ApiError, TransportError, SerializationError, UnsupportedProductError) as error:
            raise self._in_words(error) from error

    def hurried(self, seconds: float) -> "Client":
        """The same connection for who cannot wait: one try, and no answer after `seconds` is none."""
        return Client(self._elasticsearch.options(request_timeout=seconds), self.place, patience=0)

    def ask_each(
        self,
        requests: Sequence[R],
        send: Callable[[Elasticsearch, Sequence[R]], Sequence[Answer]],
        accept: Callable[[Answer], Answer] | None = None,
    ) -> list[Answer]:
        """The answers to several requests that `send` sends together, in their order.

        Those that are refused for a passing reason are sent again, alone. `accept` gives an answer on or
        raises; without it, a refusal raises what `ask` raises.
        """
        answers: dict[int, Answer] = {}
        accept = accept or self._accepted

        def attempt(es: Elasticsearch) -> list[Answer]:
            """Ask what is left; gives the refusals that may pass."""
            left = [i for i in range(len(requests)) if i not in answers]
            again = []
            for i, answer in zip(left, send(es, [requests[i] for i in left]), strict=True):
                if "error" in answer and may_pass(answer["status"], answer):
                    again.append(answer)
                else:
                    answers[i] = accept(answer)
            return again

        try:
            self._retrying(retry_if_result(bool))(self.ask, attempt)
        except RetryError as error:
            refusal = error.last_attempt.result()[0]
            raise refused(refusal["status"], refusal, self.place) from error
        return [answers[i] for i in range(len(requests))]

    def _accepted(self, answer: Answer) -> Answer:
        if "error" in answer:
            raise refused(answer["status"], answer, self.place)
        return answer

    def _retrying(self, retry: retry_base) -> Retrying:
        """Try again while `retry` says so, with pauses that grow and differ between clients."""
        return Retrying(
            stop=stop_any(stop_after_delay(self.patience), stop_when_event_set(self._stop)),
            sleep=sleep_using_event(self._stop),
            wait=wait_random_exponential(multiplier=0.1, max=_LONGEST_PAUSE),
            retry=retry,
            reraise=True,
            before_sleep=self._say_once(),
        )

    def _say_once(self) -> Callable[[RetryCallState], None]:
        """Says why it waits, so that whoever watches a long run knows."""
        said = False

        def say(state: RetryCallState) -> None:
            nonlocal said
            if said or not state.outcome or (state.seconds_since_start or 0) < _SILENT:
                return
            said = True
            log.warning("%s Trying again for up to %g s.", self._why(state.outcome), self.patience)

        return say

    def _why(self, outcome: Future) -> ImageSearchError:
        error = outcome.exception()
        if isinstance(error, Exception):
            return self._in_words(error)
        refusal = next(answer for answer in outcome.result() if "error" in answer)
        return refused(refusal["status"], refusal, self.place)

    def _in_words(self, error: Exception) -> ImageSearchError:
        if isinstance(error, ConnectionTimeout) and self.patience and self._is_red():
            return StoreDegraded(
                f"Elasticsearch at {self.place} did not answer in time, and its health is red: a part of an "
                "index is missing. Look at _cluster/health, and start the node that holds that part."
            )
        return in_words(error, self.place)

    def _is_red(self) -> bool:
        """What has no shard to go to is not refused: it waits for one until it times out."""
        try:
            health = self._elasticsearch.options(request_timeout=2).cluster.health(filter_path="status")
        except (ApiError, TransportError):
            return False
        return bool(health["status"] == "red")

    def close(self) -> None:
        self._elasticsearch.close()


def connect(
    settings: Settings, location: str, patience: float | None = None, stop: Event | None = None
) -> Client:
    """A client for the Elasticsearch at `location`: URLs separated by commas, or `cloud:<cloud id>`.

    Nothing is asked yet. `patience` is in seconds; `stop` ends it. Raises BadSetting for settings that do
    not fit.
    """
    # It tells of each try at another node with a traceback; that a node is away, its pool says in a line.
    logging.getLogger("elastic_transport.transport").setLevel(logging.ERROR)
    options: dict[str, Any] = {**_where(location), **_who(settings), **_trust(settings, location)}
    urls = options.get("hosts", [location])
    if len(urls) == 1:
        # Where there is no other node, our own message says the same, and what to do.
        logging.getLogger("elastic_transport.node_pool").setLevel(logging.ERROR)
    try:
        elasticsearch = Elasticsearch(
            **options,
            request_timeout=settings.elasticsearch_timeout,
            # Another node at once; pauses are ours.
            max_retries=len(urls) - 1,
            retry_on_status=(),
            connections_per_node=settings.threads + 2,
        )
    except ValueError as error:
        raise BadSetting(f"STORE={location} is no address of Elasticsearch: {error}.") from error
    wait = settings.elasticsearch_patience if patience is None else patience
    return Client(elasticsearch, _shown(location), wait, stop)


def _where(location: str) -> Mapping[str, Any]:
    if location.startswith("cloud:"):
        return {"cloud_id": location.removeprefix("cloud:")}
    return {"hosts": [url.strip() for url in location.split(",") if url.strip()]}


def _who(settings: Settings) -> Mapping[str, Any]:
    if settings.elasticsearch_api_key:
        if settings.elasticsearch_user:
            raise BadSetting("ELASTICSEARCH_API_KEY and ELASTICSEARCH_USER are both set. Leave one away.")
        return {"api_key": settings.elasticsearch_api_key.get_secret_value()}
    if settings.elasticsearch_user and settings.elasticsearch_password:
        return {
            "basic_auth": (settings.elasticsearch_user, settings.elasticsearch_password.get_secret_value())
        }
    if settings.elasticsearch_user or settings.elasticsearch_password:
        raise BadSetting("ELASTICSEARCH_USER and ELASTICSEARCH_PASSWORD go together. Set both.")
    return {}


def _trust(settings: Settings, location: str) -> Mapping[str, Any]:
    if settings.elasticsearch_ca is None:
        return {}
    if not settings.elasticsearch_ca.is_file():
        raise BadSetting(f"ELASTICSEARCH_CA={settings.elasticsearch_ca} is no file. Name a PEM file.")
    if "https://" not in location:
        raise BadSetting(
            "ELASTICSEARCH_CA is set, but STORE is not an https:// address. Correct one of them."
        )
    return {"ca_certs": str(settings.elasticsearch_ca)}


def _shown(location: str) -> str:
    """The location without a password, for messages."""
    urls = location.split(",")
    return ", ".join(f"{u.split('://')[0]}://{u.rsplit('@', 1)[1]}" if "@" in u else u for u in urls)
