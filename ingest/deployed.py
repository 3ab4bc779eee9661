"""What Elasticsearch has of the text model, and whether its version can have one."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from imagesearch.elastic import Client
from imagesearch.errors import BadSetting

# The oldest server whose way of storing and reading vectors is ours, and the newest this was tested with.
OLDEST, TESTED = (9, 3), (9, 5)

Version = tuple[int, int, int]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Deployed:
    """A model in Elasticsearch. `state` is None while it is not started, and what follows with it."""

    fingerprint: str | None
    complete: bool
    state: str | None = None
    reason: str | None = None
    allocations: int | None = None
    threads: int | None = None


def check_version(client: Client, say: Say) -> Version:
    """The server's version. Says so if it is newer than tested; raises BadSetting if it cannot work."""
    number = str(client.ask(lambda es: es.info())["version"]["number"])
    server, ours = _parsed(number), version("eland")
    if server[:2] < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise BadSetting(f"Elasticsearch at {client.place} is {number}. Upgrade it to {oldest} or newer.")
    if server[0] != _parsed(ours)[0]:
        raise BadSetting(
            f"Elasticsearch at {client.place} is {number}, and eland {ours} brings models into version "
            f"{_parsed(ours)[0]} only. Use the release of this program that was made for {server[0]}."
        )
    if server[:2] > TESTED:
        tested = ".".join(map(str, TESTED))
        say(f"Elasticsearch {number} is newer than what this was tested with ({tested}).")
    return server


def look(client: Client, model_id: str) -> Deployed | None:
    """What is there under `model_id`; None if nothing is."""
    config = client.ask(
        lambda es: es.options(ignore_status=404).ml.get_trained_models(
            model_id=model_id, include="definition_status"
        )
    )
    if "error" in config:
        return None
    known: dict[str, Any] = config["trained_model_configs"][0]
    stats = client.ask(lambda es: es.ml.get_trained_models_stats(model_id=model_id))["trained_model_stats"]
    deployment = stats[0].get("deployment_stats", {})
    return Deployed(
        fingerprint=known.get("metadata", {}).get("fingerprint"),
        complete=known.get("fully_defined") is not False,
        state=deployment.get("state"),
        reason=deployment.get("reason"),
        allocations=deployment.get("number_of_allocations"),
        threads=deployment.get("threads_per_allocation"),
    )


def stop(client: Client, model_id: str) -> None:
    """Stop its deployment, if there is one: searches with it are refused from now on."""
    client.ask(lambda es: es.ml.stop_trained_model_deployment(model_id=model_id, force=True))


def remove(client: Client, model_id: str) -> bool:
    """Stop and delete it; whether there was one."""
    if look(client, model_id) is None:
        return False
    stop(client, model_id)
    client.ask(lambda es: es.options(ignore_status=404).ml.delete_trained_model(model_id=model_id))
    return True


def _parsed(number: str) -> Version:
    """The first three numbers of a version such as 9.5.3-SNAPSHOT."""
    major, minor, patch = (int(n) for n in re.findall(r"\d+", number)[:3])
    return major, minor, patch
