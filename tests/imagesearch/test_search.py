"""The one way to ask: what is looked for, what is refused, and what comes back."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagesearch.embedded import EmbeddedStore
from imagesearch.encoders import Model, ModelSpec
from imagesearch.errors import BadQuery, UnknownPicture, WrongModel
from imagesearch.records import Entry, Filters, FloatArray, ModelIdentity
from imagesearch.search import DEFAULT_LIMIT, Query, Searcher
from imagesearch.views import ByteArray
from tests.conftest import noise
from tests.imagesearch.pieces import day, paths, picture, random_units

COUNT = 30
PICTURES = [noise(i) for i in range(COUNT)]


@pytest.fixture(scope="module")
def vectors(model: Model) -> FloatArray:
    return model.pictures.encode(PICTURES)


@pytest.fixture(scope="module")
def store(vectors: FloatArray, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    with EmbeddedStore(tmp_path_factory.mktemp("store"), create=True) as store:
        store.write(
            [
                Entry(picture(f"{i:02}.png", group="even" if i % 2 == 0 else "odd"), v)
                for i, v in enumerate(vectors)
            ]
        )
        yield store


@pytest.fixture(scope="module")
def searcher(store: EmbeddedStore, model: Model) -> Searcher:
    return Searcher(store, model)


def ranking(vectors: FloatArray, query: FloatArray) -> list[str]:
    return [f"{i:02}.png" for i in np.argsort(-(vectors @ query), kind="stable")]


class TestWhatIsLookedFor:
    def test_words(self, searcher: Searcher, model: Model, vectors: FloatArray) -> None:
        answer = searcher.search(Query("a mountain", limit=COUNT))
        assert paths(answer.page) == ranking(vectors, model.texts.encode(["a mountain"])[0])
        assert (answer.exact, answer.weak) == (True, None)
        assert answer.took_ms > 0

    def test_space_around_words_does_not_count(self, searcher: Searcher) -> None:
        plain, spaced = (searcher.search(Query(w)).page for w in ("a mountain", "  a \n\t mountain "))
        assert plain == spaced

    def test_a_picture_finds_itself_first(self, searcher: Searcher) -> None:
        for i in (0, 7, 29):
            page = searcher.search(Query(picture=PICTURES[i])).page
            assert paths(page)[0] == f"{i:02}.png"
            assert page.hits[0].score == pytest.approx(1, abs=1e-5)

    def test_words_and_a_picture_are_the_normalised_mean(
        self, searcher: Searcher, model: Model, vectors: FloatArray
    ) -> None:
        words = model.texts.encode(["snow"])[0]
        mean = (words + vectors[3]) / np.linalg.norm(words + vectors[3])
        both = Query("snow", picture=PICTURES[3], limit=COUNT)
        np.testing.assert_allclose(searcher.embed(both), mean, atol=1e-5)
        assert np.linalg.norm(searcher.embed(both)) == pytest.approx(1, abs=1e-5)
        assert paths(searcher.search(both).page) == ranking(vectors, mean)

    def test_like_an_indexed_one_without_itself(self, searcher: Searcher, vectors: FloatArray) -> None:
        answer = searcher.search(Query(like=picture("05.png").id, limit=COUNT))
        assert paths(answer.page) == [p for p in ranking(vectors, vectors[5]) if p != "05.png"]
        assert answer.page.total == COUNT - 1

    def test_like_together_with_words_and_filters(self, searcher: Searcher) -> None:
        filters = Filters(groups=("odd",), without=(picture("07.png").id,))
        page = searcher.search(Query("snow", like=picture("05.png").id, filters=filters, limit=COUNT)).page
        assert sorted(paths(page)) == [f"{i:02}.png" for i in range(1, COUNT, 2) if i not in (5, 7)]

    def test_parts_that_cancel_each_other(self, model: Model, tmp_path: Path) -> None:
        with EmbeddedStore(tmp_path, create=True) as store:
            store.write([Entry(picture("anti.png"), -model.texts.encode(["snow"])[0])])
            with pytest.raises(BadQuery, match="cancel each other out"):
                Searcher(store, model).search(Query("snow", like=picture("anti.png").id))


class TestWhatIsRefused:
    @pytest.mark.parametrize("words", ["", " ", "\n\t\u3000"])
    def test_nothing_said(self, searcher: Searcher, words: str) -> None:
        with pytest.raises(BadQuery, match=r"The query is empty\. Say in words"):
            searcher.search(Query(words))

    def test_nothing_at_all(self, searcher: Searcher) -> None:
        with pytest.raises(BadQuery, match=r"The query is empty\. Give words, a picture"):
            searcher.search(Query())

    def test_too_much_said(self, searcher: Searcher) -> None:
        with pytest.raises(BadQuery, match=r"has 10000 characters, more than the 1000 that are allowed"):
            searcher.search(Query("x" * 10_000))
        assert searcher.search(Query("x" * 1000)).page.hits

    def test_ten_thousand_characters_where_they_are_allowed(self, store: EmbeddedStore, model: Model) -> None:
        assert Searcher(store, model, max_query_chars=10_000).search(Query("x " * 5000)).page.hits

    def test_what_is_no_text(self, searcher: Searcher) -> None:
        with pytest.raises(BadQuery, match="not valid text"):
            searcher.search(Query("caf\udce9"))

    def test_an_unknown_id(self, searcher: Searcher) -> None:
        with pytest.raises(UnknownPicture, match="No picture has the id 'nonsense'"):
            searcher.search(Query(like="nonsense"))

    @pytest.mark.parametrize(
        ("query", "says"),
        [
            (Query("x", k=0), "k is 0; it has to be from 1 to 10000."),
            (Query("x", k=10_001), "k is 10001; it has to be from 1 to 10000."),
            (
                Query("x", k=5, num_candidates=4),
                "num_candidates is 4; it has to be from 5 to 10000 (it",
            ),
            (Query("x", num_candidates=0), "num_candidates is 0; it has to be from 1 to 10000."),
            (Query("x", num_candidates=10_001), "num_candidates is 10001;"),
            (Query("x", similarity=1.01), "similarity is 1.01; it has to be from -1 to 1."),
            (Query("x", similarity=-1.01), "similarity is -1.01;"),
            (Query("x", similarity=float("nan")), "similarity is nan;"),
            (Query("x", limit=0), "limit is 0; it has to be from 1 to 10000."),
            (Query("x", limit=10_001), "limit is 10001;"),
            (Query("x", offset=-1), "offset is -1; it has to be 0 or more."),
            (
                Query("x", filters=Filters(date_from=day("2020-01-02"), date_to=day("2020-01-01"))),
                "date_from (2020-01-02) is after date_to (2020-01-01). Swap them.",
            ),
        ],
    )
    def test_numbers_out_of_range(self, searcher: Searcher, query: Query, says: str) -> None:
        with pytest.raises(BadQuery) as refused:
            searcher.search(query)
        assert str(refused.value).startswith(says)

    @pytest.mark.parametrize(
        "query",
        [
            Query("x", k=1),
            Query("x", k=10_000, num_candidates=10_000),
            Query("x", num_candidates=1),
            Query("x", similarity=-1),
            Query("x", limit=10_000, offset=10**15),
            Query("x", filters=Filters(date_from=day("2020-01-01"), date_to=day("2020-01-01"))),
        ],
    )
    def test_the_last_numbers_in_range(self, searcher: Searcher, query: Query) -> None:
        searcher.search(query)


class TestWhatComesBack:
    def test_the_top_5_are_the_first_of_the_top_15(self, searcher: Searcher) -> None:
        for words in ("snow", "a red fox", "雪山"):
            top15 = searcher.search(Query(words, k=15)).page.hits
            assert len(top15) == 15
            assert searcher.search(Query(words, k=5)).page.hits == top15[:5]
            assert searcher.search(Query(words, k=5, num_candidates=5)).page.hits == top15[:5]

    def test_how_many(self, searcher: Searcher) -> None:
        assert len(searcher.search(Query("x")).page.hits) == DEFAULT_LIMIT
        assert len(searcher.search(Query("x", k=7)).page.hits) == 7
        assert len(searcher.search(Query("x", k=7, limit=3)).page.hits) == 3
        assert len(searcher.search(Query("x", k=2, limit=3)).page.hits) == 2

    def test_paging(self, searcher: Searcher) -> None:
        whole = searcher.search(Query("snow", limit=COUNT)).page
        pages = [searcher.search(Query("snow", offset=o, limit=7)).page for o in range(0, COUNT, 7)]
        assert [p for page in pages for p in paths(page)] == paths(whole)
        assert (whole.total, whole.reachable) == (COUNT, COUNT)

    def test_similarity(self, searcher: Searcher) -> None:
        page = searcher.search(Query(picture=PICTURES[0], similarity=0.9999)).page
        assert paths(page) == ["00.png"]
        assert page.total == COUNT


class TestWeak:
    """Whether even the best is probably no match, by the bounds that were measured for the model."""

    def weak(self, searcher: Searcher, query: Query, **bounds: float) -> bool | None:
        spec = ModelSpec(name="m", picture="p", text="t", **bounds)  # type: ignore[arg-type]
        old = searcher.model
        bounded = Model(spec=spec, pictures=old.pictures, texts=old.texts, identity=old.identity)
        return Searcher(searcher.store, bounded).search(query).weak

    def test_words(self, searcher: Searcher) -> None:
        assert self.weak(searcher, Query("x"), weak_words=1.0) is True
        assert self.weak(searcher, Query("x"), weak_words=-1.0) is False
        assert self.weak(searcher, Query("x"), weak_picture=1.0) is None

    def test_a_picture(self, searcher: Searcher) -> None:
        assert self.weak(searcher, Query(picture=PICTURES[0]), weak_picture=0.99) is False
        assert self.weak(searcher, Query(picture=noise(999)), weak_picture=1.0) is True
        assert self.weak(searcher, Query(like=picture("00.png").id), weak_picture=1.0) is True

    def test_not_said_of_both_nor_of_later_pages_nor_of_nothing(self, searcher: Searcher) -> None:
        bounds = {"weak_words": 1.0, "weak_picture": 1.0}
        assert self.weak(searcher, Query("x", picture=PICTURES[0]), **bounds) is None
        assert self.weak(searcher, Query("x", offset=1), **bounds) is None
        assert self.weak(searcher, Query("x", filters=Filters(groups=("none",))), **bounds) is None


def test_an_empty_store_answers(model: Model, tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path, create=True) as store:
        page = Searcher(store, model).search(Query("x")).page
    assert (page.hits, page.total, page.reachable) == ((), 0, 0)


def test_a_store_that_another_model_filled_meanwhile(model: Model, tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path, create=True) as store:
        searcher = Searcher(store, model)
        searcher.search(Query("x"))
        store.adopt(ModelIdentity("other", 512, "0" * 64))
        with pytest.raises(WrongModel, match="was made with the model 'other'"):
            searcher.search(Query("x"))


def test_later_pages_go_on_with_the_embedding_of_the_first(searcher: Searcher) -> None:
    """An encoder that never gives the same twice, as one that divides its work otherwise each time."""
    made = iter(range(1, 100))

    class Shaky:
        view = searcher.model.pictures.view
        runtime = "shaky"

        def encode(self, pictures: Sequence[Image.Image]) -> FloatArray:
            return self.encode_views(np.zeros((len(pictures), 1, 1, 3), dtype=np.uint8))

        def encode_views(self, views: ByteArray) -> FloatArray:
            return random_units(len(views), seed=next(made), dims=searcher.model.spec.dims)

    shaky = replace(searcher, model=replace(searcher.model, pictures=Shaky()))
    picture = Image.new("RGB", (30, 20), "red")
    first = shaky.embed(Query(picture=picture))
    np.testing.assert_array_equal(shaky.embed(Query(picture=picture, offset=24)), first)
    other = Image.new("RGB", (20, 30), "red")
    assert not np.array_equal(shaky.embed(Query(picture=other, offset=24)), first)
    assert not np.array_equal(shaky.embed(Query(picture=picture)), first), "a new search is encoded anew"
