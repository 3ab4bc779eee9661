"""Pictures made of pixels, by Pillow."""

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import IO

from PIL import ExifTags, Image

from imagesearch.entries import merged
from imagesearch.pictures import bmps, pngs, samples, tiffs
from imagesearch.pictures.cut_short import pixels, readable
from imagesearch.pictures.formats import RASTER
from imagesearch.pictures.inside import embedded, embedded_in_tiff
from imagesearch.pictures.loaded import DAMAGE, Loaded, refuse_more_than
from imagesearch.pictures.pixels import to_srgb

# What to do with the stored pixels, for each value of EXIF's Orientation but 1.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = (5, 6, 7, 8)
# Formats in which four bytes a pixel are often three and one of nothing.
_ALPHA_BY_CONVENTION = ("BMP", "DIB", "ICO", "TGA")


def load(content: bytes, max_pixels: int, side: int, formats: Sequence[str] = RASTER) -> Loaded:
    """Raises BadPicture, PictureTooLarge, and what Pillow raises."""
    whole = tiffs.full_picture_first(content)
    try:
        loaded = _loaded(whole, max_pixels, side, formats)
    except DAMAGE:
        mended = _mended(whole, max_pixels)
        if mended is None:
            raise
        whole, loaded = mended, _loaded(mended, max_pixels, side, formats)
    if loaded.format != "TIFF" or whole is content:
        return loaded
    # What the file says of itself need not stand where its pixels do.
    return replace(loaded, metadata=merged(embedded_in_tiff(content), loaded.metadata))


def _mended(content: bytes, max_pixels: int) -> bytes | None:
    """What Pillow cannot read, as something that it can."""
    return pngs.mended(content) or bmps.mended(content, max_pixels) or samples.mended(content, max_pixels)


def format_of(file: IO[bytes]) -> str | None:
    """The format of what `load` reads, by its head. Raises what Pillow raises if it is nothing of that."""
    try:
        with Image.open(file, formats=RASTER) as opened:
            return opened.format
    except DAMAGE:
        file.seek(0)
        content = file.read()
        if bmps.are_read(content):
            return "BMP"
        if samples.are_read(content):
            return "TIFF"
        with Image.open(io.BytesIO(pngs.mended(content) or readable(content)), formats=RASTER) as opened:
            return opened.format


def _loaded(content: bytes, max_pixels: int, side: int, formats: Sequence[str]) -> Loaded:
    with Image.open(io.BytesIO(readable(content)), formats=tuple(formats)) as opened:
        width, height = opened.size
        refuse_more_than(max_pixels, width, height)
        # Loading closes a TIFF file and forgets what it read of it; a PNG may say it after the pixels.
        is_tiff = opened.format == "TIFF"
        metadata = embedded(opened) if is_tiff else None
        opened.draft(None, (side, side))  # a JPEG is decoded at a half, a quarter or an eighth of its size
        whole, remark = pixels(opened, content, formats, side)
        orientation = 1 if is_tiff else _orientation(whole)  # Pillow turns a TIFF upright itself
        image = to_srgb(_without_empty_alpha(whole, opened.format), side)
        if orientation in _UPRIGHT:
            image = image.transpose(_UPRIGHT[orientation])
        if orientation in _ON_ITS_SIDE:
            width, height = height, width
        turned = orientation in _UPRIGHT
        format = opened.format or ""
        return Loaded(image, width, height, format, metadata or embedded(whole), turned, remark)


def _without_empty_alpha(image: Image.Image, format: str | None) -> Image.Image:
    """Where it is transparent all over, in a format that need not say whether it has transparency: none."""
    if format not in _ALPHA_BY_CONVENTION or not image.has_transparency_data:
        return image
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    return image if rgba.getchannel("A").getbbox() else rgba.convert("RGB")


def _orientation(opened: Image.Image) -> int:
    try:
        return int(opened.getexif().get(ExifTags.Base.Orientation, 1))
    except DAMAGE:
        return 1  # the pixels are sound (they are loaded), only the EXIF data is not
