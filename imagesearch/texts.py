"""Who turns the words of a query into an embedding: this process, or the engine of the store."""

from dataclasses import dataclass
from typing import Literal, Protocol

from imagesearch.encoders import Model
from imagesearch.errors import TextModelUnavailable
from imagesearch.records import FloatArray, ModelText

Way = Literal["local", "infer", "one-trip"]


@dataclass(frozen=True)
class TextState:
    """How words are encoded now, and why so; `cause` is the error behind it, which may name places."""

    way: Way
    reason: str
    cause: str = ""


class QueryTexts(Protocol):
    """Encodes the words of queries."""

    def vector(self, model: Model, words: str) -> FloatArray:
        """float32, shape (dims,), unit length. Raises TextModelUnavailable, ModelUnavailable."""
        ...

    def text(self, model: Model, words: str) -> ModelText | None:
        """The words for a search that encodes them itself; None where `vector` has to be asked."""
        ...

    def fall_back(self, error: TextModelUnavailable) -> None:
        """The engine could not encode: `vector` is local for a while. Raises `error` if that may not be."""
        ...

    def state(self, model: Model) -> TextState:
        """How words are encoded now."""
        ...


class LocalTexts:
    """Encodes in this process."""

    def vector(self, model: Model, words: str) -> FloatArray:
        encoded: FloatArray = model.texts.encode([words])[0]
        return encoded

    def text(self, model: Model, words: str) -> ModelText | None:  # noqa: ARG002
        return None

    def fall_back(self, error: TextModelUnavailable) -> None:
        raise error

    def state(self, model: Model) -> TextState:  # noqa: ARG002
        return TextState("local", "the store has no models of its own")
