"""The embedded store against the plainest possible one, over random sequences of writes and questions."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from imagesearch.embedded import EmbeddedStore
from imagesearch.store import Store
from tests.imagesearch.store_model import machine


def open_empty() -> tuple[Store, Store, Callable[[], None]]:
    folder = tempfile.TemporaryDirectory()
    first = EmbeddedStore(Path(folder.name), create=True)
    second = EmbeddedStore(Path(folder.name))

    def end() -> None:
        first.close()
        second.close()
        folder.cleanup()

    return first, second, end


EmbeddedMachine = machine(open_empty)


def test_the_store_answers_as_a_plain_one() -> None:
    run_state_machine_as_test(EmbeddedMachine, settings=settings(max_examples=60, stateful_step_count=25))


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_store_answers_as_a_plain_one_at_length() -> None:
    """New sequences each time; what fails is printed in a form that can be run again."""
    at_length = settings(
        max_examples=1500,
        stateful_step_count=40,
        derandomize=False,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(EmbeddedMachine, settings=at_length)
