"""The bodies of requests, as pure data: easy to print, to compare, and to try out by hand."""

from collections.abc import Collection
from typing import Any

from imagesearch.elastic.mapping import EMBEDDING
from imagesearch.records import Filters, FloatArray, ModelText, Near, Window
from imagesearch.words import phrases

Body = dict[str, Any]

# What ingest compares, beside source and path.
STATE_FIELDS = ("image_id", "size", "mtime_ns", "content_hash")
SHOWN_FIELDS = ("image_id", "image_name", "relative_path")
# A word in the name says more about the picture than one in its caption or tags, and that more than one in
# the path.
_WEIGHTS = {"words.name": 3, "words.caption": 2, "words.tags": 2, "words.path": 1}
# The fields that hold what is filtered and counted by, by the names of Facets and Filters.
_FIELDS = {
    "tags": "tags",
    "groups": "group",
    "authors": "author",
    "years": "date",
    "colours": "colours",
    "cameras": "camera",
    "lenses": "lens",
    "albums": "album",
    "formats": "format",
    "orientations": "orientation",
    "ratings": "rating",
    "phashes": "phash",
}
_ALL_OF = ("tags", "colours")
_ONE_OF = ("groups", "authors", "cameras", "lenses", "albums", "formats", "orientations", "phashes")
_FREQUENT_FIRST = [{"_count": "desc"}, {"_key": "asc"}]

_BEST_FIRST = [{"_score": "desc"}, {"image_id": "asc"}]
# Each hit's sort values are all there is to know; reading stored fields would take most of the time.
_IDS_ONLY: Body = {"stored_fields": "_none_", "track_total_hits": False}


def knn(
    query: FloatArray | ModelText,
    k: int,
    num_candidates: int,
    *,
    filters: Filters | None = None,
    similarity: float | None = None,
    oversample: float | None = None,
) -> Body:
    """The knn section of a search. `similarity` is the least raw cosine, `filters` a pre-filter."""
    body: Body = {"field": EMBEDDING, "k": k, "num_candidates": num_candidates}
    if isinstance(query, ModelText):
        text = {"model_id": query.model_id, "model_text": query.text}
        body["query_vector_builder"] = {"text_embedding": text}
    else:
        body["query_vector"] = query.tolist()
    if filters:
        body["filter"] = clauses(filters)
    if similarity is not None:
        body["similarity"] = similarity
    if oversample is not None:
        body["rescore_vector"] = {"oversample": oversample}
    return body


def plain_search(section: Body) -> Body:
    """A search for `section` that shows which pictures were found."""
    return {"knn": section, "fields": list(SHOWN_FIELDS), "_source": False}


def ranking(section: Body) -> Body:
    """All that `section` finds, in order, ids and scores only; equal scores by id."""
    return {"knn": section, "size": section["k"], "sort": _BEST_FIRST, **_IDS_ONLY}


def lexical_ranking(words: str, filters: Filters, size: int) -> Body:
    """Pictures with any of `words` in name, caption, tags or path, those that have most and rarest first."""
    wanted = [_containing(phrase, boosted=True) for phrase in phrases(words)]
    query = {"should": wanted, "minimum_should_match": 1, "filter": clauses(filters)}
    found = {"bool": query} if wanted else {"match_none": {}}
    return {"query": found, "size": size, "sort": _BEST_FIRST, **_IDS_ONLY}


def counting(filters: Filters) -> Body:
    """How many pictures pass."""
    return {"query": passing(filters), "size": 0, "track_total_hits": True}


def browsing(filters: Filters, window: Window) -> Body:
    """Newest first, those without a date last, then by path and id."""
    order = [
        {"date": {"order": "desc", "missing": "_last"}},
        {"relative_path": "asc"},
        {"image_id": "asc"},
    ]
    return {
        "query": passing(filters),
        "sort": order,
        "from": window.offset,
        "size": window.limit,
        "track_total_hits": True,
    }


def facets(filters: Filters, size: int, kinds: Collection[str]) -> Body:
    """Counts of `kinds` by value, most frequent first, then by value; years and ratings in their order."""
    counted = {kind: _counting(kind, size) for kind in kinds}
    return {"query": passing(filters), "size": 0, "aggs": counted}


def _counting(kind: str, size: int) -> Body:
    field = _FIELDS[kind]
    if kind == "years":
        by_year = {"calendar_interval": "year", "format": "uuuu", "min_doc_count": 1}
        return {"date_histogram": {"field": field, **by_year}}
    order = [{"_key": "asc"}] if kind == "ratings" else _FREQUENT_FIRST
    least = {"min_doc_count": 2} if kind == "phashes" else {}
    return {"terms": {"field": field, "size": size, "order": order, **least}}


def sources() -> Body:
    """The folders that hold pictures."""
    return {"size": 0, "aggs": {"sources": {"terms": {"field": "source", "size": 10_000}}}}


def below(folder: str) -> Body:
    """Files at or below an absolute folder."""
    inside = {"prefix": {"location": folder.rstrip("/") + "/"}}
    return {"bool": {"should": [inside, {"term": {"location": folder}}]}}


def by_content(content_hashes: list[str]) -> Body:
    """One embedding of each of these contents."""
    return {
        "query": {"terms": {"content_hash": content_hashes}},
        "collapse": {"field": "content_hash"},
        "size": len(content_hashes),
        "fields": [EMBEDDING],
        "_source": False,
    }


def with_content(content_hashes: Collection[str]) -> Body:
    """All pictures of these contents."""
    return {"query": {"terms": {"content_hash": list(content_hashes)}}}


def of_source(source: str, within: str) -> Body:
    """What of `source` is the file `within` or lies below it; everything if that is empty."""
    wanted: list[Body] = [{"term": {"source": source}}]
    if within:
        inside = {"prefix": {"relative_path": f"{within}/"}}
        wanted.append({"bool": {"should": [inside, {"term": {"relative_path": within}}]}})
    return {"query": {"bool": {"filter": wanted}}}


def states(source: str, within: str) -> Body:
    """The same, with STATE_FIELDS of each: read column by column, in a third of the time."""
    columns = {"docvalue_fields": list(STATE_FIELDS), "_source": False, "stored_fields": "_none_"}
    return {**of_source(source, within), **columns}


def passing(filters: Filters) -> Body:
    """A query for all pictures that pass."""
    found = clauses(filters)
    return {"bool": {"filter": found}} if found else {"match_all": {}}


def clauses(filters: Filters) -> list[Body]:
    """The filters, each a query that has to match."""
    found: list[Body] = []
    for name in _ALL_OF:
        found += [{"term": {_FIELDS[name]: value}} for value in getattr(filters, name)]
    for name in _ONE_OF:
        if wanted := getattr(filters, name):
            found.append({"terms": {_FIELDS[name]: list(wanted)}})
    if filters.date_from or filters.date_to:
        ends = {"gte": filters.date_from, "lte": filters.date_to}
        found.append({"range": {"date": {end: day.isoformat() for end, day in ends.items() if day}}})
    if filters.rating is not None:
        found.append({"range": {"rating": {"gte": filters.rating}}})
    if filters.near:
        found.append(_near(filters.near))
    if filters.words:
        # A string without a single word ("!?") must find nothing.
        found += [_containing(phrase) for phrase in phrases(filters.words)] or [{"match_none": {}}]
    if filters.without:
        found.append({"bool": {"must_not": {"terms": {"image_id": list(filters.without)}}}})
    return found


def _near(near: Near) -> Body:
    place = {"lat": near.place.latitude, "lon": near.place.longitude}
    return {"geo_distance": {"distance": f"{near.km}km", "place": place}}


def _containing(phrase: tuple[str, ...], *, boosted: bool = False) -> Body:
    weights = _WEIGHTS if boosted else dict.fromkeys(_WEIGHTS, 1)
    fields = [f"{field}^{weight}" if weight > 1 else field for field, weight in weights.items()]
    return {"multi_match": {"query": " ".join(phrase), "type": "phrase", "fields": fields}}
