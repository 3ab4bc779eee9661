"""`python -m imagesearch search`: what it prints, and what it says when it cannot."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from imagesearch.__main__ import main
from imagesearch.records import picture_id
from ingest.__main__ import main as ingest
from tests.conftest import environment, make_pictures, noise, run_module
from tests.stores import Engine, Place, elastic_only, embedded_only


@dataclass(frozen=True)
class Home:
    """A folder with `pictures`, and the store that they are in."""

    folder: Path
    pair: Path
    place: Place

    @property
    def pictures(self) -> Path:
        return self.folder / "pictures"

    def search(self, *arguments: object) -> Result:
        """Run `python -m imagesearch search`."""
        options = ("--model", self.pair, *self.place.options)
        return CliRunner().invoke(main, ["search", *map(str, options), *map(str, arguments)])

    def found(self, *arguments: object) -> list[str]:
        """The names of the files found."""
        done = self.search("--json", *arguments)
        assert done.exit_code == 0, done.output
        return [result["path"] for result in json.loads(done.output)["results"]]


@pytest.fixture(scope="module")
def home(engine: Engine, pair: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Twelve pictures, two of them described, and ingested."""
    folder = tmp_path_factory.mktemp("home")
    make_pictures(folder / "pictures", 12)
    rows = [
        {"path": "0003.png", "name": "Snow 雪山", "tags": ["cold"], "group": "nature", "date": "2019-05-01"},
        {"path": "0004.png", "tags": ["cold", "dark"], "author": "Ann", "date": "2021-05-01"},
        {
            "path": "0006.png",
            "caption": "By the river",
            "camera": "Canon",
            "lens": "50mm",
            "rating": 4,
            "latitude": 46.948,
            "longitude": 7.4474,
        },
    ]
    (folder / "m.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with engine.place(folder / "store") as place:
        options = ["--quiet", "--model", pair, *place.options, "--metadata", folder / "m.jsonl"]
        done = CliRunner().invoke(ingest, ["pictures", *map(str, options), str(folder / "pictures")])
        assert done.exit_code == 0, done.output
        yield Home(folder, pair, place)


class TestAnswers:
    def test_score_and_path_best_first(self, home: Home) -> None:
        done = home.search("a mountain", "-k", 5)
        lines = [line.split("  ") for line in done.output.splitlines()]
        assert (done.exit_code, len(lines)) == (0, 5)
        assert all(Path(path).is_file() for _, path in lines)
        scores = [float(score) for score, _ in lines]
        assert scores == sorted(scores, reverse=True)

    def test_json(self, home: Home) -> None:
        answer = json.loads(home.search("x", "-k", "3", "--tag", "cold", "--json").output)
        assert answer["total"] == 2
        one = next(r for r in answer["results"] if r["path"] == "0003.png")
        assert one["id"] == picture_id(str(home.pictures), "0003.png")
        assert (one["name"], one["source"]) == ("Snow 雪山", str(home.pictures))
        assert 0 <= one["score"] <= 1

    def test_by_a_picture(self, home: Home) -> None:
        assert home.found("--image", home.pictures / "0007.png")[0] == "0007.png"

    def test_by_a_picture_that_is_not_indexed(self, home: Home, tmp_path: Path) -> None:
        noise(8, 48, 40).save(tmp_path / "query.jpg", quality=95)
        assert home.found("--image", tmp_path / "query.jpg")[0] == "0008.png"

    def test_words_and_a_picture(self, home: Home) -> None:
        assert len(home.found("snow", "--image", home.pictures / "0007.png", "-k", 12)) == 12

    def test_like_one_of_them(self, home: Home) -> None:
        results = home.found("--like", picture_id(str(home.pictures), "0003.png"), "-k", 100)
        assert len(results) == 11
        assert "0003.png" not in results

    def test_hybrid_ranks_by_names_and_tags_too(self, home: Home) -> None:
        plain, hybrid = (home.found("cold", "-k", 12, *option) for option in ((), ("--hybrid",)))
        assert sorted(plain) == sorted(hybrid)
        assert set(hybrid[:2]) == {"0003.png", "0004.png"}, "both are tagged so"

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (("--tag", "cold"), {"0003.png", "0004.png"}),
            (("--tag", "cold", "--tag", "dark"), {"0004.png"}),
            (("--group", "nature", "--group", "none"), {"0003.png"}),
            (("--author", "Ann"), {"0004.png"}),
            (("--date-from", "2020-01-01"), {"0004.png"}),
            (("--date-to", "2020-01-01"), {"0003.png"}),
            (("--containing", "雪"), {"0003.png"}),
            (("--containing", "0005 png"), {"0005.png"}),
            (("--containing", "river"), {"0006.png"}),
            (("--camera", "Canon", "--lens", "50mm"), {"0006.png"}),
            (("--rating", "3"), {"0006.png"}),
            (("--near", "46.9,7.4"), {"0006.png"}),
            (("--near", "46.9,7.4", "--within-km", "2"), set()),
            (("--album", "pictures", "--format", "png", "--tag", "dark"), {"0004.png"}),
            (("--album", "none"), set()),
            (("--orientation", "portrait"), set()),
            (("--phash", "none"), set()),
        ],
    )
    def test_filters(self, home: Home, arguments: tuple[str, ...], expected: set[str]) -> None:
        assert set(home.found("x", *arguments)) == expected

    def test_nothing_close_enough(self, home: Home) -> None:
        assert home.search("x", "--similarity", "1").output == "Nothing was found.\n"

    def test_nothing_to_find(self, home: Home) -> None:
        done = home.search("x", "--tag", "none")
        assert "the store is empty, or no picture in it passes the filters" in done.output


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ((), "The query is empty. Give words"),
            (("",), "The query is empty. Say in words"),
            (("x" * 10_000,), "The query has 10000 characters"),
            (("x", "-k", "0"), "k is 0; it has to be from 1"),
            (("x", "--num-candidates", "5"), "num_candidates is 5; it has to be from 10"),
            (("x", "--similarity", "2"), "similarity is 2.0; it has to be from -1 to 1"),
            (("x", "--date-from", "2020-01-02", "--date-to", "2020-01-01"), "Swap them"),
            (("--like", "nonsense"), "No picture has the id 'nonsense'"),
            (("--image", "/no/such.png"), "/no/such.png cannot be read: No such file or directory."),
            (("--image", "/proc/version"), "/proc/version is not a picture in a format that is read here."),
        ],
    )
    def test_one_clear_line(self, home: Home, arguments: tuple[str, ...], says: str) -> None:
        done = home.search(*arguments)
        assert done.exit_code == 1
        assert done.output.startswith("Error: ")
        assert says in done.output
        assert done.output.count("\n") == 1

    @pytest.mark.parametrize("arguments", [("x", "-k", "many"), ("x", "--date-to", "1.1.2020"), ("x", "y")])
    def test_wrong_usage(self, home: Home, arguments: tuple[str, ...]) -> None:
        assert home.search(*arguments).exit_code == 2

    @pytest.mark.parametrize(
        ("option", "value", "says"),
        [
            ("--near", "bern", "has to be latitude and longitude in degrees"),
            ("--near", "95,7", "has to be latitude and longitude in degrees"),
            ("--within-km", "0", "0.0 is not in the range"),
            ("--rating", "9", "9 is not in the range"),
            ("--colour", "mauve", "'black', 'grey'"),
            ("--orientation", "upright", "'landscape'"),
        ],
    )
    def test_a_filter_that_cannot_be(self, home: Home, option: str, value: str, says: str) -> None:
        done = home.search("x", option, value)
        assert done.exit_code == 2
        assert option in done.output
        assert says in done.output

    @embedded_only
    def test_no_store(self, home: Home) -> None:
        none = home.folder / "none"
        done = home.search("x", "--store", none)
        assert done.exit_code == 1
        assert "There is no store in" in done.output
        assert not none.exists()

    @elastic_only
    def test_no_index(self, home: Home) -> None:
        done = home.search("x", "--index", f"{home.place.index}-none")
        assert done.exit_code == 0
        assert "the store is empty" in done.output

    def test_another_model(self, home: Home, other_pair: Path) -> None:
        done = replace(home, pair=other_pair).search("x")
        assert done.exit_code == 1
        assert "was made with the model" in done.output

    def test_words_that_are_no_text(self, home: Home) -> None:
        options = ["--model", str(home.pair), *home.place.options]
        done = subprocess.run(
            [sys.executable, "-m", "imagesearch", "search", *options, b"caf\xe9"],
            env=environment(LC_ALL="C.UTF-8"),
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (
            1,
            b"Error: The query is not valid text. Type it in UTF-8.\n",
        )


class TestAsAProcess:
    def test_the_environment_names_model_and_store(self, home: Home) -> None:
        named = {"MODEL": str(home.pair), **home.place.environment}
        done = run_module("imagesearch", "search", "snow", "-k", 3, cwd=home.folder, **named)
        assert (done.returncode, done.stderr) == (0, "")
        assert len(done.stdout.splitlines()) == 3

    def test_help_costs_no_model(self, home: Home) -> None:
        done = run_module("imagesearch", "search", "--help", cwd=home.folder)
        assert done.returncode == 0
        assert "[env: MODEL; default: clip]" in " ".join(done.stdout.split())
