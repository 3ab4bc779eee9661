"""From the bytes of a picture file to its pixels and to what else they say, within limits.

Processes that only decode import this: it loads neither torch nor transformers.
"""

from imagesearch.pictures.decoding import WORKING_SIDE, Decoded, decode, read_picture, sniff
from imagesearch.pictures.formats import FORMATS, RASTER, picture_endings

__all__ = [
    "FORMATS",
    "RASTER",
    "WORKING_SIDE",
    "Decoded",
    "decode",
    "picture_endings",
    "read_picture",
    "sniff",
]
