"""What of a picture a model sees: a square of pixels, cut out without the model or its libraries.

Processes that only decode pictures import this, and neither torch nor transformers.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagesearch.errors import ModelUnavailable

ByteArray = NDArray[np.uint8]
Channels = tuple[float, float, float]

# Only the centre square is seen. Of a picture longer than this many times its width the rest is
# cut off first: scaled up whole, one of 20,000×1 pixels would take 3 GB.
_LONGEST = 4

# Of a picture one or three pixels high transformers takes the height for the number of channels.
_LEAST = 4

# What CLIPImageProcessor does where its configuration does not say.
_MEAN: Channels = (0.48145466, 0.4578275, 0.40821073)
_DEVIATION: Channels = (0.26862954, 0.26130258, 0.27577711)
_SIDE = 224

_KINDS = ("CLIPImageProcessor", "CLIPImageProcessorFast", "CLIPFeatureExtractor")


@dataclass(frozen=True)
class View:
    """How a picture becomes what the model sees: scaled until its shorter side is `side`, then cropped.

    `resample` is one of Pillow's filters; `mean` and `deviation` are those of each channel, of values
    from 0 to 1, that the encoder normalises with. This is what transformers' CLIPImageProcessor does.
    """

    side: int
    resample: int
    mean: Channels
    deviation: Channels

    def of(self, picture: Image.Image) -> ByteArray:
        """The pixels of an RGB picture of any size: uint8, shape (side, side, 3)."""
        picture = _enlarged(_middle(picture))
        shorter, longer = sorted(picture.size)
        length = int(self.side * longer / shorter)
        landscape = picture.width > picture.height
        width, height = (length, self.side) if landscape else (self.side, length)
        scaled = picture.resize((width, height), Image.Resampling(self.resample))
        left, top = (width - self.side) // 2, (height - self.side) // 2
        return np.asarray(scaled.crop((left, top, left + self.side, top + self.side)))


def _middle(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    most = _LONGEST * min(width, height)
    left, top = max(0, width - most) // 2, max(0, height - most) // 2
    return picture.crop((left, top, width - left, height - top)) if left or top else picture


def _enlarged(picture: Image.Image) -> Image.Image:
    if min(picture.size) >= _LEAST:
        return picture
    return picture.resize((picture.width * _LEAST, picture.height * _LEAST), Image.Resampling.NEAREST)


def view_of(folder: Path) -> View:
    """The view of the picture tower in `folder`, from its preprocessor_config.json.

    Raises ModelUnavailable if there is none, one that cannot be read, or one that asks for something else.
    """
    config = _read(folder)
    try:
        asked = list(_not_done(config))
        view = View(
            _side(config.get("size", _SIDE), "shortest_edge"),
            Image.Resampling(config.get("resample", Image.Resampling.BICUBIC)),
            _channels(config.get("image_mean", _MEAN)),
            _channels(config.get("image_std", _DEVIATION)),
        )
        if _side(config.get("crop_size", _SIDE), "height", "width") != view.side:
            asked.append(f"a crop of {config['crop_size']} of a picture scaled to {view.side}")
    except (TypeError, ValueError, LookupError) as error:
        raise _unloadable(folder, f"holds a value that means nothing: {error}") from error
    if asked:
        raise ModelUnavailable(
            f"The model in {folder} asks in its preprocessor_config.json for {' and for '.join(asked)}, "
            "which is not done here: pictures are scaled to one shorter side, cropped to that square and "
            "normalised, as CLIP's are. Use another model."
        )
    return view


def _read(folder: Path) -> Mapping[str, Any]:
    found = sorted(folder.rglob("preprocessor_config.json"))
    if not found:
        raise ModelUnavailable(
            f"The model folder {folder} lacks a preprocessor_config.json. Fetch or copy it again."
        )
    try:
        config = json.loads(found[0].read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unloadable(folder, f"cannot be read ({error})") from error
    if not isinstance(config, dict):
        raise _unloadable(folder, "holds no JSON object")
    return config


def _unloadable(folder: Path, why: str) -> ModelUnavailable:
    return ModelUnavailable(
        f"The model in {folder} cannot be loaded: its preprocessor_config.json {why}. Its files are "
        "incomplete or of another layout; fetch or copy it again."
    )


def _not_done(config: Mapping[str, Any]) -> Iterator[str]:
    kind = config.get("image_processor_type") or config.get("feature_extractor_type") or _KINDS[0]
    if kind not in _KINDS:
        yield f"a {kind}"
    for step in ("do_resize", "do_center_crop", "do_rescale", "do_normalize"):
        if not config.get(step, True):
            yield f"{step} = false"
    if not math.isclose(config.get("rescale_factor", 1 / 255), 1 / 255, rel_tol=1e-6):
        yield f"a rescale_factor of {config['rescale_factor']}"


def _side(size: int | Mapping[str, int], *names: str) -> int:
    """One length, given as a number or under `names`, which then have to agree."""
    given = [size] if isinstance(size, int) else [size[name] for name in names]
    if len(set(given)) != 1 or given[0] < 1:
        raise ValueError(f"a size of {size}")
    return given[0]


def _channels(given: float | list[float]) -> Channels:
    values = [given] * 3 if isinstance(given, int | float) else given
    red, green, blue = map(float, values)
    return red, green, blue
