"""Elasticsearch: the engine for everything that outgrows one folder. The only importer of elasticsearch."""

from imagesearch.elastic.client import Client, connect
from imagesearch.elastic.mapping import IndexPlan, plan_of
from imagesearch.elastic.rebuild import Rebuild, Stored, abort, begin, drop_old, roll_back
from imagesearch.elastic.store import ElasticStore, open_elastic

__all__ = [
    "Client",
    "ElasticStore",
    "IndexPlan",
    "Rebuild",
    "Stored",
    "abort",
    "begin",
    "connect",
    "drop_old",
    "open_elastic",
    "plan_of",
    "roll_back",
]
