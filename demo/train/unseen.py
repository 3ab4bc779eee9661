"""The guard between training and evaluation: no phrasing of the evaluation may be learnt."""

import json
from collections.abc import Iterable
from pathlib import Path

PHRASINGS = Path(__file__).parents[2] / "benchmarks" / "phrasings.json"


class LeakError(AssertionError):
    """The training would read what is to measure it."""


def assert_unseen(texts: Iterable[str], phrasings: Path = PHRASINGS) -> None:
    """Raise LeakError if a text of the training is one of the evaluation's phrasings."""
    asked = {row["text"].casefold() for row in json.loads(phrasings.read_text(encoding="utf-8"))}
    for text in texts:
        if text.casefold() in asked:
            raise LeakError(f"the evaluation asks {text!r}, which the training would learn")
