"""What Elasticsearch and its client say went wrong, in the user's words."""

import re
from collections.abc import Mapping
from typing import Any

from elastic_transport import (
    ConnectionError,  # the client's own name
    ConnectionTimeout,
    TlsError,
    TransportError,
)
from elasticsearch import ApiError, UnsupportedProductError

from imagesearch.errors import (
    ImageSearchError,
    StoreBusy,
    StoreDegraded,
    StoreDenied,
    StoreFull,
    StoreNotTrusted,
    StoreReadOnly,
    StoreUnavailable,
    StoreUnreachable,
    TextModelUnavailable,
)

# What passes by itself: too much to do, or a node that is just starting, leaving or moving shards.
PASSING = frozenset({408, 429, 502, 503, 504})

# The blocks of an index by the number that Elasticsearch gives them in the message.
_FLOOD = "/12/"
_WRITE = "/8/"
# Which queue was full, in what is else a description of Java objects.
_QUEUE = re.compile(r"\bname = (\S+), queue capacity = (\d+)")


class ReadingLost(StoreDegraded):
    """A node was lost that held the point in time as of which an index was read."""


def passes(error: BaseException) -> bool:
    """Whether the same request may succeed a little later."""
    if isinstance(error, ApiError):
        return may_pass(error.status_code, error.body)
    return isinstance(error, ConnectionError | ConnectionTimeout) and not isinstance(error, TlsError)


def may_pass(status: int, body: object) -> bool:
    """Whether what was refused with this status and body may be accepted a little later."""
    return status in PASSING and _FLOOD not in reason(body)


def is_foreign(error: Exception) -> bool:
    """Whether who answered is not Elasticsearch, which says in every answer that it is.

    Proxies before it may be busy, or ask for another key, in its place: only statuses that a server gives
    to what it does not know count.
    """
    if not isinstance(error, ApiError) or isinstance(error, UnsupportedProductError):
        return isinstance(error, UnsupportedProductError)
    return error.status_code in (400, 404, 405, 501) and "x-elastic-product" not in error.meta.headers


def in_words(error: Exception, place: str) -> ImageSearchError:  # noqa: PLR0911  # a table
    """`error` of a request to Elasticsearch at `place`, as one of ours."""
    if is_foreign(error):
        return StoreUnavailable(f"What answers at {place} is not Elasticsearch. Correct STORE.")
    if isinstance(error, ApiError):
        return refused(error.status_code, error.body, place)
    if isinstance(error, TlsError):
        if "WRONG_VERSION_NUMBER" in _short(error):
            return StoreNotTrusted(f"What answers at {place} does not speak TLS. Write http:// in STORE.")
        return StoreNotTrusted(
            f"The certificate of Elasticsearch at {place} is not trusted ({_short(error)}). Name the "
            "certificate of the authority that signed it with ELASTICSEARCH_CA."
        )
    if isinstance(error, ConnectionTimeout):
        return StoreUnreachable(
            f"Elasticsearch at {place} did not answer in time. Look whether it is overloaded, or allow more "
            "with ELASTICSEARCH_TIMEOUT."
        )
    if isinstance(error, TransportError):
        return StoreUnreachable(
            f"Elasticsearch at {place} does not answer ({_short(error)}). Look whether it is running and "
            "whether STORE names the right address."
        )
    return StoreUnavailable(f"Elasticsearch at {place} gave an answer that cannot be read: {error}.")


def refused(status: int, body: object, place: str) -> ImageSearchError:  # noqa: PLR0911  # a table
    """The refusal of a request, or of one document of a bulk request, with this status and body."""
    kind, why = _kind(body), reason(body)
    match status:
        case 401:
            return StoreDenied(
                f"Elasticsearch at {place} does not accept the key or password ({why}). Correct "
                "ELASTICSEARCH_API_KEY, or ELASTICSEARCH_USER and ELASTICSEARCH_PASSWORD."
            )
        case 403 | 429 | 503 if kind == "cluster_block_exception":
            return _blocked(why, place)
        case 403 if "non-compliant" in why:
            return TextModelUnavailable(
                f"The licence of Elasticsearch at {place} does not include machine learning ({why})."
            )
        case 403:
            return StoreDenied(
                f"The key for Elasticsearch at {place} may not do this ({why}). Use one with the rights "
                "that docs/running.md lists."
            )
        case 429:
            return StoreBusy(
                f"Elasticsearch at {place} has too much to do ({why}). Try again later, or give it more room."
            )
        case 502 | 503 | 504:
            return StoreDegraded(
                f"Elasticsearch at {place} cannot reach a part of the index ({why}). Look at "
                "_cluster/health: a red index waits for the node that holds its shards."
            )
        case 404 if kind == "index_not_found_exception":
            return StoreUnavailable(
                f"Elasticsearch at {place} has no such index any more ({why}). Try again."
            )
        case 404 if "earch context" in why:
            return ReadingLost(
                f"Elasticsearch at {place} lost a node while an index was read ({why}). Run the same again."
            )
        case _:
            return StoreUnavailable(f"Elasticsearch at {place} refused the request: {kind}: {why}.")


def reason(body: object) -> str:
    """Why, from the body of an error: the innermost cause that has words."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    why = _innermost(error) if isinstance(error, Mapping) else str(error)
    if full := _QUEUE.search(why):
        return f"the queue of {full[1]}, {full[2]} long, is full"
    return why[:300]


def _innermost(error: Mapping[str, Any]) -> str:
    shard_failures = error.get("failed_shards") or []
    causes = [error.get("caused_by"), *(f.get("reason") for f in shard_failures[:1])]
    inner = next((c for c in causes if isinstance(c, Mapping)), None)
    return (inner and _innermost(inner)) or str(error.get("reason") or error.get("type") or error)


def _kind(body: object) -> str:
    error = body.get("error", body) if isinstance(body, Mapping) else {}
    return str(error.get("type", "error")) if isinstance(error, Mapping) else "error"


def _blocked(why: str, place: str) -> StoreUnavailable:
    if _FLOOD in why:
        return StoreFull(
            f"A disk of Elasticsearch at {place} is over its flood-stage watermark, so the index takes no "
            "more writes. Searches go on. Make room on that disk; Elasticsearch lifts the block by itself."
        )
    if _WRITE in why:
        return StoreReadOnly(
            f"The index in Elasticsearch at {place} takes no writes while it is rebuilt. Try again when "
            "`python -m ingest rebuild` is done; if that was interrupted, run it again or with --abort."
        )
    if "not recovered" in why or "no master" in why:
        return StoreDegraded(
            f"Elasticsearch at {place} is not ready ({why}). Wait until enough of its nodes have started."
        )
    return StoreReadOnly(f"The index in Elasticsearch at {place} is blocked ({why}). Lift that block.")


def _short(error: Exception) -> str:
    text = str(getattr(error, "message", "") or error)
    return " ".join(text.split())[:200]
