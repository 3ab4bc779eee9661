"""From whatever a file's pixels are to 8-bit sRGB: shrunk first, so that all that follows is cheap."""

import numpy as np
from PIL import Image

from imagesearch.pictures.profiles import in_srgb


def to_srgb(image: Image.Image, side: int) -> Image.Image:
    """The loaded picture in 8-bit sRGB, on white, its shorter side shrunk to no less than `side`."""
    factor = max(1, min(image.size) // side)
    if image.mode in ("I", "F"):
        return _scaled(image, factor).convert("RGB")
    shrunk = _shrinkable(image)
    if factor > 1:
        shrunk = shrunk.reduce(factor)
    return in_srgb(_on_white(shrunk), image.info.get("icc_profile"))


def _shrinkable(image: Image.Image) -> Image.Image:
    """In a mode whose pixels can be averaged; those with transparency have it beside their colours.

    Pillow multiplies the colours by it before it averages, so that what cannot be seen does not count.
    """
    if image.mode.startswith("I;16"):
        return _high_bytes(image)
    if image.mode in ("LA", "RGBA", "La", "RGBa"):
        return image
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode in ("1", "P"):
        return image.convert({"1": "L", "P": "RGB"}[image.mode])
    return image


def _high_bytes(image: Image.Image) -> Image.Image:
    """16-bit greyscale as 8 bits, as Pillow does it for colours; its own conversion clips at 255."""
    high = 0 if image.mode == "I;16B" else 1
    pairs = np.asarray(image).view(np.uint8).reshape(image.height, image.width, 2)
    return Image.fromarray(np.ascontiguousarray(pairs[:, :, high]))


def _scaled(image: Image.Image, factor: int) -> Image.Image:
    """32-bit integers or floating point as 8 bits."""
    values = np.asarray(image)
    finite = np.isfinite(values)
    scale = brightness(float(values.max(where=finite, initial=0)), real=image.mode == "F")
    if not finite.all():
        image = Image.fromarray(np.where(finite, values, 0))
    return image.reduce(factor).convert("F").point(lambda value: value * scale).convert("L")


def brightness(highest: float, *, real: bool) -> float:
    """What takes numbers up to `highest` to shades from 0 to 255, by the range they seem to be meant in."""
    if real and highest <= 1:
        return 255.0
    if not real and 255 < highest <= 65535:
        return 255 / 65535
    return 255 / max(highest, 255)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode not in ("LA", "RGBA", "La", "RGBa"):
        return image
    rgba = image.convert({"La": "LA", "RGBa": "RGBA"}.get(image.mode, image.mode)).convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(white, rgba).convert("RGB")
