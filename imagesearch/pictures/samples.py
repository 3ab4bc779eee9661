"""TIFF files of numbers that Pillow does not take for pixels: floating point, CIELab of 16 bits, others."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from imagesearch.errors import PictureTooLarge
from imagesearch.pictures import tiffs
from imagesearch.pictures.loaded import refuse_more_than
from imagesearch.pictures.pixels import brightness

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_FILL_ORDER, _STRIPS, _ORIENTATION, _SAMPLES, _STRIP_ROWS, _STRIP_BYTES = 266, 273, 274, 277, 278, 279
_PLANAR, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES = 284, 317, 322, 323, 324, 325
_EXTRA, _FORMAT, _PROFILE = 338, 339, 34675

# Of bytes, without loss: none, LZW, Deflate by two names, PackBits, LZMA, Zstandard.
_COMPRESSIONS = (1, 5, 8, 32946, 32773, 34925, 50000)
_UNSIGNED, _REAL = 1, 3
_DTYPES = {
    1: {8: "u1", 16: "u2", 32: "u4"},
    2: {8: "i1", 16: "i2", 32: "i4"},
    3: {16: "f2", 32: "f4", 64: "f8"},
}
_WHITE_IS_ZERO, _CIELAB, _ICCLAB = 0, 8, 9
# By how the samples are meant, as what Pillow is to take them.
_MODES = {_WHITE_IS_ZERO: "L", 1: "L", 2: "RGB", 5: "CMYK", _CIELAB: "LAB", _ICCLAB: "LAB"}
_WITH_ALPHA = {("L", 1): "La", ("L", 2): "LA", ("RGB", 1): "RGBa", ("RGB", 2): "RGBA"}
_MOST_SAMPLES = 16
_PREMULTIPLIED = ("La", "RGBa")
_WITHOUT_ALPHA = {"La": 1, "LA": 1, "RGBa": 3, "RGBA": 3}
_APART = 2  # PlanarConfiguration
_BY_NUMBERS, _BY_BYTES = 2, 3  # Predictor
# What one may take on average: four samples of 16 bits.
_BYTES_A_PIXEL = 8
# Samples that are looked at together.
_BAND = 2**20


@dataclass(frozen=True)
class _Layout:
    """What the numbers are, and how they lie in the file.

    `dtype` is that of one, in the file's order of bytes, `mode` Pillow's for what they mean. `planes` is the
    number of samples if each is stored apart, else 1. `blocks` are the strips or tiles, as (offset, length).
    """

    width: int
    height: int
    samples: int
    dtype: np.dtype[np.generic]
    photometric: int
    mode: str
    compression: int
    predictor: int
    planes: int
    tiled: bool
    block_width: int
    block_height: int
    blocks: list[tuple[int, int]]

    @property
    def bytes(self) -> int:
        return self.width * self.height * self.samples * self.dtype.itemsize

    @property
    def across(self) -> int:
        return -(-self.width // self.block_width)

    @property
    def down(self) -> int:
        return -(-self.height // self.block_height)


def are_read(content: bytes) -> bool:
    """Whether `mended` knows such numbers. Raises what Pillow raises."""
    return content.startswith(tiffs.HEADS) and _layout(content, tiffs.first_directory(content)) is not None


def mended(content: bytes, max_pixels: int) -> bytes | None:
    """The picture as a TIFF file of 8 bits a sample; None if it is another file, or not read here either.

    Raises PictureTooLarge, and of a damaged file what Pillow raises.
    """
    if not content.startswith(tiffs.HEADS):
        return None
    directory = tiffs.first_directory(content)
    layout = _layout(content, directory)
    if layout is None:
        return None
    refuse_more_than(max_pixels, layout.across * layout.block_width, layout.down * layout.block_height)
    if layout.bytes > _BYTES_A_PIXEL * max_pixels:
        raise PictureTooLarge(
            f"takes {layout.bytes >> 20} MiB to decode, more than {_BYTES_A_PIXEL} bytes for each of the "
            f"{max_pixels / 1e6:g} million pixels that are allowed (MAX_MEGAPIXELS)"
        )
    with np.errstate(all="ignore"):  # of what is no number, and of far too large ones
        shades = _shades(_read(content, layout), layout)
    image = Image.frombytes(layout.mode, (layout.width, layout.height), shades.tobytes())
    if layout.mode in _PREMULTIPLIED:
        image = image.convert(layout.mode.upper())
    profile, orientation = directory.get(_PROFILE), directory.get(_ORIENTATION, 1)
    out = io.BytesIO()
    image.save(out, "TIFF", icc_profile=profile, tiffinfo={_ORIENTATION: orientation})
    return out.getvalue()


def _layout(content: bytes, directory: ImageFileDirectory_v2) -> _Layout | None:
    photometric, samples = directory.get(_PHOTOMETRIC, -1), directory.get(_SAMPLES, 1)
    dtype = _dtype(content, directory)
    known = photometric in _MODES and directory.get(_COMPRESSION, 1) in _COMPRESSIONS
    if not dtype or not known or samples > _MOST_SAMPLES or directory.get(_FILL_ORDER, 1) != 1:
        return None
    width, height = directory[_WIDTH], directory[_HEIGHT]
    tiled = _TILES in directory
    rows = min(directory.get(_STRIP_ROWS, height), height)
    layout = _Layout(
        width=width,
        height=height,
        samples=samples,
        dtype=dtype,
        photometric=photometric,
        mode=_mode(directory),
        compression=directory.get(_COMPRESSION, 1),
        predictor=directory.get(_PREDICTOR, 1),
        planes=samples if directory.get(_PLANAR) == _APART else 1,
        tiled=tiled,
        block_width=directory[_TILE_WIDTH] if tiled else width,
        block_height=directory[_TILE_HEIGHT] if tiled else rows,
        blocks=list(zip(*_blocks(directory, tiled), strict=True)),
    )
    return layout if _colours(layout.mode) <= samples else None


def _dtype(content: bytes, directory: ImageFileDirectory_v2) -> np.dtype[np.generic] | None:
    bits, formats = set(tiffs.several(directory.get(_BITS, 1))), set(tiffs.several(directory.get(_FORMAT, 1)))
    if directory.get(_PHOTOMETRIC) in (_CIELAB, _ICCLAB) and _REAL not in formats:
        formats = {_UNSIGNED}  # lightness has no sign and colours have one, whatever the file says
    if len(bits) != 1 or len(formats) != 1:
        return None
    name = _DTYPES.get(formats.pop(), {}).get(bits.pop())
    return np.dtype(("<" if content.startswith(b"I") else ">") + name) if name else None


def _mode(directory: ImageFileDirectory_v2) -> str:
    mode = _MODES[directory[_PHOTOMETRIC]]
    extra = tiffs.several(directory.get(_EXTRA, ()))
    return _WITH_ALPHA.get((mode, extra[0]), mode) if extra else mode


def _colours(mode: str) -> int:
    return len(Image.new(mode, (1, 1)).getbands())


def _blocks(directory: ImageFileDirectory_v2, tiled: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Where the strips or tiles are, and how long."""
    offsets, lengths = (_TILES, _TILE_BYTES) if tiled else (_STRIPS, _STRIP_BYTES)
    return tiffs.several(directory[offsets]), tiffs.several(directory[lengths])


def _read(content: bytes, layout: _Layout) -> NDArray[np.generic]:
    """All samples, in this machine's order of bytes: shape (height, width, samples)."""
    across, down, planes = layout.across, layout.down, layout.planes
    if len(layout.blocks) < across * down * planes:
        raise EOFError("it lacks some of its strips or tiles")
    shape = (down * layout.block_height, across * layout.block_width, layout.samples)
    samples = np.zeros(shape, layout.dtype.newbyteorder("="))
    each = layout.samples // planes
    for number, (offset, length) in enumerate(layout.blocks[: across * down * planes]):
        plane, place = divmod(number, across * down)
        top, left = place // across * layout.block_height, place % across * layout.block_width
        # The last strip ends with the picture, the last tile goes on.
        rows = layout.block_height if layout.tiled else min(layout.block_height, layout.height - top)
        block = _block(content[offset : offset + length], rows, each, layout)
        samples[top : top + rows, left : left + layout.block_width, plane : plane + each] = block
    return samples[: layout.height, : layout.width]


def _block(packed: bytes, rows: int, each: int, layout: _Layout) -> NDArray[np.generic]:
    """A strip or tile: shape (rows, block width, samples), before they were subtracted from one another."""
    size = layout.dtype.itemsize
    unpacked = _unpacked(packed, layout.block_width * each * size, rows, layout.compression)
    shape = (rows, layout.block_width, each)
    if layout.predictor == _BY_BYTES:
        summed = np.cumsum(unpacked.reshape(rows, -1, each), axis=1, dtype=np.uint8)
        # The first bytes of all numbers come first, which are the high ones in any order.
        numbers = np.ascontiguousarray(summed.reshape(rows, size, -1).transpose(0, 2, 1))
        return numbers.view(layout.dtype.newbyteorder(">")).reshape(shape)
    numbers = unpacked.view(layout.dtype).reshape(shape)
    if layout.predictor == _BY_NUMBERS:
        native = numbers.astype(layout.dtype.newbyteorder("=")).view(f"u{size}")
        return np.cumsum(native, axis=1, dtype=native.dtype).view(layout.dtype.newbyteorder("="))
    return numbers


def _unpacked(packed: bytes, width: int, rows: int, compression: int) -> NDArray[np.uint8]:
    """Bytes: shape (rows, width). Unpacked by libtiff, as a small grey picture would be."""
    if compression == 1:
        return np.frombuffer(packed, np.uint8, width * rows).reshape(rows, width)
    grey = ImageFileDirectory_v2()
    said = {_WIDTH: width, _HEIGHT: rows, _BITS: 8, _COMPRESSION: compression, _PHOTOMETRIC: 1}
    placed = {_STRIPS: 0, _SAMPLES: 1, _STRIP_ROWS: rows, _STRIP_BYTES: len(packed)}
    for tag, value in {**said, **placed}.items():
        grey[tag] = value
    out = io.BytesIO()
    grey.save(out)
    out.write(packed)
    with Image.open(out, formats=["TIFF"]) as opened:
        return np.asarray(opened)


def _shades(samples: NDArray[np.generic], layout: _Layout) -> NDArray[np.uint8]:
    """As 8 bits: shape (height, width, bands of the mode)."""
    bands = _colours(layout.mode)
    colours = _WITHOUT_ALPHA.get(layout.mode, bands)
    shades = np.empty((*samples.shape[:2], bands), np.uint8)
    if layout.mode == "LAB":
        for part in _parts(samples):
            shades[part] = _lab(samples[part][..., :3], layout)
        return shades
    scale = _scale(samples[..., :colours])
    for part in _parts(samples):
        shades[part][..., :colours] = _to_255(samples[part][..., :colours], scale)
        shades[part][..., colours:] = _to_255(samples[part][..., colours:bands], _whole(samples.dtype))
    if layout.photometric == _WHITE_IS_ZERO:
        shades[..., 0] = 255 - shades[..., 0]
    return shades


def _parts(samples: NDArray[np.generic]) -> Iterator[slice]:
    """Rows that are looked at together, so that no large picture is there in larger numbers."""
    step = max(1, _BAND // (samples.shape[1] * samples.shape[2]))
    return (slice(top, top + step) for top in range(0, samples.shape[0], step))


def _whole(dtype: np.dtype[np.generic]) -> float:
    """What takes the largest number that there is to 255; of floating point, 1."""
    return 255.0 if dtype.kind == "f" else 255 / int(np.iinfo(dtype.str).max)


def _scale(colours: NDArray[np.generic]) -> float:
    if colours.dtype.kind == "u" and colours.dtype.itemsize <= 2:
        return _whole(colours.dtype)
    highest = max(
        float(np.max(c, where=np.isfinite(c), initial=0)) for c in (colours[p] for p in _parts(colours))
    )
    return brightness(highest, real=colours.dtype.kind == "f")


def _to_255(values: NDArray[np.generic], scale: float) -> NDArray[np.uint8]:
    return np.nan_to_num(values.astype(np.float64) * scale).clip(0, 255).round().astype(np.uint8)


def _lab(values: NDArray[np.generic], layout: _Layout) -> NDArray[np.uint8]:
    """Lightness from 0 to 255 for 0 to 100, and two colours as numbers with a sign, in a byte each."""
    if layout.dtype.kind == "f":
        real = np.nan_to_num(values.astype(np.float64))
        lightness = (real[..., :1] * 2.55).clip(0, 255).round().astype(np.uint8)
        colours = real[..., 1:].clip(-128, 127).round().astype(np.int8).view(np.uint8)
        return np.concatenate([lightness, colours], axis=-1)
    high: NDArray[np.uint8] = (values.astype(np.int64) >> (8 * (layout.dtype.itemsize - 1))).astype(np.uint8)
    if layout.photometric == _ICCLAB:  # these count from -128 on
        high[..., 1:] ^= 0x80
    return high
