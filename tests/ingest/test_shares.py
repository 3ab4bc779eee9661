"""`--shard I/N`: several runs divide the files between them, not knowing of each other."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagesearch.config import PROJECT, Settings
from imagesearch.elastic import open_elastic
from ingest.plan import Share
from tests.conftest import environment, make_pictures
from tests.ingest.conftest import Bench

locations = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@given(locations, st.integers(1, 50))
def test_every_file_is_in_exactly_one_share(location: str, count: int) -> None:
    assert sum(Share(i, count).holds(location) for i in range(count)) == 1


def test_shares_are_about_equal() -> None:
    held = [sum(Share(i, 4).holds(f"/pictures/{n:05}.jpg") for n in range(10_000)) for i in range(4)]
    assert all(2300 < n < 2700 for n in held)


@pytest.mark.parametrize("given", ["4/4", "-1/4", "1", "0/0", "a/b"])
def test_a_share_that_there_is_not_is_refused(bench: Bench, given: str) -> None:
    result = bench.ingest("--shard", given, bench.pictures)
    assert result.exit_code == 2
    assert "such as 0/4" in result.output


def test_a_share_prunes_its_own_files_only(bench: Bench) -> None:
    make_pictures(bench.pictures, 20, start=5)
    bench.report()
    mine = [f for f in bench.pictures.iterdir() if Share(0, 2).holds(str(f))]
    others = [f for f in bench.pictures.iterdir() if not Share(0, 2).holds(str(f))]
    mine[0].unlink()
    others[0].unlink()
    assert "1 removed" in bench.report("--shard", "0/2", "--prune", bench.pictures)
    assert others[0].name in bench.names()
    assert mine[0].name not in bench.names()


def test_four_processes_at_once_fill_one_index(
    pair: Path, elastic_url: str, fresh_index: str, tmp_path: Path
) -> None:
    make_pictures(tmp_path / "pictures", 60)
    env = environment(MODEL=str(pair), STORE=elastic_url, INDEX=fresh_index)
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "ingest", "--quiet", "--shard", f"{i}/4", tmp_path / "pictures"],
            cwd=PROJECT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for i in range(4)
    ]
    said = [run.communicate(timeout=280)[0] for run in runs]
    assert [run.returncode for run in runs] == [0] * 4, said
    assert sum(int(line.split(" new")[0]) for line in said) == 60
    settings = Settings(_env_file=None, store=elastic_url, index=fresh_index)  # type: ignore[call-arg]
    with open_elastic(elastic_url, settings) as store:
        assert sorted(f.path for f in store.files("/")) == [f"{i:04}.png" for i in range(60)]
