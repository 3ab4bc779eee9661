"""Originals and thumbnails of pictures that lie in archives and object stores."""

import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from imagesearch.entries import describe
from imagesearch.pictures import decode
from imagesearch.records import Entry, Metadata
from imagesearch.sources import FoundFile, open_source
from imagesearch.store import Store
from localnode.node import free_port
from tests.app.conftest import MakeClient, in_bytes, problem
from tests.conftest import noise
from tests.s3 import Client, put

CONTENT = in_bytes(noise(7))
OTHER = in_bytes(noise(8))

# Writes the content of the picture there, or nothing any more.
Write = Callable[[bytes | None], None]


@pytest.fixture
def client(make_client: MakeClient) -> FlaskClient:
    return make_client()


@pytest.fixture(autouse=True)
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where copies are made; nothing may be left there."""
    folder = tmp_path / "copies"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture(params=["zip", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Write]:
    """A source with `sub/a.png`, and what changes that."""
    if request.param == "zip":
        file = tmp_path / "pictures.zip"

        def pack(content: bytes | None) -> None:
            with zipfile.ZipFile(file, "w") as packed:
                packed.writestr("other.txt", "text")
                if content:
                    packed.writestr("sub/a.png", content)

        return str(file), pack
    s3: Client = request.getfixturevalue("s3")
    url: str = request.getfixturevalue("bucket")

    def send(content: bytes | None) -> None:
        put(s3, f"{url}/other.txt", b"text")
        if content:
            put(s3, f"{url}/sub/a.png", content)
        else:
            s3.rm("pictures/sub/a.png")

    return url, send


def known(client: FlaskClient, source: str, file: FoundFile | None = None, **fields: object) -> str:
    """The id of a record as ingest would have written it of CONTENT at sub/a.png."""
    store: Store = client.application.extensions["services"].store
    mtime_ns = file.mtime_ns if file else 0
    made = describe(decode(CONTENT, 10**8).facts, source, "sub/a.png", mtime_ns, Metadata())
    picture = replace(made, **fields)  # type: ignore[arg-type]
    store.write([Entry(picture, np.full(512, 512**-0.5, dtype=np.float32))])
    return picture.id


@pytest.fixture
def id(client: FlaskClient, place: tuple[str, Write]) -> str:
    """That of a picture that is there."""
    source, write = place
    write(CONTENT)
    return known(client, source, open_source(source)[0].found("sub/a.png"))


def test_they_are_shown(client: FlaskClient, id: str) -> None:
    links = client.get(f"/api/pictures/{id}").get_json()["links"]
    with client.get(links["image"]) as response:
        assert (response.data, response.mimetype) == (CONTENT, "image/png")
        assert response.headers["Cache-Control"].endswith("immutable")
        assert "filename=a.png" in response.headers["Content-Disposition"]
        etag, changed = response.headers["ETag"], response.headers["Last-Modified"]
    with client.get(links["image"]) as again:
        assert (again.headers["ETag"], again.headers["Last-Modified"]) == (etag, changed)
    with client.get(links["image"], headers={"Range": "bytes=0-7"}) as part:
        assert (part.status_code, part.data) == (206, b"\x89PNG\r\n\x1a\n")
    with client.get(links["image"], headers={"If-None-Match": etag}) as unchanged:
        assert (unchanged.status_code, unchanged.data) == (304, b"")
    with client.get(links["thumbnail"]) as thumbnail:
        assert thumbnail.mimetype == "image/webp"


def test_one_that_was_replaced(client: FlaskClient, id: str, place: tuple[str, Write]) -> None:
    url = client.get(f"/api/pictures/{id}").get_json()["links"]["image"]
    with client.get(url) as response:
        etag = response.headers["ETag"]
    place[1](OTHER)
    with client.get(url, headers={"If-None-Match": etag}) as response:
        assert (response.status_code, response.data) == (200, OTHER)
        assert response.headers["Cache-Control"] == "private, no-cache"


def test_one_that_is_gone(client: FlaskClient, id: str, place: tuple[str, Write]) -> None:
    assert client.get(f"/api/pictures/{id}/thumbnail").status_code == 200
    place[1](None)
    said = problem(client.get(f"/api/pictures/{id}/image"), 410, "original-missing")
    assert "any more" in said["detail"]
    # The thumbnail was kept.
    assert client.get(f"/api/pictures/{id}/thumbnail").status_code == 200


@pytest.mark.parametrize("path", ["../sub/a.png", "/sub/a.png", "sub/../../a.png", ""])
def test_a_record_that_leads_out_shows_nothing(
    client: FlaskClient, place: tuple[str, Write], path: str
) -> None:
    place[1](CONTENT)
    id = known(client, place[0], path=path)
    for what in ("image", "thumbnail"):
        said = problem(client.get(f"/api/pictures/{id}/{what}"), 410, "original-missing")
        assert "leads out" in said["detail"]


def test_a_source_that_is_gone_is_not_named_to_strangers(client: FlaskClient, tmp_path: Path) -> None:
    for source in (
        str(tmp_path / "attic.zip"),
        str(tmp_path / "attic"),
        "s3://user:secret@bucket",
        "http://host",
    ):
        id = known(client, source, path="sub/b.png")
        for what in ("image", "thumbnail?size=1280"):
            said = problem(client.get(f"/api/pictures/{id}/{what}"), 410, "original-missing")
            assert "cannot be reached now" in said["detail"]
            assert not [word for word in ("attic", "secret", "http", str(tmp_path)) if word in said["detail"]]


def test_an_object_store_that_does_not_answer(
    client: FlaskClient, s3: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    type(s3).clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    id = known(client, "s3://pictures")
    said = problem(client.get(f"/api/pictures/{id}/image"), 410, "original-missing")
    assert "cannot be reached now" in said["detail"]


def test_a_package_that_is_missing_is_named(client: FlaskClient) -> None:
    """Google's is not among those that the tests install."""
    said = problem(client.get(f"/api/pictures/{known(client, 'gs://bucket')}/image"), 410, "original-missing")
    assert "take the package gcsfs, which is not installed" in said["detail"]
