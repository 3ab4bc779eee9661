"""Pictures made of pixels, by Pillow."""

import io
from collections.abc import Sequence

from PIL import ExifTags, Image

from imagesearch.pictures.cut_short import pixels, readable
from imagesearch.pictures.formats import RASTER
from imagesearch.pictures.inside import embedded
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


def load(content: bytes, max_pixels: int, side: int, formats: Sequence[str] = RASTER) -> Loaded:
    """Raises BadPicture, PictureTooLarge, and what Pillow raises."""
    with Image.open(io.BytesIO(readable(content)), formats=tuple(formats)) as opened:
        width, height = opened.size
        refuse_more_than(max_pixels, width, height)
        # Loading closes a TIFF file and forgets what it read of it; a PNG may say it after the pixels.
        is_tiff = opened.format == "TIFF"
        metadata = embedded(opened) if is_tiff else None
        opened.draft(None, (side, side))  # a JPEG is decoded at a half, a quarter or an eighth of its size
        whole, remark = pixels(opened, content, formats, side)
        orientation = 1 if is_tiff else _orientation(whole)  # Pillow turns a TIFF upright itself
        image = to_srgb(whole, side)
        if orientation in _UPRIGHT:
            image = image.transpose(_UPRIGHT[orientation])
        if orientation in _ON_ITS_SIDE:
            width, height = height, width
        turned = orientation in _UPRIGHT
        format = opened.format or ""
        return Loaded(image, width, height, format, metadata or embedded(whole), turned, remark)


def _orientation(opened: Image.Image) -> int:
    try:
        return int(opened.getexif().get(ExifTags.Base.Orientation, 1))
    except DAMAGE:
        return 1  # the pixels are sound (they are loaded), only the EXIF data is not
