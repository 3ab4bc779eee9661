"""Ingest by its command line, within this process: fast, since nothing heavy is imported again."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from imagesearch.records import NO_FILTERS, Picture, Window
from imagesearch.store import open_store
from ingest.__main__ import main
from tests.conftest import make_pictures


@dataclass(frozen=True)
class Bench:
    """A folder of pictures and a store to bring them into."""

    pair: Path
    pictures: Path
    location: Path

    def ingest(self, *arguments: object) -> Result:
        """Run `python -m ingest`; without arguments on the folder of pictures."""
        given = arguments or (self.pictures,)
        options = ("pictures", "--quiet", "--model", self.pair, "--store", self.location)
        return CliRunner().invoke(main, [*map(str, options), *map(str, given)])

    def report(self, *arguments: object) -> str:
        """The first line of the report of a run that went well."""
        result = self.ingest(*arguments)
        assert result.exit_code == 0, result.output
        return result.output.splitlines()[0]

    def held(self) -> dict[str, Picture]:
        """What the store holds, by the absolute path of the file."""
        with open_store(str(self.location)) as store:
            hits = store.browse(NO_FILTERS, Window(0, 100_000)).hits
        return {f"{h.picture.source}/{h.picture.path}": h.picture for h in hits}

    def names(self) -> list[str]:
        return sorted(Path(path).name for path in self.held())


@pytest.fixture
def bench(pair: Path, tmp_path: Path) -> Bench:
    """Five pictures, nothing ingested yet."""
    make_pictures(tmp_path / "pictures", 5)
    return Bench(pair, tmp_path / "pictures", tmp_path / "store")
