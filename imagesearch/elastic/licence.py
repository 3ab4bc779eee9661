"""The licence that trained models take, and the trial that includes it."""

from collections.abc import Callable

from imagesearch.elastic.client import Client
from imagesearch.elastic.texts import WITH_ML
from imagesearch.errors import TextModelUnavailable


def require_licence(client: Client, say: Callable[[str], object], *, start_trial: bool) -> None:
    """Raises TextModelUnavailable if the licence has no machine learning; starts the trial if asked to."""
    licence = client.ask(lambda es: es.license.get())["license"]
    active = licence["status"] == "active"
    if active and licence["type"] in WITH_ML:
        return
    if start_trial:
        _start_trial(client)
        say("The trial licence was started; it ends in 30 days.")
        return
    state = licence["type"] if active else f"{licence['status']} {licence['type']}"
    raise TextModelUnavailable(
        f"The licence of Elasticsearch at {client.place} is {state}, which has no machine learning, so it "
        "cannot run the text model. Nothing is lost but where words are encoded: leave it as it is, or set "
        "TEXT_ENCODING=local, and they are encoded here. Or start the 30-day trial, which a cluster has "
        "once, with --start-trial."
    )


def _start_trial(client: Client) -> None:
    answer = client.ask(lambda es: es.options(ignore_status=403).license.post_start_trial(acknowledge=True))
    if not answer.get("trial_was_started"):
        error = answer.get("error")
        why = answer.get("error_message") or (error.get("reason") if isinstance(error, dict) else error)
        raise TextModelUnavailable(
            f"The trial licence of Elasticsearch at {client.place} could not be started ({why}). Words are "
            "encoded in this program: leave TEXT_ENCODING as it is, or set it to local."
        )
