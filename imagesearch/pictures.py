"""Finding picture files and turning their bytes into pixels, within limits."""

import hashlib
import io
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from stat import S_ISREG
from typing import cast

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from imagesearch.errors import BadPicture, BadSource, PictureTooLarge


@dataclass(frozen=True)
class FoundFile:
    """A file that may be a picture: `path` is relative to the folder `source`, with `/`."""

    source: str
    path: str
    size: int
    mtime_ns: int

    @property
    def location(self) -> Path:
        return Path(self.source, self.path)


@dataclass(frozen=True)
class Unreadable:
    """A file or folder that the walk could not look into, and why."""

    location: Path
    reason: str


@dataclass(frozen=True)
class Decoded:
    """A picture in memory: RGB, upright, on white where it was transparent.

    `image` is shrunk so that its shorter side is from WORKING_SIDE to just under twice that (or as it
    is, if it is smaller); `width` and `height` are those of the whole picture. `colour` is the mean
    colour as `#rrggbb`; `taken` the day that the EXIF data names.
    """

    image: Image.Image
    width: int
    height: int
    format: str
    content_hash: str
    size: int
    colour: str
    taken: date | None


def walk(root: Path) -> Iterator[FoundFile | Unreadable]:
    """Every file below `root` (or `root` itself) whose ending is that of a picture, in sorted order.

    Hidden files and folders and AppleDouble copies are passed over. Links are followed, a folder once,
    unless what they lead to lies below `root` and is found anyway.

    Raises BadSource if there is no `root`.
    """
    root = Path(os.path.abspath(root.expanduser()))
    # These of os.path say no, where those of Path raise, of what may not be looked at.
    if os.path.isfile(root):  # noqa: PTH113
        yield _found(root.parent, root)
    elif os.path.isdir(root):  # noqa: PTH112
        yield from _walk_folder(root, root, {os.path.realpath(root)})
    else:
        raise BadSource(f"There is no folder or file {str(root)!r}. Check the path.")


def _walk_folder(root: Path, folder: Path, seen: set[str]) -> Iterator[FoundFile | Unreadable]:
    try:
        entries = sorted(os.scandir(folder), key=lambda e: e.name)
    except OSError as error:
        yield Unreadable(folder, error.strerror or str(error))
        return
    for entry in entries:
        path = Path(entry.path)
        if _passed_over(entry.name) or (entry.is_symlink() and _found_anyway(path, root)):
            continue
        try:
            is_folder = entry.is_dir()
        except OSError as error:
            yield Unreadable(path, error.strerror or str(error))
            continue
        if is_folder:
            real = os.path.realpath(path)
            if real not in seen:
                seen.add(real)
                yield from _walk_folder(root, path, seen)
        elif _has_picture_ending(path):
            yield _found(root, path)


def _passed_over(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _has_picture_ending(path: Path) -> bool:
    return path.suffix.lower() in picture_endings()


def _found_anyway(link: Path, root: Path) -> bool:
    """Whether the walk comes to what `link` leads to by its own name, too."""
    target, real_root = Path(os.path.realpath(link)), Path(os.path.realpath(root))
    if not target.is_relative_to(real_root) or any(map(_passed_over, target.relative_to(real_root).parts)):
        return False
    return os.path.isdir(target) or (os.path.isfile(target) and _has_picture_ending(target))  # noqa: PTH112, PTH113


def _found(root: Path, path: Path) -> FoundFile | Unreadable:
    if not _is_text(path):
        return Unreadable(path, "has a name that is not valid UTF-8; rename it")
    try:
        stat = path.stat()
    except OSError as error:
        return Unreadable(path, error.strerror or str(error))
    if not S_ISREG(stat.st_mode):
        return Unreadable(path, "is not a regular file")
    return FoundFile(str(root), path.relative_to(root).as_posix(), stat.st_size, stat.st_mtime_ns)


def _is_text(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


@cache
def picture_endings() -> frozenset[str]:
    """The endings of the formats that are read, in lower case with the dot."""
    return frozenset(ending for ending, name in Image.registered_extensions().items() if name in FORMATS)


# Raster formats that people keep pictures in (JPEG covers the MPO of some cameras). Pillow knows more,
# some of which start other programs (EPS), hold no pixels (WMF) or are video (MPEG).
FORMATS = tuple("AVIF BMP DIB GIF ICO JPEG JPEG2000 PCX PNG PPM TGA TIFF WEBP".split())

# More than twice what CLIP looks at (224), so that shrinking first changes nothing it sees, while a
# batch of photographs fits in memory.
WORKING_SIDE = 512

# What Pillow's decoders raise on damaged files, as its own malformed test pictures and flipped bits show.
_DAMAGE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def read_picture(path: Path, max_pixels: int) -> Decoded:
    """Read and decode a file. Raises BadPicture, or PictureTooLarge over `max_pixels`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadPicture(f"cannot be read: {error.strerror}") from error
    return decode(content, max_pixels)


def decode(content: bytes, max_pixels: int, side: int = WORKING_SIDE) -> Decoded:
    """Bytes to pixels, whatever name they came under; of an animation the first frame.

    `side` is the least that the shorter side is shrunk to.
    Raises BadPicture, or PictureTooLarge over `max_pixels`, before any pixel is decoded.
    """
    Image.init()  # else Pillow knows only the commonest of FORMATS
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
            if opened.width * opened.height > max_pixels:
                raise PictureTooLarge(_too_many(opened.width, opened.height, max_pixels))
            taken = _taken(opened)
            upright = _upright_rgb(opened)
            format = opened.format or ""
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureTooLarge(
            f"has far more pixels than the {max_pixels / 1e6:g} million that are allowed"
        ) from error
    except UnidentifiedImageError as error:
        raise BadPicture("is not a picture in a format that is read here") from error
    except _DAMAGE as error:
        raise BadPicture(f"is damaged or cut short: {error}") from error
    image = upright.reduce(max(1, min(upright.size) // side))
    return Decoded(
        image=image,
        width=upright.width,
        height=upright.height,
        format=format,
        content_hash=hashlib.sha256(content).hexdigest(),
        size=len(content),
        colour=_mean_colour(image),
        taken=taken,
    )


def sniff(path: Path) -> str | None:
    """The format of the file by its first bytes, one of FORMATS, or None if it is no picture.

    Raises OSError if it cannot be read.
    """
    Image.init()
    with path.open("rb") as file:
        try:
            with Image.open(file, formats=FORMATS) as opened:
                return opened.format
        except (Image.DecompressionBombError, Image.DecompressionBombWarning, *_DAMAGE):
            return None


def _too_many(width: int, height: int, max_pixels: int) -> str:
    return (
        f"has {width}×{height} = {width * height / 1e6:.0f} million pixels, more than the "
        f"{max_pixels / 1e6:g} million that are allowed (MAX_MEGAPIXELS)"
    )


def _upright_rgb(opened: Image.Image) -> Image.Image:
    image = _upright(opened)
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        image = _to_8_bit(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _upright(opened: Image.Image) -> Image.Image:
    opened.load()
    try:
        return ImageOps.exif_transpose(opened)
    except _DAMAGE:
        return opened  # the pixels are sound (they are loaded), only the EXIF data is not


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Deep greyscale to 8 bits; Pillow's own conversion clips at 255 instead of scaling."""
    wide = image.convert("F")
    highest = cast(tuple[float, float], wide.getextrema())[1]
    if image.mode.startswith("I;16") or (image.mode == "I" and 255 < highest <= 65535):
        scale = 255 / 65535
    elif image.mode == "F" and highest <= 1:
        scale = 255.0
    else:
        scale = 255 / max(highest, 255)
    return wide.point(lambda value: value * scale).convert("L")


def _mean_colour(image: Image.Image) -> str:
    red, green, blue = image.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))  # type: ignore[misc]
    return f"#{red:02x}{green:02x}{blue:02x}"


def _taken(image: Image.Image) -> date | None:
    """EXIF's DateTimeOriginal, else its DateTime; None where there is none that can be read."""
    try:
        exif = image.getexif()
        original = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal)
    except _DAMAGE:
        return None
    for text in (original, exif.get(ExifTags.Base.DateTime)):
        try:
            return datetime.strptime(str(text)[:19], "%Y:%m:%d %H:%M:%S").date()
        except ValueError:
            continue
    return None
