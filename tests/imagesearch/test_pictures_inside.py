"""What files say of themselves, written into them by another program (exiftool), whole and broken."""

import io
import struct
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from imagesearch.pictures import decode, read_picture
from imagesearch.pictures.xmp import NoXmp, xmp_metadata
from imagesearch.records import Metadata, Place
from tests.conftest import noise
from tests.imagesearch.encoders import quarters, run

MOST = 10_000_000
TWO_EAST = timezone(timedelta(hours=2))


def told(folder: Path, *tags: str, name: str = "a.jpg") -> Metadata:
    """What is read from a picture into which exiftool wrote `tags`."""
    file = folder / name
    run("gm", "convert", quarters(folder), file)
    run("exiftool", "-q", "-overwrite_original", "-n", *tags, file)
    return read_picture(file, MOST).facts.metadata


class TestExif:
    def test_every_field(self, tmp_path: Path) -> None:
        assert told(
            tmp_path,
            "-XPTitle=Schnee ❄",
            "-EXIF:ImageDescription=Snow on the hill",
            "-XPKeywords=snow;hill; snow",
            "-EXIF:Artist=Ann Lee",
            "-EXIF:DateTimeOriginal=2018:05:06 07:08:09",
            "-EXIF:OffsetTimeOriginal=+02:00",
            "-EXIF:Make=Canon",
            "-EXIF:Model=Canon EOS 5D",
            "-EXIF:LensModel=EF 50mm f/1.8",
            "-EXIF:GPSLatitude=46.5",
            "-EXIF:GPSLatitudeRef=S",
            "-EXIF:GPSLongitude=7.25",
            "-EXIF:GPSLongitudeRef=W",
            "-EXIF:Rating=4",
        ) == Metadata(
            name="Schnee ❄",
            caption="Snow on the hill",
            tags=("snow", "hill"),
            author="Ann Lee",
            date=date(2018, 5, 6),
            taken_at=datetime(2018, 5, 6, 7, 8, 9, tzinfo=TWO_EAST),
            camera="Canon EOS 5D",
            lens="EF 50mm f/1.8",
            place=Place(-46.5, -7.25),
            rating=4,
        )

    @pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp", "a.heic", "a.avif"])
    def test_in_every_format_that_has_it(self, name: str, tmp_path: Path) -> None:
        png, file = tmp_path / "in.png", tmp_path / name
        run("gm", "convert", quarters(tmp_path), png)
        match file.suffix:
            case ".webp":
                run("cwebp", png, "-o", file)
            case ".heic":
                run("heif-enc", png, "-o", file)
            case ".avif":
                run("avifenc", png, file)
            case _:
                run("gm", "convert", png, file)
        run("exiftool", "-q", "-overwrite_original", "-XMP:Title=Snow", "-EXIF:Artist=Ann", file)
        metadata = read_picture(file, MOST).facts.metadata
        assert (metadata.name, metadata.author) == ("Snow", "Ann")

    @pytest.mark.parametrize(
        ("make", "model", "camera"),
        [
            ("Canon", "Canon EOS 5D", "Canon EOS 5D"),
            ("NIKON CORPORATION", "NIKON D90", "NIKON D90"),
            ("OLYMPUS IMAGING CORP.", "E-M5", "OLYMPUS E-M5"),
            ("Apple", "iPhone 12", "Apple iPhone 12"),
            ("", "X100", "X100"),
            ("FUJIFILM", "", "FUJIFILM"),
        ],
    )
    def test_the_camera_as_people_say_it(self, make: str, model: str, camera: str, tmp_path: Path) -> None:
        assert told(tmp_path, f"-EXIF:Make={make}", f"-EXIF:Model={model}").camera == camera

    @pytest.mark.parametrize("text", ["OLYMPUS DIGITAL CAMERA", "SONY DSC", "   "])
    def test_what_cameras_call_every_picture_is_no_caption(self, text: str, tmp_path: Path) -> None:
        assert told(tmp_path, f"-EXIF:ImageDescription={text}").caption is None

    @pytest.mark.parametrize(
        ("latitude", "longitude"), [("0", "0"), ("91", "7"), ("46", "181")], ids=["unknown", "north", "east"]
    )
    def test_no_place_is_none(self, latitude: str, longitude: str, tmp_path: Path) -> None:
        place = (f"-EXIF:GPSLatitude={latitude}", f"-EXIF:GPSLongitude={longitude}")
        assert told(tmp_path, *place, "-EXIF:GPSLatitudeRef=N", "-EXIF:GPSLongitudeRef=E").place is None


class TestTime:
    def test_where_no_offset_is_known_it_is_local(self, tmp_path: Path) -> None:
        metadata = told(tmp_path, "-EXIF:DateTimeOriginal=2018:05:06 23:08:09")
        assert (metadata.date, metadata.taken_at) == (date(2018, 5, 6), datetime(2018, 5, 6, 23, 8, 9))

    @pytest.mark.parametrize(
        ("local", "in_utc", "offset"),
        [
            ("2018:05:06 07:08:09", "2018:05:06 05:08:01", timedelta(hours=2)),
            ("2018:05:06 01:00:00", "2018:05:05 19:17:40", timedelta(hours=5, minutes=45)),
            ("2018:05:06 20:00:00", "2018:05:07 03:01:00", timedelta(hours=-7)),
            ("2018:05:06 20:00:00", "2018:05:09 03:01:00", None),
        ],
    )
    def test_satellites_tell_the_offset(
        self, local: str, in_utc: str, offset: timedelta | None, tmp_path: Path
    ) -> None:
        day, time = in_utc.split()
        gps = (f"-EXIF:GPSDateStamp={day}", f"-EXIF:GPSTimeStamp={time}")
        taken_at = told(tmp_path, f"-EXIF:DateTimeOriginal={local}", *gps).taken_at
        assert taken_at
        assert taken_at.utcoffset() == offset
        assert taken_at.replace(tzinfo=None) == datetime.strptime(local, "%Y:%m:%d %H:%M:%S")

    def test_that_of_a_scan_and_of_a_change_come_after(self, tmp_path: Path) -> None:
        scanned, changed = "-EXIF:CreateDate=2019:01:01 00:00:00", "-EXIF:ModifyDate=2020:01:01 00:00:00"
        assert told(tmp_path, scanned, changed).date == date(2019, 1, 1)
        assert told(tmp_path, changed).date == date(2020, 1, 1)

    def test_exif_comes_before_xmp_which_may_know_the_zone(self, tmp_path: Path) -> None:
        exif = "-EXIF:DateTimeOriginal=2018:05:06 07:08:09"
        other = told(tmp_path, exif, "-XMP:DateTimeOriginal=2019:01:01 00:00:00+01:00").taken_at
        assert other == datetime(2018, 5, 6, 7, 8, 9)
        same = told(tmp_path, exif, "-XMP:DateTimeOriginal=2018:05:06 07:08:09+02:00").taken_at
        assert same == datetime(2018, 5, 6, 7, 8, 9, tzinfo=TWO_EAST)

    def test_of_iptc(self, tmp_path: Path) -> None:
        day, time = "-IPTC:DateCreated=2018:05:06", "-IPTC:TimeCreated=07:08:09+02:00"
        assert told(tmp_path, day, time).taken_at == datetime(2018, 5, 6, 7, 8, 9, tzinfo=TWO_EAST)
        only_day = told(tmp_path, day)
        assert (only_day.date, only_day.taken_at) == (date(2018, 5, 6), None)


class TestIptc:
    @pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
    def test_every_field(self, name: str, tmp_path: Path) -> None:
        assert told(
            tmp_path,
            "-IPTC:CodedCharacterSet=UTF8",
            "-IPTC:ObjectName=Schnee ❄",
            "-IPTC:Caption-Abstract=On the hill",
            "-IPTC:Keywords=snow",
            "-IPTC:Keywords=hill",
            "-IPTC:By-line=Ann",
            "-IPTC:By-line=Bob",
            name=name,
        ) == Metadata(name="Schnee ❄", caption="On the hill", tags=("snow", "hill"), author="Ann, Bob")

    def test_old_programs_wrote_as_windows_did(self, tmp_path: Path) -> None:
        assert (
            told(tmp_path, "-IPTC:ObjectName=Zürich – See", "-IPTC:CodedCharacterSet=").name == "Zürich – See"
        )


class TestXmp:
    def test_every_field(self, tmp_path: Path) -> None:
        assert told(
            tmp_path,
            "-XMP-dc:Title=Schnee ❄",
            "-XMP-dc:Description=On the hill",
            "-XMP-dc:Subject=snow",
            "-XMP-dc:Subject=hill",
            "-XMP-dc:Creator=Ann",
            "-XMP-dc:Creator=Bob",
            "-XMP-photoshop:DateCreated=2018:05:06 07:08:09Z",
            "-XMP-tiff:Make=Canon",
            "-XMP-tiff:Model=EOS 5D",
            "-XMP-aux:Lens=50 mm",
            "-XMP-exif:GPSLatitude=46.5",
            "-XMP-exif:GPSLongitude=-7.25",
            "-XMP-xmp:Rating=-1",
        ) == Metadata(
            name="Schnee ❄",
            caption="On the hill",
            tags=("snow", "hill"),
            author="Ann, Bob",
            date=date(2018, 5, 6),
            taken_at=datetime(2018, 5, 6, 7, 8, 9, tzinfo=UTC),
            camera="Canon EOS 5D",
            lens="50 mm",
            place=Place(46.5, -7.25),
            rating=-1,
        )

    def test_comes_before_iptc_and_that_before_exif(self, tmp_path: Path) -> None:
        exif = ("-EXIF:ImageDescription=exif", "-EXIF:Artist=exif", "-XPTitle=exif")
        iptc = ("-IPTC:Caption-Abstract=iptc", "-IPTC:By-line=iptc")
        metadata = told(tmp_path, *exif, *iptc, "-XMP-dc:Description=xmp")
        assert (metadata.caption, metadata.author, metadata.name) == ("xmp", "iptc", "exif")

    def test_of_several_languages_the_one_for_all(self, tmp_path: Path) -> None:
        assert told(tmp_path, "-XMP-dc:Title-de=Schnee", "-XMP-dc:Title=Snow").name == "Snow"

    @pytest.mark.parametrize(
        "packet",
        [
            b"<x",
            b"<x:xmpmeta/>",
            b"\xff\xfe\x00",
            b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>',
            b"<a>" * 100_000,
            b"<a/>" + bytes(9 * 2**20) + b"x",
        ],
    )
    def test_a_broken_one_is_named_and_costs_nothing_else(self, packet: bytes) -> None:
        with pytest.raises(NoXmp):
            xmp_metadata(packet)
        out = io.BytesIO()
        exif = Image.Exif()
        exif[ExifTags.Base.Artist] = "Ann"
        noise(0).save(out, "WEBP", xmp=packet, exif=exif)
        assert decode(out.getvalue(), MOST).facts.metadata == Metadata(author="Ann")

    @pytest.mark.parametrize("rating", ["6", "-2", "many", "nan", "1e400"])
    def test_an_impossible_rating_is_none(self, rating: str) -> None:
        assert xmp_metadata(PACKET % f'xmp:Rating="{rating}"'.encode()).rating is None


PACKET = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/"
  xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" %s/>
</rdf:RDF></x:xmpmeta>"""


HEADS = [b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"8BIM\x04\x04\0\0"]


class TestUntrusted:
    def test_long_texts_are_cut_and_control_characters_go(self, tmp_path: Path) -> None:
        metadata = told(
            tmp_path, "-XMP-dc:Title=" + "x" * 9000, "-XMP-dc:Description=a\tb\u202e  c\n\nd" + "y" * 9000
        )
        assert metadata.name == "x" * 500
        assert metadata.caption
        assert metadata.caption.startswith("a b c dy")
        assert len(metadata.caption) == 5000

    def test_a_thousand_tags_are_a_hundred(self, tmp_path: Path) -> None:
        assert len(told(tmp_path, *(f"-XMP-dc:Subject={i}" for i in range(1000))).tags) == 100

    @pytest.mark.parametrize("year", ["0001", "9999"])
    def test_a_time_without_one_in_utc_is_none(self, year: str) -> None:
        packet = PACKET % f'photoshop:DateCreated="{year}-01-01T00:00:00+14:00"'.encode()
        assert xmp_metadata(packet) == Metadata()

    @pytest.mark.filterwarnings("ignore::UserWarning")
    @given(
        st.binary(max_size=400),
        st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"8BIM\x04\x04\0\0"]),
    )
    def test_nothing_in_a_block_costs_the_picture(self, junk: bytes, head: bytes) -> None:
        plain = io.BytesIO()
        noise(0).save(plain, "JPEG")
        content = plain.getvalue()
        for kind, name in ((b"\xe1", b"Exif\0\0"), (b"\xed", b"Photoshop 3.0\0")):
            block = name + head + junk
            segment = b"\xff" + kind + struct.pack(">H", len(block) + 2) + block
            assert decode(content[:2] + segment + content[2:], MOST).facts.width == 48
