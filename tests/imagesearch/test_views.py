"""What the model sees is, to the last bit, what transformers would have made of the picture."""

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from transformers import CLIPImageProcessor

from imagesearch.errors import ModelUnavailable
from imagesearch.views import ByteArray, View, view_of
from tests.conftest import environment, noise

SIDE = 32
VIEW = View(SIDE, Image.Resampling.BICUBIC, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))


def theirs(picture: Image.Image, side: int, resample: int) -> ByteArray:
    processor = CLIPImageProcessor(
        size={"shortest_edge": side},
        crop_size={"height": side, "width": side},
        resample=Image.Resampling(resample),
        do_rescale=False,
        do_normalize=False,
    )
    made = processor(images=picture, return_tensors="np")["pixel_values"][0]
    pixels: ByteArray = made.transpose(1, 2, 0)
    return pixels


def config(folder: Path, **changed: Any) -> Path:  # noqa: ANN401
    content = {
        "image_processor_type": "CLIPImageProcessor",
        "size": {"shortest_edge": 64},
        "crop_size": {"height": 64, "width": 64},
        "resample": 3,
        "image_mean": [0.1, 0.2, 0.3],
        "image_std": [0.4, 0.5, 0.6],
    } | changed
    kept = {key: value for key, value in content.items() if value is not None}
    (folder / "preprocessor_config.json").write_text(json.dumps(kept))
    return folder


@settings(max_examples=150, deadline=None)
@given(
    st.integers(4, 300),
    st.floats(1, 4),
    st.booleans(),
    st.sampled_from([31, 32, 64]),
    st.sampled_from([2, 3]),
)
def test_equal_to_transformers(short: int, ratio: float, wide: bool, side: int, resample: int) -> None:
    long = int(short * ratio)
    picture = noise(short, *((long, short) if wide else (short, long)))
    ours = View(side, resample, VIEW.mean, VIEW.deviation).of(picture)
    assert ours.shape == (side, side, 3)
    assert ours.dtype == np.uint8
    np.testing.assert_array_equal(ours, theirs(picture, side, resample))


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (1023, 512), (513, 512), (512, 512), (224, 224)])
def test_equal_at_the_size_of_clip(size: tuple[int, int]) -> None:
    ours = View(224, Image.Resampling.BICUBIC, VIEW.mean, VIEW.deviation).of(noise(1, *size))
    np.testing.assert_array_equal(ours, theirs(noise(1, *size), 224, Image.Resampling.BICUBIC))


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (1, 9), (20_000, 1), (1, 20_000), (65_535, 2)])
def test_the_smallest_and_the_longest(size: tuple[int, int]) -> None:
    seen = VIEW.of(Image.new("RGB", size, (9, 8, 7)))
    assert seen.shape == (SIDE, SIDE, 3)
    assert (seen == (9, 8, 7)).all()


def test_it_goes_to_other_processes() -> None:
    assert pickle.loads(pickle.dumps(VIEW)) == VIEW  # noqa: S301


def test_the_file_of_a_model(tmp_path: Path) -> None:
    assert view_of(config(tmp_path)) == View(64, 3, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6))


@pytest.mark.parametrize(
    "same",
    [
        {"size": 64},
        {"crop_size": 64},
        {"size": 64, "crop_size": 64},
        {"resample": None},
        {"image_processor_type": "CLIPImageProcessorFast"},
        {"image_processor_type": None, "feature_extractor_type": "CLIPFeatureExtractor"},
        {"image_processor_type": None},
        {
            "do_resize": True,
            "do_center_crop": True,
            "do_rescale": True,
            "rescale_factor": 0.00392156862745098,
        },
        {"do_convert_rgb": True, "do_normalize": True},
    ],
)
def test_other_ways_to_say_the_same(tmp_path: Path, same: dict[str, Any]) -> None:
    assert view_of(config(tmp_path, **same)) == View(64, 3, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6))


def test_what_is_not_said_is_clips(tmp_path: Path) -> None:
    processor = CLIPImageProcessor()
    (tmp_path / "preprocessor_config.json").write_text("{}")
    made = view_of(tmp_path)
    assert (made.side, made.resample) == (processor.size["shortest_edge"], processor.resample)
    assert (list(made.mean), list(made.deviation)) == (processor.image_mean, processor.image_std)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"do_resize": False}, "do_resize = false"),
        ({"do_center_crop": False}, "do_center_crop = false"),
        ({"do_normalize": False}, "do_normalize = false"),
        ({"do_rescale": False}, "do_rescale = false"),
        ({"rescale_factor": 0.5}, "a rescale_factor of 0.5"),
        ({"image_processor_type": "SiglipImageProcessor"}, "a SiglipImageProcessor"),
        ({"crop_size": {"height": 60, "width": 60}}, "a crop of {'height': 60, 'width': 60} of a picture"),
    ],
)
def test_what_is_not_done_here(tmp_path: Path, other: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelUnavailable, match="Use another model") as refused:
        view_of(config(tmp_path, **other))
    assert f"asks in its preprocessor_config.json for {said}" in str(refused.value)
    assert str(tmp_path) in str(refused.value)


@pytest.mark.parametrize(
    "damaged",
    [
        {"size": {"height": 64, "width": 64}},
        {"size": {"shortest_edge": "64"}},
        {"size": 0},
        {"crop_size": {"height": 64, "width": 32}},
        {"resample": 77},
        {"image_mean": [1, 2]},
        {"image_std": "wide"},
        {"rescale_factor": "x"},
    ],
)
def test_values_that_mean_nothing(tmp_path: Path, damaged: dict[str, Any]) -> None:
    with pytest.raises(ModelUnavailable, match=r"cannot be loaded: its preprocessor_config\.json holds"):
        view_of(config(tmp_path, **damaged))


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", None])
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "preprocessor_config.json").write_bytes(content)
    with pytest.raises(ModelUnavailable, match=r"[Ff]etch or copy it again"):
        view_of(tmp_path)


def test_importing_it_is_light() -> None:
    code = "import sys, imagesearch.views; print({'torch', 'transformers', 'pydantic'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"
