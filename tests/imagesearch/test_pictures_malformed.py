"""Pillow's own test pictures: each is decoded, as far as Pillow itself does, or refused with a reason."""

import json
import subprocess
import sys
from collections import Counter

import pytest

from tests.conftest import environment
from tests.imagesearch.malformed import malformed_pictures

# Of each file its name, what it is or why it was refused, whether Pillow alone can show it, and the seconds.
LOOK = """
import json, sys, time, warnings
from pathlib import Path
from PIL import Image
from imagesearch.errors import BadPicture, PictureTooLarge
from imagesearch.pictures import RASTER, read_picture

warnings.simplefilter("ignore")

def pillow_shows(file):
    try:
        with Image.open(file, formats=RASTER) as opened:
            opened.load()
            opened.convert("RGB")
    except BaseException:
        return False
    return True

for file in sorted(path for path in Path(sys.argv[1]).rglob("*") if path.is_file()):
    print(json.dumps(str(file)), flush=True)
    start = time.perf_counter()
    try:
        outcome = read_picture(file, 170_000_000).facts.format
    except BadPicture as error:
        outcome = type(error).__name__ + " " + str(error)
    print(json.dumps([str(file), outcome, pillow_shows(file), time.perf_counter() - start]), flush=True)
"""


@pytest.mark.timeout(600)
def test_all_go_through() -> None:
    """In a process of its own, so that a crash is one, and a picture that hangs is named."""
    look = [sys.executable, "-c", LOOK, str(malformed_pictures())]
    try:
        done = subprocess.run(
            look, env=environment(), capture_output=True, text=True, timeout=240, check=False
        )
    except subprocess.TimeoutExpired as late:
        pytest.fail(f"takes too long: {(late.stdout or b'').splitlines()[-1]!r}")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, (lines[-1], done.stderr[-2000:])
    outcomes = [line for line in lines if isinstance(line, list)]
    assert len(outcomes) > 1000
    refused = Counter(what.split()[0] for _, what, _, _ in outcomes if what.startswith(("Bad", "Picture")))
    assert set(refused) == {"BadPicture", "PictureTooLarge"}
    ours = {file for file, what, _, _ in outcomes if not what.startswith(("Bad", "Picture"))}
    assert ours >= {file for file, _, shown, _ in outcomes if shown}
    assert max(seconds for *_, seconds in outcomes) < 30
