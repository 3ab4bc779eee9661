"""The bodies of requests to Elasticsearch, to the letter; what they mean, the tests on a real node say."""

import json

import numpy as np

from imagesearch.elastic import bodies
from imagesearch.elastic.mapping import MAPPING_FILE
from imagesearch.elastic.texts import inference_body, text_model_id
from imagesearch.encoders import CLIP, find_spec
from imagesearch.records import FACETS, NO_FILTERS, Filters, ModelText, Near, Place, Window
from tests.imagesearch.pieces import day

VECTOR = np.array([0.5, 0.25], dtype=np.float32)


def test_the_plain_case() -> None:
    section = bodies.knn(VECTOR, k=5, num_candidates=10)
    assert bodies.plain_search(section) == {
        "knn": {"field": "image_embedding", "k": 5, "num_candidates": 10, "query_vector": [0.5, 0.25]},
        "fields": ["image_id", "image_name", "relative_path"],
        "_source": False,
    }


def test_inference() -> None:
    assert text_model_id(CLIP) == "sentence-transformers__clip-vit-b-32-multilingual-v1"
    assert inference_body(["a mountain covered in snow"]) == {
        "docs": [{"text_field": "a mountain covered in snow"}]
    }


def test_a_local_pair_has_an_id_that_elasticsearch_takes() -> None:
    assert text_model_id(find_spec("demo")) == "demo-text"


def test_words_encoded_by_the_search_itself() -> None:
    section = bodies.knn(ModelText("a-model", "雪山"), 5, 10)
    assert "query_vector" not in section
    assert section["query_vector_builder"] == {
        "text_embedding": {"model_id": "a-model", "model_text": "雪山"}
    }


def test_everything_a_knn_can_have() -> None:
    section = bodies.knn(VECTOR, 7, 9, filters=Filters(tags=("t",)), similarity=0.0, oversample=1.0)
    assert section == {
        "field": "image_embedding",
        "k": 7,
        "num_candidates": 9,
        "query_vector": [0.5, 0.25],
        "filter": [{"term": {"tags": "t"}}],
        "similarity": 0.0,
        "rescore_vector": {"oversample": 1.0},
    }


def test_a_ranking_asks_for_ids_in_order() -> None:
    section = bodies.knn(VECTOR, 200, 200)
    order = [{"_score": "desc"}, {"image_id": "asc"}]
    assert bodies.ranking(section) == {
        "knn": section,
        "size": 200,
        "sort": order,
        "stored_fields": "_none_",
        "track_total_hits": False,
    }


def test_every_filter() -> None:
    filters = Filters(
        tags=("snow", "peak"),
        groups=("nature", "sport"),
        authors=("Ann",),
        date_from=day("2019-01-01"),
        date_to=day("2019-12-31"),
        words="雪山 fox",
        without=("0" * 24,),
        colours=("red", "blue"),
        cameras=("Canon", "Nikon"),
        lenses=("50mm",),
        albums=("2019/alps",),
        formats=("JPEG",),
        orientations=("square",),
        phashes=("f" * 16,),
        rating=3,
        near=Near(Place(46.95, 7.45), 2.5),
    )
    fields = ["words.name", "words.caption", "words.tags", "words.path"]
    assert bodies.clauses(filters) == [
        {"term": {"tags": "snow"}},
        {"term": {"tags": "peak"}},
        {"term": {"colours": "red"}},
        {"term": {"colours": "blue"}},
        {"terms": {"group": ["nature", "sport"]}},
        {"terms": {"author": ["Ann"]}},
        {"terms": {"camera": ["Canon", "Nikon"]}},
        {"terms": {"lens": ["50mm"]}},
        {"terms": {"album": ["2019/alps"]}},
        {"terms": {"format": ["JPEG"]}},
        {"terms": {"orientation": ["square"]}},
        {"terms": {"phash": ["f" * 16]}},
        {"range": {"date": {"gte": "2019-01-01", "lte": "2019-12-31"}}},
        {"range": {"rating": {"gte": 3}}},
        {"geo_distance": {"distance": "2.5km", "place": {"lat": 46.95, "lon": 7.45}}},
        {"multi_match": {"query": "雪 山", "type": "phrase", "fields": fields}},
        {"multi_match": {"query": "fox", "type": "phrase", "fields": fields}},
        {"bool": {"must_not": {"terms": {"image_id": ["0" * 24]}}}},
    ]


def test_no_filters() -> None:
    assert bodies.clauses(NO_FILTERS) == []
    assert bodies.passing(NO_FILTERS) == {"match_all": {}}
    assert bodies.clauses(Filters(words="!?")) == [{"match_none": {}}]
    assert bodies.clauses(Filters(date_to=day("2019-01-01"))) == [{"range": {"date": {"lte": "2019-01-01"}}}]


def test_a_lexical_ranking() -> None:
    body = bodies.lexical_ranking("Red fox", Filters(tags=("t",)), 50)
    weighted = ["words.name^3", "words.caption^2", "words.tags^2", "words.path"]
    assert body["query"]["bool"] == {
        "should": [
            {"multi_match": {"query": word, "type": "phrase", "fields": weighted}} for word in ("red", "fox")
        ],
        "minimum_should_match": 1,
        "filter": [{"term": {"tags": "t"}}],
    }
    assert body["size"] == 50
    assert bodies.lexical_ranking("!?", NO_FILTERS, 50)["query"] == {"match_none": {}}


def test_browsing() -> None:
    assert bodies.browsing(NO_FILTERS, Window(48, 24)) == {
        "query": {"match_all": {}},
        "sort": [
            {"date": {"order": "desc", "missing": "_last"}},
            {"relative_path": "asc"},
            {"image_id": "asc"},
        ],
        "from": 48,
        "size": 24,
        "track_total_hits": True,
    }


def test_facets() -> None:
    order = [{"_count": "desc"}, {"_key": "asc"}]
    assert bodies.facets(Filters(tags=("t",)), 7, ("groups", "years", "ratings", "phashes")) == {
        "query": {"bool": {"filter": [{"term": {"tags": "t"}}]}},
        "size": 0,
        "aggs": {
            "groups": {"terms": {"field": "group", "size": 7, "order": order}},
            "years": {
                "date_histogram": {
                    "field": "date",
                    "calendar_interval": "year",
                    "format": "uuuu",
                    "min_doc_count": 1,
                }
            },
            "ratings": {"terms": {"field": "rating", "size": 7, "order": [{"_key": "asc"}]}},
            "phashes": {"terms": {"field": "phash", "size": 7, "order": order, "min_doc_count": 2}},
        },
    }
    assert bodies.facets(NO_FILTERS, 5, FACETS)["aggs"].keys() == set(FACETS)


def test_every_field_that_is_filtered_or_counted_by_is_in_the_mapping() -> None:
    there = json.loads(MAPPING_FILE.read_text())["mappings"]["properties"]
    for counted in bodies.facets(NO_FILTERS, 5, FACETS)["aggs"].values():
        (how,) = counted.values()
        assert how["field"] in there


def test_the_states_of_files() -> None:
    assert bodies.states("/p", "a/b") == {
        "query": {
            "bool": {
                "filter": [
                    {"term": {"source": "/p"}},
                    {
                        "bool": {
                            "should": [
                                {"prefix": {"relative_path": "a/b/"}},
                                {"term": {"relative_path": "a/b"}},
                            ]
                        }
                    },
                ]
            }
        },
        "docvalue_fields": ["image_id", "size", "mtime_ns", "content_hash"],
        "_source": False,
        "stored_fields": "_none_",
    }
    assert bodies.of_source("/p", "") == {"query": {"bool": {"filter": [{"term": {"source": "/p"}}]}}}


def test_pictures_of_contents() -> None:
    assert bodies.with_content(["a", "b"]) == {"query": {"terms": {"content_hash": ["a", "b"]}}}


def test_below_a_folder() -> None:
    inside = {"prefix": {"location": "/a/b/"}}
    assert bodies.below("/a/b") == {"bool": {"should": [inside, {"term": {"location": "/a/b"}}]}}
    assert bodies.below("/")["bool"]["should"][0] == {"prefix": {"location": "/"}}


def test_none_of_them_is_of_a_paid_licence() -> None:
    """Retrievers, rrf and the inference API are; a knn section and a query are basic."""
    section = bodies.knn(VECTOR, 5, 10, oversample=1.0)
    everything = [
        bodies.ranking(section),
        bodies.lexical_ranking("red fox", NO_FILTERS, 5),
        bodies.facets(NO_FILTERS, 5, FACETS),
        bodies.clauses(Filters(near=Near(Place(0, 0), 1))),
        bodies.browsing(NO_FILTERS, Window()),
    ]
    assert not any(key in str(everything) for key in ("retriever", "rrf", "linear", "inference_id"))
