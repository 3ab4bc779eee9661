"""What Elasticsearch's security module would say, which the test node has not: who may do what.

The names of the privileges, and which of them grants what, are those of x-pack-core 9.5.3
(`ClusterPrivilegeResolver`, `IndexPrivilege`), for the requests that this project sends; what is not
listed takes every right there is.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qs, urlsplit

Role = Mapping[str, Any]

EVERYTHING: Role = {"cluster": ["all"], "indices": [{"names": ["*"], "privileges": ["all"]}]}
READING: Role = {
    "cluster": ["monitor"],
    "indices": [{"names": ["*"], "privileges": ["read", "view_index_metadata"]}],
}

CLUSTER_PRIVILEGES = frozenset(
    "all cancel_task clone_api_key create_snapshot cross_cluster_replication cross_cluster_search "
    "delegate_pki grant_api_key manage manage_api_key manage_autoscaling manage_behavioral_analytics "
    "manage_ccr manage_connector manage_data_frame_transforms manage_data_stream_global_retention "
    "manage_enrich manage_ilm manage_index_templates manage_inference manage_ingest_pipelines "
    "manage_logstash_pipelines manage_ml manage_oidc manage_own_api_key manage_pipeline "
    "manage_project_routing manage_reindex manage_rollup manage_saml manage_search_application "
    "manage_search_query_rules manage_search_synonyms manage_security manage_service_account manage_slm "
    "manage_token manage_transform manage_user_profile manage_watcher monitor monitor_connector "
    "monitor_data_frame_transforms monitor_data_stream_global_retention monitor_enrich monitor_esql "
    "monitor_inference monitor_ml monitor_reindex monitor_rollup monitor_snapshot monitor_stats "
    "monitor_text_structure monitor_transform monitor_watcher none post_behavioral_analytics_event "
    "read_ccr read_connector_secrets read_fleet_secrets read_ilm read_pipeline read_project_routing "
    "read_security read_slm transport_client write_connector_secrets write_fleet_secrets".split()
)
INDEX_PRIVILEGES = frozenset(
    "all auto_configure create create_dataset create_doc create_index create_view "
    "cross_cluster_replication cross_cluster_replication_internal delete delete_dataset delete_index "
    "delete_view index maintenance manage manage_data_stream_lifecycle manage_dataset "
    "manage_failure_store manage_follow_index manage_ilm manage_leader_index manage_view monitor none "
    "read read_cross_cluster read_dataset_metadata read_failure_store read_view_metadata "
    "view_index_metadata write".split()
)

_INDEX = r"/(?P<names>[^/_][^/]*)"
# Method, path, and the privileges of which one is enough.
_OF_CLUSTER = (
    ("GET|HEAD", r"/|/_cluster/(health|settings|state|stats).*|/_license.*|/_nodes.*|/_cat/.*", {"monitor"}),
    ("GET", r"/_ml/.*", {"monitor_ml", "monitor", "manage_ml"}),
    ("POST", r"/_ml/trained_models/[^/]+/_infer", {"monitor_ml", "monitor", "manage_ml"}),
    ("PUT|POST|DELETE", r"/_ml/.*", {"manage_ml", "manage"}),
    ("POST", r"/_license/.*", {"manage"}),
    ("GET|PUT|POST|DELETE", r"/_security/api_key.*", {"manage_api_key", "manage_security"}),
)
_OF_INDEX = (
    ("GET|POST", rf"({_INDEX})?/_(search|msearch|count|mget|field_caps)", {"read"}),
    ("GET|HEAD", rf"{_INDEX}/_(doc|source)/[^/]+", {"read"}),
    ("POST|DELETE", rf"({_INDEX})?/_pit", {"read"}),
    ("GET|HEAD", rf"{_INDEX}(/_(mapping|settings|alias).*)?", {"view_index_metadata", "manage"}),
    ("GET", rf"{_INDEX}/_(stats|segments|recovery)", {"monitor", "manage"}),
    ("GET|POST", rf"{_INDEX}/_(refresh|flush|forcemerge)", {"maintenance", "manage"}),
    ("POST|PUT", rf"{_INDEX}/_bulk", {"index", "write"}),
    ("PUT", _INDEX, {"create_index", "manage"}),
    ("DELETE", _INDEX, {"delete_index", "manage"}),
    ("PUT|POST", rf"{_INDEX}/_(mapping|settings|open|close|block|clone|shrink|split).*", {"manage"}),
    ("POST", "/_aliases", {"manage"}),
)


@dataclass(frozen=True)
class Request:
    """A request to Elasticsearch: its target is path and query."""

    method: str
    target: str
    content: bytes = b""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    def parameter(self, name: str) -> str | None:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True).get(name, [None])[0]

    def lines(self) -> list[Any]:
        """The body as JSON lines."""
        return [json.loads(line) for line in self.content.splitlines() if line.strip()]


@dataclass(frozen=True)
class Key:
    """An API key, or a user (then `id` is the name and `secret` the password), with the roles it has."""

    id: str
    name: str
    secret: str
    roles: tuple[Role, ...]

    @property
    def encoded(self) -> str:
        """As a client sends it."""
        return b64encode(f"{self.id}:{self.secret}".encode()).decode()


@dataclass(frozen=True)
class Answer:
    """What the security module answers itself."""

    status: int
    content: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


def lacking_right(roles: tuple[Role, ...], request: Request) -> str | None:
    """Which right `request` takes that none of `roles` gives; None if all are there."""
    for method, path, enough in _OF_CLUSTER:
        if re.fullmatch(method, request.method) and re.fullmatch(path, request.path):
            had = {privilege for role in roles for privilege in role.get("cluster", ())}
            return None if had & {*enough, "all"} else f"the cluster privileges {sorted(enough)}"
    for name, enough in _rights_on_indices(request):
        if not _granted(roles, name) & {*enough, "all"}:
            return f"the index privileges {sorted(enough)} on [{name}]"
    return None


def _rights_on_indices(request: Request) -> Iterator[tuple[str, set[str]]]:
    """Each index that `request` names, with the privileges of which one is enough."""
    for method, path, enough in _OF_INDEX:
        found = re.fullmatch(path, request.path)
        if found and re.fullmatch(method, request.method):
            for name in _named(request, found.groupdict().get("names")):
                yield name, enough
                if request.path.endswith("/_bulk"):
                    yield from ((name, also) for also in _beside_indexing(request))
            return
    yield "*", set()


def _named(request: Request, in_path: str | None) -> set[str]:
    if in_path:
        return set(in_path.split(","))
    if request.path == "/_msearch":
        return {header["index"] for header in request.lines()[::2] if "index" in header}
    if request.path == "/_aliases":
        changes = [change for action in request.lines()[0]["actions"] for change in action.values()]
        return {change[key] for change in changes for key in ("index", "alias") if key in change}
    return set()


def _beside_indexing(request: Request) -> Iterator[set[str]]:
    if any("delete" in line for line in request.lines()):
        yield {"delete", "write"}
    if request.parameter("refresh") not in (None, "false"):
        yield {"maintenance", "manage"}


def _granted(roles: tuple[Role, ...], name: str) -> set[str]:
    entries = [entry for role in roles for entry in role.get("indices", ())]
    return {
        privilege
        for entry in entries
        if any(fnmatchcase(name, pattern) for pattern in entry["names"])
        for privilege in entry["privileges"]
    }


def refused(status: int, reason: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Elasticsearch's body of an error."""
    kind = "security_exception" if status in (401, 403) else "illegal_argument_exception"
    error = {"type": kind, "reason": reason, **({"header": dict(headers)} if headers else {})}
    return Answer(status, {"error": {"root_cause": [error], **error}, "status": status}, headers or {})


class Security:
    """Who there is and what they may do; answers what is asked about keys itself."""

    def __init__(self, *known: Key) -> None:
        self._keys = {key.id: key for key in known}

    def answer(self, request: Request, authorization: str | None) -> Answer | None:
        """None if `request` may pass."""
        challenge = {"WWW-Authenticate": 'Basic realm="security", charset="UTF-8", ApiKey'}
        if authorization is None:
            reason = f"missing authentication credentials for REST request [{request.path}]"
            return refused(401, reason, challenge)
        key = self._known(authorization)
        if key is None:
            reason = "unable to authenticate with provided credentials and anonymous access is not allowed"
            return refused(401, f"{reason} for this request", challenge)
        if request.path == "/_security/_authenticate":
            return Answer(200, {"username": "elastic", "api_key": {"id": key.id, "name": key.name}})
        if lacks := lacking_right(key.roles, request):
            action = f"action [{request.method} {request.path}] is unauthorized for API key id [{key.id}]"
            return refused(403, f"{action}, this action is granted by {lacks}")
        return self._about_keys(request) if request.path.startswith("/_security/api_key") else None

    def add(self, name: str, roles: Mapping[str, Role]) -> Key:
        """A new key. Raises ValueError for a privilege that Elasticsearch does not know."""
        for role in roles.values():
            _check(role)
        key = Key(f"id-{len(self._keys)}", name, f"secret-{len(self._keys)}", tuple(roles.values()))
        self._keys[key.id] = key
        return key

    def active(self, name: str) -> list[Key]:
        return [key for key in self._keys.values() if key.name == name]

    def _known(self, authorization: str) -> Key | None:
        of_all = ((key, "Basic" if key.id == key.name else "ApiKey") for key in self._keys.values())
        return next((key for key, kind in of_all if authorization == f"{kind} {key.encoded}"), None)

    def _about_keys(self, request: Request) -> Answer:
        body = json.loads(request.content or b"{}")
        id = request.path.removeprefix("/_security/api_key").strip("/")
        try:
            match request.method:
                case "PUT" if id:
                    return self._changed(id, body["role_descriptors"])
                case "PUT" | "POST":
                    key = self.add(body["name"], body["role_descriptors"])
                    return Answer(200, {"id": key.id, "name": key.name, "encoded": key.encoded})
                case "DELETE":
                    ids = body.get("ids") or [key.id for key in self.active(body["name"])]
                    gone = [self._keys.pop(id).id for id in ids]
                    return Answer(200, {"invalidated_api_keys": gone, "error_count": 0})
                case _:
                    found = self.active(request.parameter("name") or "")
                    return Answer(200, {"api_keys": [{"id": key.id, "name": key.name} for key in found]})
        except ValueError as error:
            return refused(400, str(error))

    def _changed(self, id: str, roles: Mapping[str, Role]) -> Answer:
        for role in roles.values():
            _check(role)
        before = self._keys[id]
        self._keys[id] = replace(before, roles=tuple(roles.values()))
        return Answer(200, {"updated": self._keys[id] != before})


def _check(role: Role) -> None:
    unknown = set(role["cluster"]) - CLUSTER_PRIVILEGES
    unknown |= {p for entry in role["indices"] for p in entry["privileges"]} - INDEX_PRIVILEGES
    if unknown or role.keys() - {"cluster", "indices"}:
        raise ValueError(f"unknown privileges {sorted(unknown)} or fields in {sorted(role)}")
