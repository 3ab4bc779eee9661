"""Camera raw files, by LibRaw: the preview that the camera put in, else a development at half size."""

import io
from typing import TYPE_CHECKING

from PIL import Image

from imagesearch.entries import merged
from imagesearch.errors import BadPicture
from imagesearch.pictures import raster
from imagesearch.pictures.inside import embedded_in_tiff
from imagesearch.pictures.loaded import DAMAGE, Loaded, refuse_more_than
from imagesearch.pictures.pixels import to_srgb

if TYPE_CHECKING:
    from rawpy import RawPy

# How LibRaw says that the camera was held: half a turn, a quarter to the left, one to the right.
_UPRIGHT = {3: Image.Transpose.ROTATE_180, 5: Image.Transpose.ROTATE_90, 6: Image.Transpose.ROTATE_270}
_ON_ITS_SIDE = (5, 6)
# A preview of so many pixels along its shorter side shows as much as a development; smaller ones are for
# the camera's own display.
_ENOUGH = 480


def load(content: bytes, max_pixels: int, side: int) -> Loaded:
    """Raises BadPicture, also for a camera that LibRaw does not know, PictureTooLarge and MemoryError."""
    import rawpy  # takes a while to import, and few people have such files

    try:
        with rawpy.imread(io.BytesIO(content)) as opened:
            sizes = opened.sizes
            refuse_more_than(max_pixels, sizes.raw_width, sizes.raw_height)
            preview = _preview(opened, max_pixels, side)
            if preview and min(preview.image.size) >= min(side, _ENOUGH):
                image = preview.image
            else:
                image = _developed(opened, side)
    except rawpy.LibRawError as error:
        reason = error.args[0] if error.args else error
        said = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise BadPicture(f"is damaged, or of a camera that is not known here: {said}") from error
    width, height = (sizes.height, sizes.width) if sizes.flip in _ON_ITS_SIDE else (sizes.width, sizes.height)
    said_inside = merged(preview.metadata if preview else None, embedded_in_tiff(content))
    return Loaded(image, width, height, "RAW", said_inside)


def _preview(opened: "RawPy", max_pixels: int, side: int) -> Loaded | None:
    """The largest picture that the camera made of it itself, upright, if there is one that can be read."""
    from rawpy import LibRawError, ThumbFormat

    try:
        thumb = opened.extract_thumb()
        # Previews that are no JPEG are small; and of a damaged one rawpy gives memory that is not its own.
        if thumb.format != ThumbFormat.JPEG:
            return None
        loaded = raster.load(bytes(thumb.data), max_pixels, side, ["JPEG"])
    except (LibRawError, BadPicture, *DAMAGE):
        return None
    return None if loaded.remark else _turned(loaded, opened)


def _turned(preview: Loaded, opened: "RawPy") -> Loaded:
    """Some previews lie as the sensor does, with nothing in them that says so."""
    sizes = opened.sizes
    lies_as_the_sensor = (preview.width > preview.height) == (sizes.width > sizes.height)
    if sizes.flip not in _UPRIGHT or not lies_as_the_sensor or preview.turned:
        return preview
    image = preview.image.transpose(_UPRIGHT[sizes.flip])
    return Loaded(image, preview.width, preview.height, preview.format, preview.metadata)


def _developed(opened: "RawPy", side: int) -> Image.Image:
    pixels = opened.postprocess(half_size=True, use_camera_wb=True, output_bps=8)
    return to_srgb(Image.fromarray(pixels), side)
