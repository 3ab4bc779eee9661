"""Colours as a file's profile means them, in sRGB."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

# Profiles of printing presses come with tables of a few megabytes; larger ones are no profiles.
MOST_BYTES = 8 * 2**20
# The colour space that the profile of a picture has to be of, by the mode of the picture.
_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}
# By how much two pictures differ, out of 255, that nobody can tell apart.
_SAME = 2


def in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """`image` as 8-bit sRGB; a profile that is broken, or of another kind of picture, is ignored."""
    if image.mode == "LAB":
        return _lab_to_srgb(image)
    if image.mode not in _SPACES:
        image = image.convert("RGB")
    transform = _transform(profile, image.mode) if profile and len(profile) <= MOST_BYTES else None
    if transform is None:
        return image if image.mode == "RGB" else image.convert("RGB")
    converted = transform.apply(image)
    converted.info.pop("icc_profile", None)
    return converted


@lru_cache(maxsize=8)  # a folder's pictures come from few cameras
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """How to get from `profile` to sRGB, or None where nothing is to be done or can be."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space != _SPACES[mode]:
            return None
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        return None if mode == "RGB" and _changes_nothing(transform) else transform
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether it is sRGB by some name: most profiles are."""
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
    converted = np.asarray(transform.apply(Image.fromarray(colours)))
    return int(np.abs(converted.astype(int) - colours).max()) <= _SAME


def _lab_to_srgb(image: Image.Image) -> Image.Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.buildTransform(lab, srgb, "LAB", "RGB").apply(image)
    return converted
