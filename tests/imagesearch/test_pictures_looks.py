"""Colours by name, and hashes that tell near-duplicates from other pictures."""

import io
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import skimage
import sklearn
from PIL import Image

from imagesearch.pictures import decode
from imagesearch.pictures.looks import oklab
from tests.conftest import noise

MOST = 10_000_000
PHOTOGRAPHS = (
    *(
        Path(skimage.__file__).parent / "data" / name
        for name in ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png")
    ),
    *(Path(sklearn.__file__).parent / "datasets" / "images" / name for name in ("china.jpg", "flower.jpg")),
)


def encoded(image: Image.Image, format: str = "PNG", **how: object) -> bytes:
    out = io.BytesIO()
    image.convert("RGB").save(out, format, **how)
    return out.getvalue()


def colours(image: Image.Image) -> tuple[str, ...]:
    return decode(encoded(image), MOST).facts.colours


def bits(content: bytes, side: int = 336) -> int:
    return int(decode(content, MOST, side=side).facts.phash, 16)


def apart(one: int, other: int) -> int:
    return (one ^ other).bit_count()


class TestColours:
    def test_oklab_of_known_colours(self) -> None:
        """Lightness, a and b as in the table of its author."""
        known = {
            (255, 255, 255): (1.0, 0.0, 0.0),
            (255, 0, 0): (0.628, 0.225, 0.126),
            (0, 255, 0): (0.866, -0.234, 0.179),
            (0, 0, 255): (0.452, -0.032, -0.312),
        }
        found = oklab(np.array(list(known), dtype=np.uint8))
        assert np.abs(found - np.array(list(known.values()))).max() < 0.001

    @pytest.mark.parametrize(
        ("name", "shades"),
        [
            ("black", "black #111111 #0d1117"),
            ("grey", "grey dimgrey silver slategrey"),
            ("white", "white snow ivory whitesmoke"),
            ("red", "red crimson darkred firebrick"),
            ("orange", "orange darkorange"),
            ("yellow", "yellow gold khaki"),
            ("brown", "saddlebrown sienna tan #5b3a1e"),
            ("green", "green lime forestgreen olivedrab darkolivegreen lightgreen"),
            ("teal", "teal turquoise lightseagreen darkcyan"),
            ("blue", "blue navy royalblue skyblue steelblue dodgerblue"),
            ("purple", "purple indigo blueviolet mediumpurple"),
            ("pink", "pink hotpink deeppink lightpink"),
        ],
    )
    def test_people_s_names_for_shades(self, name: str, shades: str) -> None:
        named = {shade: colours(Image.new("RGB", (8, 8), shade)) for shade in shades.split()}
        assert named == dict.fromkeys(named, (name,))

    def test_most_first_and_small_shares_left_out(self) -> None:
        image = Image.new("RGB", (100, 100), "white")
        image.paste("blue", (0, 0, 100, 30))
        image.paste("red", (0, 30, 100, 48))
        image.paste("green", (0, 50, 100, 54))
        assert colours(image) == ("white", "blue", "red")

    def test_there_is_always_one(self) -> None:
        every = "black grey white red orange yellow saddlebrown green teal blue purple pink".split()
        image = Image.new("RGB", (120, 12))
        for i, shade in enumerate(every):
            image.paste(shade, (i * 10, 0, i * 10 + 10, 12))
        assert len(colours(image)) == 1

    def test_of_photographs(self) -> None:
        found = {path.stem: decode(path.read_bytes(), MOST).facts.colours for path in PHOTOGRAPHS}
        assert found["flower"][0] == "green"
        assert "brown" in found["coffee"]
        assert {"white", "grey"} & set(found["china"])


class TestPerceptualHash:
    @pytest.mark.parametrize("path", PHOTOGRAPHS, ids=lambda path: path.stem)
    def test_stays_near_where_the_picture_does(self, path: Path) -> None:
        image = Image.open(path).convert("RGB")
        copies = {
            "as JPEG": encoded(image, "JPEG", quality=60),
            "as WebP": encoded(image, "WEBP", quality=60),
            "half as large": encoded(image.resize((image.width // 2, image.height // 2))),
            "twice as large": encoded(image.resize((image.width * 2, image.height * 2)), "JPEG", quality=80),
        }
        distances = {how: apart(bits(encoded(image)), bits(copy)) for how, copy in copies.items()}
        assert max(distances.values()) <= 4, distances

    def test_other_pictures_are_far(self) -> None:
        hashes = [bits(path.read_bytes()) for path in PHOTOGRAPHS]
        assert min(apart(a, b) for a, b in combinations(hashes, 2)) >= 18

    def test_does_not_depend_on_the_side_asked_for(self) -> None:
        for path in PHOTOGRAPHS:
            content = path.read_bytes()
            assert decode(content, MOST, side=64).facts == decode(content, MOST).facts
            assert apart(bits(content), bits(content, 1000)) <= 2, (
                "what is shrunk in two steps is rounded twice"
            )

    def test_of_one_colour_there_is_one_hash(self) -> None:
        shades = [Image.new("RGB", (50, 40), shade) for shade in ("black", "white", "#7f8081")]
        assert len({bits(encoded(shade)) & (2**63 - 1) for shade in shades}) == 1

    def test_is_16_hex_digits(self) -> None:
        phash = decode(encoded(noise(0)), MOST).facts.phash
        assert len(phash) == 16
        assert int(phash, 16) >= 0
