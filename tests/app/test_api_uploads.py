"""Pictures that come in with a request: every odd kind that can be read, and every kind that cannot."""

import struct
import threading
import zlib

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import encode_multipart

from tests.app.conftest import MakeClient, draw, in_bytes, problem, upload


def animated() -> bytes:
    frames = [draw("circle", colour).convert("RGB") for colour in ("red", "blue")]
    return in_bytes(frames[0], "GIF", save_all=True, append_images=frames[1:])


def palette_with_alpha() -> bytes:
    image = draw("square", "red").convert("RGB").quantize(8)
    return in_bytes(image, transparency=bytes([0, 128, 255]))


ODD = {
    "1-pixel": in_bytes(Image.new("RGB", (1, 1), "red")),
    "16-bit": in_bytes(Image.new("I;16", (64, 64), 40_000)),
    "cmyk": in_bytes(Image.new("CMYK", (64, 64), (0, 200, 200, 0)), "JPEG"),
    "animated": animated(),
    "palette-with-alpha": palette_with_alpha(),
    "bilevel": in_bytes(Image.new("1", (64, 64))),
    "very-long": in_bytes(Image.new("RGB", (5000, 1), "red")),
    "webp": in_bytes(draw("circle", "red"), "WEBP"),
    "tiff": in_bytes(draw("circle", "red"), "TIFF"),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_pictures_are_searched_by(client: FlaskClient, kind: str) -> None:
    response = client.post("/api/search", data={"image": upload(ODD[kind])})
    assert response.status_code == 200, response.text
    assert len(response.get_json()["results"]) == 24


def bomb(side: int) -> bytes:
    """A PNG of a few bytes that claims to be `side` pixels wide and high."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


TRUNCATED = in_bytes(Image.effect_noise((300, 300), 80), "JPEG")[:4000]
UNREADABLE = {
    "text": b"hello, I am no picture",
    "html": b"<html><script>alert(1)</script></html>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "truncated-jpeg": TRUNCATED,
    "truncated-png": in_bytes(draw("circle", "red"))[:100],
    "pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "zeros": bytes(1000),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_is_no_picture_is_refused(client: FlaskClient, kind: str) -> None:
    response = client.post("/api/search", data={"image": upload(UNREADABLE[kind])})
    assert problem(response, 422, "bad-picture")["detail"].startswith("The uploaded picture is ")


@pytest.mark.parametrize("side", [14_000, 60_000])
def test_a_decompression_bomb_is_refused(client: FlaskClient, side: int) -> None:
    response = client.post("/api/search", data={"image": upload(bomb(side))})
    assert problem(response, 413, "picture-too-large")["detail"].startswith("The uploaded picture has ")


def test_the_caps_are_those_of_the_settings(make_client: MakeClient) -> None:
    client = make_client(max_upload_mb=1, max_megapixels=0.01)
    response = client.post("/api/search", data={"image": upload(in_bytes(draw("circle", "red")))})
    assert "0.01 million" in problem(response, 413, "picture-too-large")["detail"]
    for form, says in (
        ({"q": "a" * 1_200_000}, "1 MiB"),
        ({"q": "a" * 600_000}, "form"),
        ({"tag": ["a"] * 300}, "form"),
    ):
        boundary, body = encode_multipart(form)
        type = f"multipart/form-data; boundary={boundary}"
        response = client.post("/api/search", data=body, content_type=type)
        assert says in problem(response, 413, "upload-too-large")["detail"]


def test_uploads_leave_room_for_searches(app: Flask) -> None:
    intake = app.extensions["services"].intake
    threads = app.extensions["services"].settings.threads
    inside, leave = threading.Semaphore(0), threading.Event()

    def receive() -> None:
        with intake.passing():
            inside.release()
            leave.wait()

    receiving = [threading.Thread(target=receive) for _ in range(threads // 2)]
    for thread in receiving:
        thread.start()
        inside.acquire()
    try:
        client = app.test_client()
        response = client.post("/api/search", data={"image": upload(ODD["1-pixel"])})
        assert problem(response, 503, "busy")
        assert response.headers["Retry-After"]
        assert client.get("/api/search?q=x").status_code == 200
    finally:
        leave.set()
        for thread in receiving:
            thread.join()
    with intake.passing():
        pass


def test_a_failed_upload_leaves_its_place(app: Flask) -> None:
    client = app.test_client()
    for _ in range(app.extensions["services"].settings.threads):
        problem(client.post("/api/search", data={"image": upload(b"no")}), 422, "bad-picture")
