"""Pillow's own test pictures, many of them malformed, through the command line into both stores."""

import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagesearch.pictures import RASTER, picture_endings
from imagesearch.records import Knn, Window
from tests.imagesearch.malformed import malformed_pictures
from tests.ingest.conftest import Bench


@pytest.fixture
def all_of_them(tmp_path: Path) -> Path:
    """Each under a name that is looked at: the ending says nothing of what is inside."""
    folder = malformed_pictures()
    for number, file in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
        ending = "" if file.suffix.lower() in picture_endings() else ".png"
        (tmp_path / "all").mkdir(exist_ok=True)
        shutil.copy(file, tmp_path / "all" / f"{number:04}-{file.name.lstrip('.')}{ending}")
    return tmp_path / "all"


@pytest.mark.timeout(1200)
def test_each_is_found_or_in_the_report_with_its_reason(bench: Bench, all_of_them: Path) -> None:
    files = {str(file) for file in all_of_them.iterdir()}
    assert len(files) > 1000
    result = bench.ingest(all_of_them)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    refused = dict(
        line.removeprefix("failed: ").split(": ", 1) for line in lines if line.startswith("failed: ")
    )
    assert all(refused.values())
    vector = np.zeros(512, dtype=np.float32)
    vector[0] = 1
    with bench.place.opened() as store:
        hits = store.knn(Knn(vector, num_candidates=2_000, window=Window(0, 2_000))).hits
    found = {f"{hit.picture.source}/{hit.picture.path}" for hit in hits}
    assert found | refused.keys() == files
    assert not found & refused.keys()
    assert found >= {file for file in files if pillow_shows(file)}
    assert sorted(bench.failures()) == sorted(f"{file}: {reason}" for file, reason in refused.items())


def pillow_shows(file: str) -> bool:
    """Whether Pillow alone decodes all of it, in one of the formats that are read here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(file, formats=RASTER) as opened:
                opened.load()
                opened.convert("RGB")
        except Exception:  # noqa: BLE001  # whatever it raises
            return False
    return True
