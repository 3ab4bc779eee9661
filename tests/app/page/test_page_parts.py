import math
import re
from pathlib import Path

import pytest
from PIL import Image

import app.pages
from app.pages.parts import RATIO_STEP, TALLEST, WIDEST, Tile, ratio_class
from app.pages.strings import FOLDER, languages, strings
from app.pages.uploads import Uploads
from imagesearch.records import Metadata, Picture

APP = Path(app.pages.__file__).parent.parent


def picture(width: int, height: int) -> Picture:
    return Picture("i", "/s", "p.png", "h", 1, 1, "PNG", width, height, "#fff", Metadata())


def test_the_style_sheet_has_a_class_for_every_proportion() -> None:
    sheet = (APP / "static" / "ratios.css").read_text()
    found = {name: float(ratio) for name, ratio in re.findall(r"\.(r-?\d+) { --ratio: ([\d.]+) }", sheet)}
    wanted = {ratio_class(n): math.exp(n * RATIO_STEP) for n in range(TALLEST, WIDEST + 1)}
    assert found == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(100, 100, "r0"), (3000, 2000, "r20"), (10_000, 1, "r70 long"), (1, 10_000, "r-50 long")],
)
def test_a_tile_takes_its_pictures_proportions(width: int, height: int, expected: str) -> None:
    assert Tile(picture(width, height), "", "", None, None).shape == expected


def test_every_text_of_the_templates_and_scripts_is_in_the_table() -> None:
    t = strings()
    templates = "".join(path.read_text() for path in (APP / "templates").glob("*.html"))
    scripts = "".join(path.read_text() for path in (APP / "static" / "js").glob("*.js"))
    code = "".join(path.read_text() for path in (APP / "pages").glob("*.py"))
    used = set(re.findall(r'\bt\("([a-z.-]+)"[,)]', templates + code))
    used |= {f"js.{key}" for key in re.findall(r'\btext\("([a-z-]+)"', scripts)}
    assert used - set(t.table) == set()
    assert len(used) > 80


def test_every_language_has_every_text() -> None:
    assert languages()[0] == "en"
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == sorted(languages())
    for language in languages():
        assert strings(language).table.keys() == strings("en").table.keys()


def test_numbers_and_plurals() -> None:
    t = strings()
    assert t("start.title", n=1) == "Search 1 picture"
    assert t("start.title", n=2465) == "Search 2,465 pictures"


def test_uploads_make_room_for_new_ones() -> None:
    image = Image.new("RGB", (100, 100))
    uploads = Uploads(room=70_000)
    first, second = uploads.keep(image), uploads.keep(image)
    assert uploads.get(first)
    third = uploads.keep(image)
    assert uploads.get(second) is None
    assert uploads.get(first)
    assert uploads.get(third)


def test_uploads_expire() -> None:
    uploads = Uploads(lifetime=0)
    assert uploads.get(uploads.keep(Image.new("RGB", (10, 10)))) is None
