"""A store on a disk that can only be read: a DVD, a snapshot, a read-only mount. Searches work."""

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

from app import create_app
from imagesearch.__main__ import main as imagesearch
from imagesearch.embedded.database import DATABASE
from imagesearch.encoders import Model
from ingest.__main__ import main as ingest
from tests.app.conftest import AUTHORISED, in_bytes, problem, settings_for, upload
from tests.conftest import make_pictures, noise, tmpfs
from tests.stores import Place, embedded_only

pytestmark = embedded_only


def remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", disk], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with tmpfs(tmp_path / "disk", "64m") as mounted:
        yield mounted
        remount(mounted, "rw")


@pytest.fixture
def place(disk: Path, ingested: Place) -> Place:
    """The gallery's store, where nothing can be written."""
    shutil.copytree(ingested.store, disk / "store")
    for beside in disk.glob(f"store/{DATABASE}-*"):
        beside.unlink()
    remount(disk, "ro")
    return Place(str(disk / "store"))


@pytest.fixture
def client(place: Place, tmp_path: Path, pair: Path, model: Model) -> Iterator[FlaskClient]:
    app = create_app(settings_for(place, tmp_path, pair), model)
    yield app.test_client()
    app.extensions["services"].store.close()


def run(pair: Path, place: Place, *arguments: object) -> Result:
    options = ("--quiet", "--model", pair, *place.options)
    return CliRunner().invoke(ingest, ["pictures", *map(str, options), *map(str, arguments)])


def search(pair: Path, place: Place) -> str:
    options = ("--model", str(pair), *place.options)
    done = CliRunner().invoke(imagesearch, ["search", *options, "-k", "100", "circle"])
    assert done.exit_code == 0, done.output
    return done.output


def test_it_is_searched(client: FlaskClient, place: Place, pair: Path) -> None:
    assert client.get("/api/search?q=circle").get_json()["total"] == 24
    found = client.get("/api/pictures?tag=gold").get_json()["results"]
    assert len(found) == 3
    assert client.get("/api/facets").get_json()["total"] == 24
    for url in ("/?q=circle", f"/pictures/{found[0]['id']}", found[0]["links"]["similar"]):
        assert client.get(url).status_code == 200
    for what in ("image", "thumbnail"):
        with client.get(found[0]["links"][what]) as response:
            assert response.status_code == 200
    assert len(search(pair, place).splitlines()) >= 24


def test_it_is_ready_and_says_that_it_takes_no_changes(client: FlaskClient) -> None:
    assert client.get("/ready").status_code == 200
    index = client.get("/health").get_json()["index"]
    assert index["state"] == "warning"
    assert index["words"] == "It takes no changes: its disk can only be read. Searches go on."


def test_changes_are_refused_in_words(client: FlaskClient, place: Place) -> None:
    form = {"image": upload(in_bytes(noise(1)))}
    refused = client.post("/api/pictures", data=form, headers=AUTHORISED)
    assert place.store not in problem(refused, 503, "store-read-only")["detail"]
    known = client.get("/api/pictures").get_json()["results"][0]["links"]["self"]
    problem(client.delete(known, headers=AUTHORISED), 503, "store-read-only")
    assert client.get("/api/search?q=circle").get_json()["total"] == 24


def test_ingest_says_so(place: Place, gallery: Path, pair: Path, tmp_path: Path) -> None:
    assert run(pair, place, "--dry-run", gallery).output.startswith("0 new, 24 unchanged")
    assert run(pair, place, gallery).output.startswith("0 new, 24 unchanged")
    make_pictures(tmp_path / "more", 1)
    refused = run(pair, place, tmp_path / "more")
    assert refused.exit_code == 1
    said = f"The store {place.store} is on a disk that can only be read, and this has to write to it. Copy"
    assert said in refused.output


def test_a_new_store_cannot_be_made_there(place: Place, pair: Path, gallery: Path) -> None:
    refused = run(pair, Place(f"{place.store}-new"), gallery)
    assert refused.exit_code == 1
    assert "cannot be used: Read-only file system" in refused.output


def test_a_store_of_an_older_version_says_what_it_takes(disk: Path, ingested: Place, pair: Path) -> None:
    shutil.copytree(ingested.store, disk / "store")
    with closing(sqlite3.connect(disk / "store" / DATABASE)) as db:
        db.execute("PRAGMA user_version = 1")
        db.commit()
    remount(disk, "ro")
    options = ("--model", str(pair), "--store", str(disk / "store"))
    refused = CliRunner().invoke(imagesearch, ["search", *options, "circle"])
    assert refused.exit_code == 1
    assert "this has to write to it. Copy the folder to another disk" in refused.output


@pytest.mark.parametrize("kept", [f"{DATABASE}-shm", None])
def test_what_was_in_use_when_it_was_copied(
    disk: Path, ingested: Place, pair: Path, gallery: Path, tmp_path: Path, kept: str | None
) -> None:
    """With all of its files what was written last is found; it is never left out without a word."""
    shutil.copytree(ingested.store, tmp_path / "store")
    place, copy = Place(str(tmp_path / "store")), Place(str(disk / "store"))
    make_pictures(tmp_path / "more", 1)
    with place.opened():
        assert run(pair, place, tmp_path / "more").output.startswith("1 new")
        shutil.copytree(place.store, copy.store)
    assert (disk / f"store/{DATABASE}-wal").stat().st_size
    if kept is None:
        (disk / f"store/{DATABASE}-shm").unlink()
    remount(disk, "ro")
    if kept:
        assert "more/0000.png" in search(pair, copy)
    else:
        options = ("--model", str(pair), *copy.options)
        refused = CliRunner().invoke(imagesearch, ["search", *options, "circle"])
        assert "this has to write to it. Copy the folder to another disk" in refused.output
