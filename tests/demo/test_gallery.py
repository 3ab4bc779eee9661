from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from demo import gallery


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    chosen = ["1F3D4", "1F436", "2602"]
    monkeypatch.setattr(gallery, "hexcodes", lambda: chosen)
    return chosen


def test_draws_opaque_pictures_on_white(tmp_path: Path, three: list[str]) -> None:
    assert gallery.build(tmp_path, size=48) == 3
    with Image.open(tmp_path / f"{three[0]}.png") as picture:
        assert picture.size == (48, 48)
        assert picture.mode == "RGB"
        assert picture.getpixel((0, 0)) == (255, 255, 255)


def test_a_second_run_draws_only_what_is_missing(tmp_path: Path, three: list[str]) -> None:
    gallery.build(tmp_path, size=48)
    assert gallery.build(tmp_path, size=48) == 0
    (tmp_path / f"{three[1]}.png").unlink()
    assert gallery.build(tmp_path, size=48) == 1


def test_another_size_draws_everything_again(tmp_path: Path, three: list[str]) -> None:
    gallery.build(tmp_path, size=48)
    assert gallery.build(tmp_path, size=32) == len(three)
    with Image.open(tmp_path / "2602.png") as picture:
        assert picture.size == (32, 32)


def test_an_interrupted_run_leaves_no_half_picture(
    tmp_path: Path, three: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(svg: Path, size: int) -> bytes:
        if svg.stem == three[1]:
            raise KeyboardInterrupt
        return draw(svg, size)

    draw = gallery.draw
    monkeypatch.setattr(gallery, "draw", interrupted)
    with pytest.raises(KeyboardInterrupt):
        gallery.build(tmp_path, size=48)
    assert [path.name for path in tmp_path.iterdir()] == [f"{three[0]}.png"]


def test_a_missing_drawing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "hexcodes", lambda: ["1F3D4", "FFFFF"])
    result = CliRunner().invoke(gallery.main, [str(tmp_path)])
    assert result.exit_code == 1
    assert "FFFFF.svg" in result.output
    assert "requirements.txt" in result.output
    assert list(tmp_path.iterdir()) == []


def test_the_package_has_every_drawing_of_the_table() -> None:
    assert set(gallery.hexcodes()) <= set(gallery.drawings())
