"""Ingest by its command line, within this process: fast, since nothing heavy is imported again."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from imagesearch.records import NO_FILTERS, Picture, Window
from ingest.__main__ import main
from tests.conftest import make_pictures
from tests.stores import NewPlace, Place


@dataclass(frozen=True)
class Bench:
    """A folder of pictures and a store to bring them into."""

    pair: Path
    pictures: Path
    place: Place
    new_place: NewPlace

    def ingest(self, *arguments: object) -> Result:
        """Run `python -m ingest`; without arguments on the folder of pictures."""
        return self.ingest_loudly("--quiet", *(arguments or (self.pictures,)))

    def ingest_loudly(self, *arguments: object) -> Result:
        """The same without --quiet."""
        options = ("pictures", "--model", self.pair, *self.place.options)
        return CliRunner().invoke(main, [*map(str, options), *map(str, arguments)])

    def failures(self) -> list[str]:
        """What `python -m ingest failures` lists."""
        result = CliRunner().invoke(main, ["failures", "--model", str(self.pair), *self.place.options])
        assert result.exit_code == 0, result.output
        return result.output.splitlines()

    def report(self, *arguments: object) -> str:
        """The first line of the report of a run that went well."""
        result = self.ingest(*arguments)
        assert result.exit_code == 0, result.output
        return result.output.splitlines()[0]

    def held(self) -> dict[str, Picture]:
        """What the store holds, by the absolute path of the file."""
        with self.place.opened() as store:
            hits = store.browse(NO_FILTERS, Window(0, 100_000)).hits
        return {f"{h.picture.source}/{h.picture.path}": h.picture for h in hits}

    def beside(self, name: str) -> "Bench":
        """The same pictures with another, empty store."""
        return replace(self, place=self.new_place(name))

    def names(self) -> list[str]:
        return sorted(Path(path).name for path in self.held())


@pytest.fixture
def bench(pair: Path, tmp_path: Path, new_place: NewPlace) -> Bench:
    """Five pictures, nothing ingested yet."""
    make_pictures(tmp_path / "pictures", 5)
    return Bench(pair, tmp_path / "pictures", new_place("store"), new_place)
