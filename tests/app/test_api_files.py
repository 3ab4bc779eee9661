"""Originals and thumbnails: by id only, as what they are, and kept by the browser while they are right."""

import io
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.http import parse_options_header
from werkzeug.wrappers import Response

from app.originals import Originals
from app.thumbnails import Thumbnails
from imagesearch.entries import describe
from imagesearch.pictures import decode
from imagesearch.records import Entry, Metadata, Picture
from imagesearch.store import Store
from tests.app.conftest import MakeClient, draw, in_bytes, problem
from tests.conftest import noise, tmpfs

Put = Callable[..., str]


def first(client: FlaskClient) -> dict[str, Any]:
    picture: dict[str, Any] = client.get("/api/pictures?tag=gold&group=circle").get_json()["results"][0]
    return picture


@pytest.fixture
def client(make_client: MakeClient) -> FlaskClient:
    return make_client()


@pytest.fixture
def put(client: FlaskClient, tmp_path: Path) -> Put:
    """Writes a file and its record as ingest would have; returns the id. Fields of the record by keyword."""
    store: Store = client.application.extensions["services"].store
    source = tmp_path / "pictures"
    source.mkdir()

    def put(content: bytes, name: str = "picture.png", **fields: object) -> str:
        file = source / name
        file.write_bytes(content)
        made = describe(decode(content, 10**8).facts, str(source), name, file.stat().st_mtime_ns, Metadata())
        picture = replace(made, **fields)  # type: ignore[arg-type]
        vector = np.full(512, 512**-0.5, dtype=np.float32)
        store.write([Entry(picture, vector)])
        return picture.id

    return put


def test_the_original_is_sent_as_it_is(client: FlaskClient, gallery: Path) -> None:
    picture = first(client)
    with client.get(picture["links"]["image"]) as response:
        assert response.data == (gallery / picture["path"]).read_bytes()
        assert response.mimetype == "image/png"
        assert response.headers["Content-Disposition"].startswith("inline")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in response.headers["Content-Security-Policy"]
        assert response.headers["Cache-Control"].endswith("immutable")
    with client.get(picture["links"]["image"], headers={"Range": "bytes=0-7"}) as response:
        assert (response.status_code, response.data) == (206, b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize("what", ["image", "thumbnail"])
def test_what_the_browser_has_is_not_sent_again(client: FlaskClient, what: str) -> None:
    url = f"/api/pictures/{first(client)['id']}/{what}"
    with client.get(url) as response:
        etag = response.headers["ETag"]
        assert not etag.startswith("W/")
        assert response.headers["Cache-Control"] == "private, no-cache"
    with client.get(url, headers={"If-None-Match": etag}) as again:
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == etag
    with client.get(url, headers={"If-None-Match": '"other"'}) as other:
        assert other.status_code == 200


def test_the_content_type_is_what_the_file_is(client: FlaskClient, put: Put) -> None:
    for format in ("JPEG", "WEBP", "GIF", "BMP"):
        id = put(in_bytes(noise(1), format), "lies.png")
        with client.get(f"/api/pictures/{id}/image") as response:
            assert response.mimetype == f"image/{format.lower()}"


def test_a_format_that_browsers_do_not_show_is_an_attachment(client: FlaskClient, put: Put) -> None:
    id = put(in_bytes(noise(1), "TIFF"), "scan.tif")
    with client.get(f"/api/pictures/{id}/image") as response:
        assert response.mimetype == "application/octet-stream"
        assert response.headers["Content-Disposition"] == "attachment; filename=scan.tif"
    with client.get(f"/api/pictures/{id}/thumbnail?size=1280") as response:
        assert response.mimetype == "image/webp"


@pytest.mark.parametrize("seconds", [300_000_000_000, -300_000_000_000])
def test_a_file_of_the_year_11476_is_shown(
    client: FlaskClient, put: Put, tmp_path: Path, seconds: int
) -> None:
    with tmpfs(tmp_path / "disk", "1m") as disk:
        noise(1).save(disk / "a.png")
        os.utime(disk / "a.png", (seconds, seconds))
        id = put(in_bytes(noise(1)), "a.png")
        (tmp_path / "pictures/a.png").unlink()
        (tmp_path / "pictures/a.png").symlink_to(disk / "a.png")
        with client.get(f"/api/pictures/{id}/image") as response:
            assert response.data == (disk / "a.png").read_bytes()


@pytest.mark.parametrize(("format", "how"), [("PNG", "inline"), ("TIFF", "attachment")])
def test_control_characters_in_a_name_are_not_sent(
    client: FlaskClient, put: Put, tmp_path: Path, format: str, how: str
) -> None:
    for character in [*map(chr, range(1, 32)), "\x7f", "\x85", "é\n", "雪\r\nX-Evil: 1\r\n\r\n"]:
        (tmp_path / f"pictures/of{character}").mkdir()
        id = put(in_bytes(noise(1), format), f"of{character}/a{character}b.png")
        with client.get(f"/api/pictures/{id}/image") as response:
            assert response.status_code == 200, repr(character)
            said, options = parse_options_header(response.headers["Content-Disposition"])
            shown = "".join(c if c.isprintable() else "_" for c in character)
            assert (said, options["filename"]) == (how, f"a{shown}b.png")
            assert "X-Evil" not in response.headers
            assert all(c.isprintable() for value in response.headers.values() for c in value)
        for url in (f"/api/pictures/{id}", f"/api/pictures/{id}/thumbnail", f"/api/pictures/{id}/similar"):
            assert client.get(url).status_code == 200
        for url in (f"/pictures/{id}", f"/?like={id}", "/api/pictures", "/api/facets"):
            assert client.get(url).status_code == 200
        found = client.get("/api/pictures", query_string={"album": f"of{character}"}).get_json()
        assert [picture["id"] for picture in found["results"]] == [id]


@pytest.mark.parametrize(
    "path", ["../../secret.png", "../secret.png", "a/../../secret.png", "/etc/hostname", "..", ".", ""]
)
def test_a_record_that_leads_out_of_its_folder_shows_nothing(
    client: FlaskClient, put: Put, tmp_path: Path, path: str
) -> None:
    for folder in (tmp_path, tmp_path.parent):
        (folder / "secret.png").write_bytes(in_bytes(noise(1)))
    id = put(in_bytes(noise(2)), path=path)
    for what in ("image", "thumbnail"):
        said = problem(client.get(f"/api/pictures/{id}/{what}"), 410, "original-missing")
        assert str(tmp_path) not in said["detail"]


@pytest.mark.parametrize("id", ["..%2f..%2fetc%2fpasswd", "../../etc/passwd", "%2e%2e/health", "x%00.png"])
def test_an_id_is_never_a_path(client: FlaskClient, id: str) -> None:
    for what in ("image", "thumbnail"):
        assert client.get(f"/api/pictures/{id}/{what}").status_code == 404


def test_links_are_followed_as_they_were_by_ingest(client: FlaskClient, put: Put, tmp_path: Path) -> None:
    outside = tmp_path / "outside.png"
    outside.write_bytes(in_bytes(noise(3)))
    id = put(in_bytes(noise(3)), "linked.png")
    (tmp_path / "pictures" / "linked.png").unlink()
    (tmp_path / "pictures" / "linked.png").symlink_to(outside)
    with client.get(f"/api/pictures/{id}/image") as response:
        assert response.data == outside.read_bytes()


def test_a_file_that_became_something_else_is_not_shown(
    client: FlaskClient, put: Put, tmp_path: Path
) -> None:
    id = put(in_bytes(noise(3)))
    (tmp_path / "pictures" / "picture.png").write_text("<script>alert(1)</script>")
    for what in ("image", "thumbnail"):
        problem(client.get(f"/api/pictures/{id}/{what}"), 410, "original-missing")


def test_a_file_that_is_gone(client: FlaskClient, put: Put, tmp_path: Path) -> None:
    id = put(in_bytes(noise(3)))
    with client.get(f"/api/pictures/{id}/thumbnail") as response:
        assert response.status_code == 200
    (tmp_path / "pictures" / "picture.png").unlink()
    assert problem(client.get(f"/api/pictures/{id}/image"), 410, "original-missing")
    # The thumbnail was kept: a disk that is not mounted leaves the page as it was.
    assert client.get(f"/api/pictures/{id}/thumbnail").status_code == 200
    problem(client.get(f"/api/pictures/{id}/thumbnail?size=640"), 410, "original-missing")


def test_a_file_that_was_changed_has_another_etag(client: FlaskClient, put: Put, tmp_path: Path) -> None:
    id = put(in_bytes(noise(3)))
    file = tmp_path / "pictures" / "picture.png"
    version = client.get(f"/api/pictures/{id}").get_json()["links"]["image"]
    with client.get(version) as response:
        before = response.headers["ETag"]
    file.write_bytes(in_bytes(noise(4)))
    os.utime(file, ns=(1, 1))
    with client.get(version) as response:
        assert response.headers["ETag"] != before
        assert response.headers["Cache-Control"] == "private, no-cache"
    with client.get(f"/api/pictures/{id}/thumbnail") as response:
        assert response.headers["Cache-Control"] == "private, no-cache"


def opened(response: Response) -> Image.Image:
    return Image.open(io.BytesIO(response.data))


@pytest.mark.parametrize(("size", "expected"), [(320, (320, 160)), (640, (640, 320)), (1280, (900, 450))])
def test_thumbnails_fit_and_are_never_enlarged(
    client: FlaskClient, put: Put, size: int, expected: tuple[int, int]
) -> None:
    id = put(in_bytes(Image.new("RGB", (900, 450), "red")))
    with client.get(f"/api/pictures/{id}/thumbnail?size={size}") as response:
        assert (opened(response).format, opened(response).size) == ("WEBP", expected)


def test_a_thumbnail_is_upright_and_on_white(client: FlaskClient, put: Put) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = put(in_bytes(Image.new("RGB", (400, 200)), "JPEG", exif=exif), "turned.jpg")
    with client.get(f"/api/pictures/{turned}/thumbnail") as response:
        assert opened(response).size == (160, 320)
    clear = put(in_bytes(draw("circle", "red")), "clear.png")
    with client.get(f"/api/pictures/{clear}/thumbnail") as response:
        red, green, blue = opened(response).convert("RGB").getpixel((2, 2))  # type: ignore[misc]
        assert min(red, green, blue) > 250


@pytest.mark.parametrize("query", ["size=321", "size=", "size=320;size=640", "width=3"])
def test_other_sizes_are_refused(client: FlaskClient, query: str) -> None:
    problem(client.get(f"/api/pictures/{first(client)['id']}/thumbnail?{query}"), 400, "bad-parameter")


def test_thumbnails_are_made_once(client: FlaskClient) -> None:
    folder = client.application.extensions["services"].settings.data / "thumbnails"
    url = first(client)["links"]["thumbnail"]
    made = client.get(url).data
    (kept,) = folder.rglob("*.webp")
    assert kept.read_bytes() == made
    kept.write_bytes(b"from the cache")
    assert client.get(url).data == b"from the cache"


def test_thumbnails_that_cannot_be_kept_are_shown_nevertheless(client: FlaskClient) -> None:
    data = client.application.extensions["services"].settings.data
    data.mkdir()
    (data / "thumbnails").write_text("a file stands where the folder should be")
    assert client.get(first(client)["links"]["thumbnail"]).status_code == 200


def test_the_cache_keeps_to_its_cap_and_drops_the_oldest(tmp_path: Path) -> None:
    thumbnails = Thumbnails(tmp_path / "kept", 20_000, 10**8, threading.Semaphore(), Originals())
    pictures = []
    for seed in range(12):
        content = in_bytes(noise(seed, 120, 120))
        file = tmp_path / f"{seed}.png"
        file.write_bytes(content)
        picture: Picture = describe(decode(content, 10**8).facts, str(tmp_path), file.name, 0, Metadata())
        thumbnails.get(picture, 320)
        pictures.append(picture)
    kept = {path.name.split("-")[0] for path in (tmp_path / "kept").rglob("*.webp")}
    assert sum(path.stat().st_size for path in (tmp_path / "kept").rglob("*.webp")) <= 20_000
    assert pictures[-1].content_hash in kept
    assert pictures[0].content_hash not in kept
