"""How the parts are that a search takes, each in words that a stranger may read."""

import logging
from dataclasses import dataclass, replace
from typing import Literal

from app.kinds import KINDS, in_public
from app.services import Services
from imagesearch.encoders import Model
from imagesearch.errors import (
    ImageSearchError,
    StoreDegraded,
    StoreUnavailable,
    TextModelUnavailable,
)
from imagesearch.store import StoreStatus, default_location, is_elastic

log = logging.getLogger(__name__)

# Who watches a server gives up soon, and asks again.
SECONDS = 2

State = Literal["ok", "warning", "failing", "unknown"]


@dataclass(frozen=True)
class Part:
    """A part: how it is, its name, and how it is in words."""

    state: State
    name: str | None
    words: str


@dataclass(frozen=True)
class Condition:
    """How everything is. `model` is None where nobody looked at it."""

    store: Part
    index: Part
    licence: Part
    text_encoding: Part
    pictures: int | None
    model: Part | None = None

    @property
    def failing(self) -> tuple[Part, ...]:
        """The parts without which searches fail, and which do not work."""
        needed = (self.store, self.index, self.model, self.text_encoding)
        return tuple(part for part in needed if part and part.state == "failing")


def look(here: Services) -> Condition:
    """How the store and what belongs to it are; takes some seconds at most, also while the store is away."""
    kind = here.store.capabilities.name
    try:
        status = here.store.status(SECONDS)
    except StoreDegraded as error:
        return _unknown(Part("ok", kind, "It answers."), index=_failing(None, error))
    except StoreUnavailable as error:
        return _unknown(_failing(kind, error))
    return Condition(
        store=Part("ok", kind, "It answers."),
        index=_index(status),
        licence=_licence(status) if is_elastic(default_location(here.settings)) else _NO_LICENCE,
        text_encoding=_texts(here, here.model),
        pictures=status.pictures,
    )


def look_closely(here: Services) -> Condition:
    """How all parts are: a word is encoded as that of a query would be, with the model of the store."""
    found, name = look(here), here.model.spec.name
    if found.failing:
        return replace(found, model=Part("unknown", name, _NOT_KNOWN))
    try:
        model = here.searcher.model_of(here.store.current())
        here.searcher.texts.vector(model, "ready")
    except TextModelUnavailable as error:
        return replace(found, model=_fits(name), text_encoding=_failing(found.text_encoding.name, error))
    except ImageSearchError as error:
        return replace(found, model=_failing(name, error))
    return replace(found, model=_fits(model.spec.name), text_encoding=_texts(here, model))


_NOT_KNOWN = "That is not known while another part fails."
_NO_LICENCE = Part("ok", None, "None is needed.")


def _unknown(store: Part, index: Part | None = None) -> Condition:
    unknown = Part("unknown", None, _NOT_KNOWN)
    return Condition(store, index or unknown, licence=unknown, text_encoding=unknown, pictures=None)


def _failing(name: str | None, error: ImageSearchError) -> Part:
    log.error("%s", error)
    return Part("failing", name, in_public(error))


def _fits(name: str) -> Part:
    return Part("ok", name, "It fits the index.")


def _texts(here: Services, model: Model) -> Part:
    state = here.searcher.texts.state(model)
    return Part("ok", state.way, f"{state.reason[0].upper()}{state.reason[1:]}.")


def _index(status: StoreStatus) -> Part:
    if status.index is None:
        return Part("ok", None, "There is none before the first picture.")
    if status.pictures is None:
        return Part("failing", status.index, f"It is {status.health}. {KINDS[StoreDegraded].detail}")
    if status.blocked:
        words = f"It takes no changes: {status.blocked}. Searches go on."
        return Part("warning", status.index, words)
    if status.health == "yellow":
        words = "It is yellow: every picture is there, but the copy of a shard is missing."
        return Part("warning", status.index, words)
    return Part("ok", status.index, f"It is {status.health}." if status.health else "It is there.")


def _licence(status: StoreStatus) -> Part:
    if status.licence is None:
        return Part("unknown", None, "The server's key may not see it.")
    state: State = "ok" if status.licence_status == "active" else "warning"
    return Part(state, status.licence, f"It is {status.licence_status}.")
