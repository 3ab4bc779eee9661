"""Each thing that can go wrong with Elasticsearch has words of its own."""

import pytest
from elastic_transport import ApiResponseMeta, ConnectionTimeout, HttpHeaders, NodeConfig, TlsError
from elastic_transport import ConnectionError as NoConnection
from elasticsearch import ApiError

from imagesearch import errors
from imagesearch.elastic.failures import in_words, passes, reason, refused

PLACE = "https://es:9200"


def body(type: str, why: str, **more: object) -> dict[str, object]:
    return {"error": {"type": type, "reason": why, **more}}


def api_error(status: int, content: object) -> ApiError:
    node = NodeConfig("http", "es", 9200)
    headers = HttpHeaders({"x-elastic-product": "Elasticsearch"})
    meta = ApiResponseMeta(status, "1.1", headers, 0.1, node)
    return ApiError("failed", meta, content)


CASES = [
    (401, body("security_exception", "unable to authenticate"), errors.StoreDenied, "ELASTICSEARCH_API_KEY"),
    (403, body("security_exception", "action [x] is unauthorized"), errors.StoreDenied, "may not do this"),
    (
        403,
        body("security_exception", "current license is non-compliant for [ml]"),
        errors.TextModelUnavailable,
        "does not include machine learning",
    ),
    (
        403,
        body("cluster_block_exception", "index [p] blocked by: [FORBIDDEN/8/index write (api)];"),
        errors.StoreReadOnly,
        "takes no writes while it is rebuilt",
    ),
    (
        429,
        body(
            "cluster_block_exception",
            "index [p] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark]",
        ),
        errors.StoreFull,
        "flood-stage watermark",
    ),
    (
        503,
        body("cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/1/state not recovered];"),
        errors.StoreDegraded,
        "enough of its nodes",
    ),
    (429, body("es_rejected_execution_exception", "rejected"), errors.StoreBusy, "too much to do"),
    (503, body("search_phase_execution_exception", "all shards failed"), errors.StoreDegraded, "red index"),
    (404, body("index_not_found_exception", "no such index [p]"), errors.StoreUnavailable, "no such index"),
    (400, body("parsing_exception", "odd"), errors.StoreUnavailable, "parsing_exception: odd"),
]


@pytest.mark.parametrize(("status", "content", "kind", "said"), CASES)
def test_refusals(status: int, content: object, kind: type[Exception], said: str) -> None:
    for error in (refused(status, content, PLACE), in_words(api_error(status, content), PLACE)):
        assert type(error) is kind
        assert said in str(error)
        assert PLACE in str(error)
        assert str(error).endswith(".")


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (TlsError("self-signed certificate"), errors.StoreNotTrusted, "ELASTICSEARCH_CA"),
        (ConnectionTimeout("timed out"), errors.StoreUnreachable, "did not answer in time"),
        (NoConnection("refused"), errors.StoreUnreachable, "does not answer (refused)"),
    ],
)
def test_no_answer(error: Exception, kind: type[Exception], said: str) -> None:
    worded = in_words(error, PLACE)
    assert type(worded) is kind
    assert said in str(worded)


def test_what_passes_by_itself() -> None:
    assert all(passes(api_error(status, body("x", "y"))) for status in (429, 502, 503, 504))
    assert passes(NoConnection("refused"))
    assert passes(ConnectionTimeout("slow"))
    assert not passes(TlsError("untrusted"))
    assert not any(passes(api_error(status, body("x", "y"))) for status in (400, 401, 403, 404, 409))
    flood = body("cluster_block_exception", "blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded];")
    assert not passes(api_error(429, flood))


def test_the_innermost_reason_is_the_one_told() -> None:
    nested = body(
        "search_phase_execution_exception",
        "all shards failed",
        failed_shards=[{"reason": {"type": "x", "reason": "outer", "caused_by": {"reason": "the cause"}}}],
    )
    assert reason(nested) == "the cause"
    assert reason("plain text") == "plain text"
    assert reason({"error": {"type": "only_a_type"}}) == "only_a_type"
