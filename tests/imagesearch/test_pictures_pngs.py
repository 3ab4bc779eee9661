"""PNG files whose chunks beside the picture cannot be read."""

import io
import os
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import ExifTags, Image, ImageCms

from imagesearch.errors import BadPicture
from imagesearch.pictures import decode, sniff

MOST = 10_000_000
BLUE = (48, 96, 192)
XMP = b"""XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/></rdf:RDF></x:xmpmeta>"""


def picture(mode: str = "RGB", **how: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), BLUE).convert(mode).save(out, "PNG", **how)
    return out.getvalue()


def chunk(kind: bytes, content: bytes, wrong: int = 0) -> bytes:
    checked = zlib.crc32(kind + content) ^ wrong
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checked)


def with_chunk(more: bytes, before: bytes = b"IDAT", content: bytes = b"") -> bytes:
    content = content or picture()
    at = content.index(before) - 4
    return content[:at] + more + content[at:]


def too_much() -> bytes:
    return zlib.compress(os.urandom(100) * 100_000)


BROKEN = {
    "text": chunk(b"tEXt", b"Comment\0hello", wrong=1),
    "time": chunk(b"tIME", bytes(7), wrong=1),
    "gamma": chunk(b"gAMA", struct.pack(">I", 45455), wrong=1),
    "profile": chunk(b"iCCP", b"x\0\0" + zlib.compress(b"abc" * 100), wrong=1),
    "exif": chunk(b"eXIf", b"II*\0\x08\0\0\0\0\0\0\0\0\0", wrong=1),
    "own": chunk(b"prVt", b"of some program", wrong=1),
    "transparency": chunk(b"tRNS", struct.pack(">HHH", *BLUE), wrong=1),
    "short density": chunk(b"pHYs", b"\0\0"),
    "short gamma": chunk(b"gAMA", b""),
    "short colours": chunk(b"cHRM", bytes(4)),
    "short intent": chunk(b"sRGB", b""),
    "short transparency": chunk(b"tRNS", b"\0"),
    "packed in another way": chunk(b"zTXt", b"a\0\7" + zlib.compress(b"b")),
    "too much text": chunk(b"zTXt", b"a\0\0" + too_much()),
    "too much international text": chunk(b"iTXt", b"a\0\1\0\0\0" + too_much()),
    "too large a profile": chunk(b"iCCP", b"a\0\0" + too_much()),
    "longer than it says": struct.pack(">I", 5) + chunk(b"tEXt", b"Comment\0hello")[4:],
    "shorter than it says": struct.pack(">I", 500) + chunk(b"tEXt", b"Comment\0hello")[4:],
    "far shorter than it says": struct.pack(">I", 2**31 - 1) + chunk(b"tEXt", b"Comment\0hello")[4:],
    "animation": chunk(b"fcTL", bytes(3)),
}


@pytest.mark.parametrize(
    ("what", "before"), [(what, b"IDAT") for what in BROKEN] + [("too much text", b"IEND"), ("exif", b"IEND")]
)
def test_the_chunk_is_left_out(what: str, before: bytes, tmp_path: Path) -> None:
    content = with_chunk(BROKEN[what], before)
    decoded = decode(content, MOST)
    assert decoded.image.tobytes() == decode(picture(), MOST).image.tobytes()
    assert decoded.remark == ""
    (tmp_path / "a").write_bytes(content)
    assert sniff(tmp_path / "a") == "PNG"


def test_the_others_still_count() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    content = with_chunk(BROKEN["text"] + chunk(b"iTXt", XMP), content=picture(exif=exif))
    decoded = decode(with_chunk(BROKEN["short density"], b"IEND", content), MOST)
    assert (decoded.facts.width, decoded.facts.height) == (30, 40)
    assert decoded.facts.metadata.rating == 4


def test_transparency_is_read_as_the_header_says() -> None:
    sound = chunk(b"tRNS", struct.pack(">HHH", *BLUE))
    assert decode(with_chunk(BROKEN["text"] + sound), MOST).image.getpixel((0, 0)) == (255, 255, 255)


def test_an_animation_gives_the_picture_before_it() -> None:
    out = io.BytesIO()
    frames = [Image.new("RGB", (40, 30), c) for c in (BLUE, "red")]
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    sound = out.getvalue()
    for broken in (
        with_chunk(BROKEN["text"], content=sound),
        sound.replace(b"fcTL\0\0\0\0", b"fcTL\0\0\0\7", 1),
    ):
        assert decode(broken, MOST).image.getpixel((0, 0)) == BLUE


def test_a_scanners_large_profile_counts() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    large = profile + os.urandom(2**20)
    large = struct.pack(">I", len(large)) + large[4:]
    content = with_chunk(chunk(b"iCCP", b"scanner\0\0" + zlib.compress(large)))
    with Image.open(io.BytesIO(content)) as opened:
        assert opened.info["icc_profile"] == large
    assert decode(content, MOST).image.getpixel((0, 0)) == BLUE


@pytest.mark.parametrize("kind", [b"iTXt", b"iCCP"])
def test_a_bomb_is_not_unpacked(kind: bytes) -> None:
    head = b"icc\0\0" if kind == b"iCCP" else b"Comment\0\1\0\0\0"
    content = with_chunk(chunk(kind, head + zlib.compress(bytes(200 * 2**20), 9)))
    tracemalloc.start()
    assert decode(content, MOST).image.getpixel((0, 0)) == BLUE
    assert tracemalloc.get_traced_memory()[1] < 2**25
    tracemalloc.stop()


@pytest.mark.parametrize(
    "break_it", [lambda c: c.replace(b"IHDR", b"IHDX"), lambda c: c.replace(b"PLTE", b"PLTX")]
)
def test_what_is_broken_in_the_picture_itself_is_refused(break_it: Callable[[bytes], bytes]) -> None:
    with pytest.raises(BadPicture, match="damaged"):
        decode(break_it(picture("P")), MOST)
