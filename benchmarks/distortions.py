"""What may have happened to a picture before someone searches by it."""

import io
import random
from collections.abc import Callable

from PIL import Image, ImageEnhance

Distortion = Callable[[Image.Image, random.Random], Image.Image]


def rotated(picture: Image.Image, chance: random.Random) -> Image.Image:
    """Turned by 5 to 15 degrees either way, the corners filled with white."""
    angle = chance.choice((-1, 1)) * chance.uniform(5, 15)
    return picture.rotate(angle, Image.Resampling.BICUBIC, fillcolor="white")


def distorted(picture: Image.Image, chance: random.Random) -> Image.Image:
    """Seen at an angle: each corner moved by up to 8 % of the sides."""
    width, height = picture.size
    corners = [(0, 0), (0, height), (width, height), (width, 0)]
    moved = [
        coordinate + chance.uniform(-0.08, 0.08) * side
        for corner in corners
        for coordinate, side in zip(corner, picture.size, strict=True)
    ]
    return picture.transform(
        picture.size, Image.Transform.QUAD, moved, Image.Resampling.BICUBIC, fillcolor="white"
    )


def recoloured(picture: Image.Image, chance: random.Random) -> Image.Image:
    """Brightness and contrast off by up to a quarter, saturation by up to a half."""
    changed = ImageEnhance.Brightness(picture).enhance(chance.uniform(0.75, 1.25))
    changed = ImageEnhance.Contrast(changed).enhance(chance.uniform(0.75, 1.25))
    return ImageEnhance.Color(changed).enhance(chance.uniform(0.5, 1.5))


def crushed(picture: Image.Image, chance: random.Random) -> Image.Image:
    """A JPEG of quality 5 to 15 at a third of the size."""
    small = picture.resize((picture.width // 3, picture.height // 3), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=chance.randint(5, 15))
    return Image.open(file).convert("RGB")


DISTORTIONS: dict[str, Distortion] = {
    "rotated": rotated,
    "distorted": distorted,
    "recoloured": recoloured,
    "JPEG-crushed": crushed,
}
