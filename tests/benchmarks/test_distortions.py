import random

import numpy as np
import pytest
from PIL import Image

from benchmarks.distortions import DISTORTIONS


@pytest.mark.parametrize("name", DISTORTIONS)
def test_a_distortion_changes_the_picture_and_repeats_itself(name: str) -> None:
    picture = Image.new("RGB", (96, 96), "white")
    picture.paste((200, 40, 90), (20, 30, 70, 60))
    once = DISTORTIONS[name](picture, random.Random(7))  # noqa: S311
    again = DISTORTIONS[name](picture, random.Random(7))  # noqa: S311
    assert once.mode == "RGB"
    assert once.tobytes() == again.tobytes()
    assert once.tobytes() != picture.tobytes()


def test_rotation_fills_the_corners_with_white() -> None:
    turned = DISTORTIONS["rotated"](Image.new("RGB", (64, 64), "black"), random.Random(1))  # noqa: S311
    assert np.asarray(turned)[0, 0].tolist() == [255, 255, 255]
