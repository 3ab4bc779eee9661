"""What the ingest benchmark times does what it says, in small."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.ingest import agreement
from benchmarks.ingest.pictures import crops
from benchmarks.ingest.tasks import Loop, Ours, files

COUNT = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for i, picture in enumerate(crops(COUNT, (320, 240))):
        picture.save(folder / f"{i:02}.jpg", quality=90)
    return folder


def test_the_loop_and_ours_make_the_same(pair: Path, folder: Path) -> None:
    loop, ours = Loop(pair).run(folder, COUNT), Ours(pair, "torch").run(folder, COUNT)
    assert min(loop["per_second"], ours["per_second"]) > 0
    assert (np.array(loop["vectors"]) * np.array(ours["vectors"])).sum(1).min() >= 0.999


def test_stages_and_encoding_alone(pair: Path, folder: Path) -> None:
    ours = Ours(pair, "torch")
    assert ours.encode(folder, COUNT)["per_second"] > 0
    stages = ours.stages(folder, COUNT)
    assert list(stages) == ["hash", "decode", "view", "encode"]
    assert min(stages.values()) > 0


def test_the_first_of_the_files(folder: Path) -> None:
    assert [file.name for file in files(folder, 2)] == ["00.jpg", "01.jpg"]


def test_overlap() -> None:
    whole = np.random.default_rng(0).normal(size=(300, 64)).astype(np.float32)
    whole /= np.linalg.norm(whole, axis=1, keepdims=True)
    worse = whole + np.random.default_rng(1).normal(0, 0.05, whole.shape).astype(np.float32)
    assert agreement.overlap(whole[:50], whole[:50], whole, whole) == 1
    assert agreement.overlap(whole[:50], worse[:50], whole, whole[::-1]) < 0.3
    assert 0.3 < agreement.overlap(whole[:50], worse[:50], whole, worse) < 1
