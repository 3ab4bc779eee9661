"""Pictures of which a part is missing, through the command line."""

from PIL import Image

from imagesearch.records import Picture
from tests.conftest import noise
from tests.ingest.conftest import Bench
from tests.stores import embedded_only


def cut(bench: Bench, name: str, share: float) -> None:
    file = bench.pictures / name
    noise(7, 320, 240).resize((320, 240), Image.Resampling.BICUBIC).save(file)
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])


@embedded_only
def test_most_of_one_comes_in_and_the_report_says_so(bench: Bench) -> None:
    cut(bench, "most.jpg", 0.8)
    cut(bench, "little.jpg", 0.2)
    lines = bench.ingest().output.splitlines()
    assert lines[0] == "6 new, 0 unchanged, 0 updated, 0 removed, 1 failed; 6 encoded."
    assert [line.split(": ")[0] for line in lines[1:]] == [f"{bench.pictures}/most.jpg", "failed"]
    assert "is damaged or cut short: 7" in lines[1]
    assert f"{bench.pictures}/little.jpg: is damaged or cut short: only 1" in lines[2]
    found: Picture = bench.held()[f"{bench.pictures}/most.jpg"]
    assert (found.width, found.height) == (320, 240)
