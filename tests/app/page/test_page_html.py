"""The page as the server sends it, before any script."""

import io
from datetime import date
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from PIL import Image

from app import create_app
from app.pages.showcase import EXAMPLES, Showcase
from imagesearch.records import Filters, Window
from tests.app.conftest import away
from tests.app.page.conftest import PICTURES, Site, draw
from tests.stores import Engine, NewPlace


@pytest.fixture
def client(site: Site) -> FlaskClient:
    return site.app.test_client()


def png(image: Image.Image) -> io.BytesIO:
    content = io.BytesIO()
    image.save(content, "PNG")
    content.seek(0)
    return content


def test_start(client: FlaskClient) -> None:
    page = client.get("/").text
    assert f"Search {PICTURES} pictures" in page
    assert page.count('class="example"') == EXAMPLES
    assert "style=" not in page
    assert "Grace <b>" not in page


def test_the_examples_are_the_same_all_day_and_others_tomorrow(site: Site) -> None:
    store = site.app.extensions["services"].store
    today, tomorrow = date(2026, 11, 21), date(2026, 11, 22)
    first = Showcase().on(today, store, PICTURES)
    again = Showcase().on(today, store, PICTURES)
    assert (again.pictures, again.examples) == (first.pictures, first.examples)
    other = Showcase().on(tomorrow, store, PICTURES)
    assert (other.pictures, other.examples) != (first.pictures, first.examples)
    assert len({p.id for p in first.pictures}) == len(first.pictures) == 24


def test_an_empty_collection_says_how_to_fill_it(
    engine: Engine, new_place: NewPlace, tmp_path: Path, pair: Path
) -> None:
    app = create_app(new_place("my store").settings(model=str(pair), data=tmp_path))
    page = app.test_client().get("/").text
    app.extensions["services"].store.close()
    assert "No pictures yet" in page
    for word in ("python", "ingest", "~/Pictures"):
        assert f"<span>{word}</span>" in page
    assert ("<span>--store</span>" in page) == (engine.url is None)
    assert not engine.url or engine.url not in page


def test_filters_with_counts(client: FlaskClient) -> None:
    page = client.get("/?group=circle&q=round").text
    assert "20 pictures, best first" in page
    assert 'data-key="group:circle"' in page
    assert 'data-key="group:square"' in page, "another group can still be added"
    assert 'aria-label="5 pictures">5</span>' in page, "five of the circles are warm"


def test_filters_of_photographs_with_counts(client: FlaskClient) -> None:
    page = client.get("/?all=1").text
    for key, count in (
        ("camera:Canon EOS 5D", 3),
        ("camera:Nikon Z6", 3),
        ("lens:EF 50mm", 3),
        ("rating:4", 3),
        ("rating:3", 3),
        ("rating:2", 6),
        ("album:circle", 20),
        ("orientation:square", 15),
        ("orientation:landscape", 30),
    ):
        link = page.split(f'data-key="{key}"')[1].split("</a>")[0]
        assert f">{count}</span>" in link, key
    assert "2 stars or more" in page
    assert 'data-key="rating:5"' not in page
    assert 'data-key="format:PNG"' not in page, "all have the same"
    assert 'class="swatch white"' in page
    assert "style=" not in page


def test_one_of_several_cameras_may_be_added(client: FlaskClient) -> None:
    page = client.get("/?camera=Nikon+Z6&rating=2").text
    assert "3 pictures, newest first" in page
    assert 'data-key="camera:Canon EOS 5D"' in page, "another camera can still be added"
    assert 'data-key="rating:4"' not in page, "none of this camera has as many"
    for chip in ("Camera: Nikon Z6", "2 stars or more"):
        assert f"<span>{chip}</span>" in page


def test_colours_narrow_down_and_are_named(client: FlaskClient) -> None:
    page = client.get("/?colour=white&colour=purple&orientation=square").text
    for chip in ("Colour: White", "Colour: Purple", "Square"):
        assert f"<span>{chip}</span>" in page


def test_near_a_place(client: FlaskClient) -> None:
    page = client.get("/?near=46.9,-7.4&within_km=12.5").text
    assert "3 pictures, newest first" in page
    assert "<span>Within 12.5 km of 46.900° N, 7.400° W</span>" in page


def test_dates_and_containing_words(client: FlaskClient) -> None:
    page = client.get("/?date_from=2016-01-01&date_to=2016-12-31&words=circle").text
    assert "3 pictures, newest first" in page
    assert "<span>2016</span>" in page


def test_no_picture_passes_names_the_filter_to_drop(client: FlaskClient) -> None:
    page = client.get("/?group=circle&words=triangle&q=x").text
    assert "No picture passes all these filters" in page
    assert "Drop Group: circle · 20 pictures" in page
    assert "Drop Containing: triangle · 20 pictures" in page


def test_too_high_a_similarity_offers_to_drop_it(client: FlaskClient) -> None:
    page = client.get("/?q=x&similarity=1").text
    assert "Nothing comes that close" in page
    assert 'href="/?q=x"' in page


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/?q=x&k=abc", 400, "k is &#39;abc&#39;"),
        ("/?q=x&k=0", 400, "k is 0"),
        ("/?q=x&date_from=2020-01-02&date_to=2020-01-01", 400, "Swap them"),
        ("/?q=" + "x" * 10_000, 400, "10000 characters"),
        ("/?q=x&rating=9", 400, "rating is &#39;9&#39;"),
        ("/?q=x&near=Bern", 400, "near is &#39;Bern&#39;"),
        ("/?like=nothing", 404, "That picture is not here"),
        ("/pictures/nothing", 404, "That picture is not here"),
        ("/nowhere", 404, "There is no such page"),
        ("/?image=gone&q=snow", 410, "The picture of this search is gone"),
    ],
)
def test_what_went_wrong_is_said_and_the_query_kept(
    client: FlaskClient, path: str, status: int, words: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert words in answer.text
    if "q=x&" in path:
        assert 'value="x"' in answer.text


def test_a_store_that_is_away_is_said_to_be_and_comes_back(
    site: Site, client: FlaskClient, engine: Engine, tmp_path: Path
) -> None:
    with away(site.app, engine, tmp_path / "gone"):
        answer = client.get("/?q=snow")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert 'data-retry="2"' in answer.text
    assert 'value="snow"' in answer.text
    assert str(tmp_path) not in answer.text
    assert "127.0.0.1" not in answer.text
    assert client.get("/?q=snow").status_code == 200


def test_uploading_leads_to_an_address_that_pages_and_filters(client: FlaskClient) -> None:
    data = {"image": (png(draw("circle", "red", 2)), "holiday.png"), "q": "", "group": "circle"}
    sent = client.post("/search", data=data)
    assert sent.status_code == 303
    assert sent.location.startswith("/?image=")
    assert sent.location.endswith("&group=circle")
    page = client.get(sent.location).text
    assert "Your picture" in page
    assert "20 pictures, best first" in page
    assert client.get(sent.location + "&offset=12").status_code == 200
    handle = sent.location.split("image=")[1].split("&")[0]
    thumbnail = client.get(f"/uploads/{handle}")
    assert thumbnail.mimetype == "image/webp"
    assert client.get("/uploads/other").status_code == 404


def test_what_is_no_picture_is_refused(client: FlaskClient) -> None:
    answer = client.post("/search", data={"image": (io.BytesIO(b"no picture"), "x.png"), "q": "kept"})
    assert answer.status_code == 422
    assert "That picture cannot be read" in answer.text
    assert 'value="kept"' in answer.text


def test_the_form_without_a_picture(client: FlaskClient) -> None:
    nothing = (io.BytesIO(b""), "")
    sent = client.post("/search", data={"q": "  two  words ", "image": nothing, "date_from": "", "k": "5"})
    assert sent.location == "/?q=two+words&k=5"
    assert client.get("/search?q=x").location == "/?q=x"


def test_a_picture_on_its_own_page(client: FlaskClient, site: Site) -> None:
    store = site.app.extensions["services"].store
    hit = store.browse(Filters(groups=("circle",)), Window(0, 1)).hits[0]
    page = client.get(f"/pictures/{hit.picture.id}?group=circle&at=0").text
    assert f"<h1>{hit.picture.name}</h1>" in page
    for part in (
        f"/?tag={hit.picture.metadata.tags[0]}",
        "/?group=circle",
        "1 of 20",
        'rel="next"',
        "Find similar",
        "Similar pictures",
    ):
        assert part in page
    assert 'rel="prev"' not in page.split("</head>")[1].split("stage")[0]


def test_a_photograph_on_its_own_page(client: FlaskClient, site: Site) -> None:
    store = site.app.extensions["services"].store
    hit = store.browse(Filters(cameras=("Canon EOS 5D",), groups=("circle",)), Window(0, 1)).hits[0]
    page = client.get(f"/pictures/{hit.picture.id}").text
    for part in (
        '<p class="caption">By the river &lt;i&gt;Aare&lt;/i&gt;</p>',
        '<time datetime="2017-03-03T09:30:00+02:00">3 March 2017, 09:30 UTC+0200</time>',
        'href="/?camera=Canon+EOS+5D"',
        'href="/?lens=EF+50mm"',
        'href="/?near=46.948%2C-7.4474"',
        "46.948° N, 7.447° W",
        '<a href="/?rating=4">4 stars</a>',
        'href="/?album=circle"',
        'class="swatch white"',
    ):
        assert part in page
