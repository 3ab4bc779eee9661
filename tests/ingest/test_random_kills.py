"""Runs that are ended at random moments, over a folder that changes meanwhile."""

import os
import random
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.conftest import make_pictures, noise
from tests.ingest.conftest import Bench
from tests.ingest.test_interruption import assert_equal_stores, started

# KILLS=100 of them for a night.
KILLS = int(os.environ.get("KILLS", "10"))
HOW = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def change(folder: Path, rng: random.Random, turn: int) -> None:
    """New, edited, renamed, copied, broken and deleted pictures."""
    files = sorted(folder.rglob("*.png"))
    edited, renamed, copied, damaged, deleted = rng.sample(files, 5)
    make_pictures(folder / f"new{turn}", 10, start=1000 * turn)
    noise(rng.randrange(10**6), 50, 60).save(edited)
    (folder / f"moved{turn}").mkdir()
    renamed.rename(folder / f"moved{turn}" / renamed.name)
    shutil.copy(copied, folder / f"copy{turn}.png")
    (folder / f"broken{turn}.png").write_bytes(damaged.read_bytes()[:60])
    deleted.unlink()
    for left in (renamed.parent, deleted.parent):
        if left.exists() and not any(left.iterdir()):
            left.rmdir()  # empty, it would be spared: a disk may be away


@pytest.mark.long
@pytest.mark.timeout(60 * (KILLS + 20))
def test_killed_at_random_moments_it_is_as_if_never_disturbed(bench: Bench) -> None:
    rng = random.Random(7)  # noqa: S311
    make_pictures(bench.pictures, 150)
    kills = turn = 0
    while kills < KILLS:
        with started(bench, "--prune") as process:
            try:
                process.communicate(timeout=rng.uniform(0.5, 5))
            except subprocess.TimeoutExpired:
                process.send_signal(rng.choice(HOW))
                process.communicate(timeout=100)
                kills += 1
        turn += 1
        change(bench.pictures, rng, turn)
    result = bench.ingest("--prune", bench.pictures)
    assert result.exit_code == 0, result.output
    undisturbed = bench.beside("undisturbed")
    undisturbed.ingest(bench.pictures)
    assert_equal_stores(bench, undisturbed)
    assert bench.report().startswith(f"0 new, {len(bench.held())} unchanged, 0 updated")
