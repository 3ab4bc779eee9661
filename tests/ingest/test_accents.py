"""Accents in their letters (NFC) or apart from them (NFD): the same name, whoever writes it how."""

import json
import unicodedata
import zipfile
from itertools import product
from pathlib import Path
from typing import Literal, get_args

import pytest
from click.testing import CliRunner

from imagesearch.__main__ import main as imagesearch
from imagesearch.records import FacetCount, Filters, Metadata
from tests.conftest import noise
from tests.ingest.conftest import Bench

Form = Literal["NFC", "NFD"]
FORMS: tuple[Form, ...] = get_args(Form)
BOTH = list(product(FORMS, FORMS))
# Letters of Latin, Greek, Cyrillic, kana and Hangul that can be written in two ways.
NAME = "Caf\u00e9 \u03ae \u0439 \u30ac \uac00"


def written(form: Form, text: str = NAME) -> str:
    return unicodedata.normalize(form, text)


def found(bench: Bench, *options: str) -> list[str]:
    """The paths that `python -m imagesearch search` finds with these options."""
    bench.place.refresh()
    command = ["search", "--model", str(bench.pair), *bench.place.options, "--json", *options, "snow"]
    result = CliRunner().invoke(imagesearch, command)
    assert result.exit_code == 0, result.output
    return sorted(hit["path"] for hit in json.loads(result.output)["results"])


@pytest.mark.parametrize("form", FORMS)
def test_an_album_is_one_however_its_folders_are_written(bench: Bench, tmp_path: Path, form: Form) -> None:
    paths = []
    for i, other in enumerate(FORMS):
        folder = tmp_path / f"library{i}" / written(other)
        folder.mkdir(parents=True)
        noise(i).save(folder / f"{i}.png")
        paths.append(f"{written(other)}/{i}.png")
        bench.report(folder.parent)
    assert found(bench, "--album", written(form)) == sorted(paths)
    with bench.place.opened() as store:
        assert FacetCount(written("NFC"), 2) in store.facets(Filters()).albums


@pytest.mark.parametrize("form", FORMS)
def test_what_is_given_is_one_however_it_is_written(bench: Bench, tmp_path: Path, form: Form) -> None:
    rows = [
        {
            "path": f"000{i}.png",
            "tags": [written(other), written(form)],
            **dict.fromkeys(("group", "subgroup", "author", "camera", "lens"), written(other)),
        }
        for i, other in enumerate(FORMS)
    ]
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, rows)))
    bench.report("--metadata", tmp_path / "m.jsonl", bench.pictures)
    for option in ("--tag", "--group", "--author", "--camera", "--lens"):
        assert found(bench, option, written(form)) == ["0000.png", "0001.png"]
    with bench.place.opened() as store:
        facets = store.facets(Filters())
    one = (FacetCount(written("NFC"), 2),)
    assert (facets.tags, facets.groups, facets.authors, facets.cameras, facets.lenses) == (one,) * 5
    assert bench.report("--metadata", tmp_path / "m.jsonl", bench.pictures).startswith("0 new, 5 unchanged")


@pytest.mark.parametrize(("row", "file"), BOTH)
@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_metadata_meets_its_file(bench: Bench, tmp_path: Path, row: Form, file: Form, ending: str) -> None:
    path = bench.pictures / written(file) / f"{written(file)}.png"
    path.parent.mkdir()
    noise(9).save(path)
    given = f"{written(row)}/{written(row)}.png"
    text = (
        json.dumps({"path": given, "tags": ["seen"]}) if ending == "jsonl" else f"path,tags\n{given},seen\n"
    )
    (tmp_path / f"m.{ending}").write_text(text)
    result = bench.ingest("--metadata", tmp_path / f"m.{ending}", bench.pictures)
    assert "name no file" not in result.output
    assert bench.held()[str(path)].metadata.tags == ("seen",)
    assert bench.report().startswith("0 new, 6 unchanged")


@pytest.mark.parametrize(("beside", "file"), BOTH)
@pytest.mark.parametrize("pattern", ["{}.png.json", "{}.png.supplemental-metadata.json"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_sidecar_meets_its_picture(
    bench: Bench, beside: Form, file: Form, pattern: str, packed: bool
) -> None:
    picture = bench.pictures / f"{written(file)}.png"
    noise(9).save(picture)
    said = json.dumps({"title": "", "description": "Snow"})
    (bench.pictures / pattern.format(written(beside))).write_text(said)
    source = bench.pictures
    if packed:
        source = bench.pictures.with_suffix(".zip")
        with zipfile.ZipFile(source, "w") as archive:
            for path in bench.pictures.iterdir():
                archive.write(path, path.name)
    bench.report(source)
    assert bench.held()[f"{source}/{picture.name}"].metadata.caption == "Snow"
    assert bench.report(source).startswith("0 new, 6 unchanged")
    assert bench.report(picture if not packed else source).startswith("0 new")


@pytest.mark.parametrize("form", FORMS)
def test_takeouts_cut_names_are_those_of_whole_letters(bench: Bench, form: Form) -> None:
    name = written(form, "\u00e9" * 44)
    noise(9).save(bench.pictures / f"{name}.jpg")
    (bench.pictures / ("\u00e9" * 44 + ".j.json")).write_text('{"title": "", "description": "Snow"}')
    bench.report()
    assert bench.held()[f"{bench.pictures}/{name}.jpg"].metadata.caption == "Snow"


def test_paths_stay_as_they_are(bench: Bench) -> None:
    for form in FORMS:
        noise(9).save(bench.pictures / f"{written(form)}.png")
    assert bench.report().startswith("7 new")
    assert {str(bench.pictures / f"{written(form)}.png") for form in FORMS} <= bench.held().keys()


def test_records_are_composed() -> None:
    apart, whole = written("NFD"), written("NFC")
    known = Metadata(name=apart, tags=(apart, whole), group=apart, caption=apart)
    assert known == Metadata(name=whole, tags=(whole,), group=whole, caption=whole)
