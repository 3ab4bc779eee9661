"""The arrows between the rooms, read from the code and from what importing really loads."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagesearch.config import PROJECT
from tests.conftest import environment

ROOMS = ("imagesearch", "ingest", "app", "deploy")
HEAVY = ("torch", "sentence_transformers", "transformers")


def modules(*rooms: str) -> list[str]:
    """The files of the rooms, relative to the project."""
    return sorted(str(f.relative_to(PROJECT)) for room in rooms for f in (PROJECT / room).rglob("*.py"))


def imported(file: str) -> set[str]:
    """Every module that a file names in an import, anywhere in it, but for those of type checking only."""
    return set(_names(ast.parse((PROJECT / file).read_text(encoding="utf-8")), Path(file).parent))


def _names(node: ast.AST, package: Path) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parents = package.parts[: len(package.parts) - node.level + 1] if node.level else ()
        base = ".".join([*parents, *([node.module] if node.module else [])])
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    for child in ast.iter_child_nodes(node):
        yield from _names(child, package)


def rooms_of(file: str) -> set[str]:
    """Which top-level packages a file imports."""
    return {name.split(".")[0] for name in imported(file)}


def test_the_reader_of_imports_reads_them(tmp_path: Path) -> None:
    code = "import a.b\ndef f():\n from c import d\nif TYPE_CHECKING:\n import e\nfrom . import g"
    names = set(_names(ast.parse(code), Path("room")))
    assert names == {"a.b", "c", "c.d", "room", "room.g"}


@pytest.mark.parametrize("file", modules(*ROOMS))
def test_the_arrows_between_the_rooms(file: str) -> None:
    room = file.split("/", maxsplit=1)[0]
    others = {
        "imagesearch": {"app", "ingest", "deploy"},
        "ingest": {"app", "deploy"},
        "app": {"ingest", "deploy"},
        "deploy": {"app", "ingest"},
    }[room]
    assert not rooms_of(file) & (others | {"tests", "benchmarks", "notebooks", "localnode"})


def test_the_mapping_has_one_reader() -> None:
    readers = [f for f in modules(*ROOMS) if "es-mappings" in (PROJECT / f).read_text(encoding="utf-8")]
    assert readers == ["imagesearch/elastic/mapping.py"]


@pytest.mark.parametrize("file", ["imagesearch/records.py", "imagesearch/errors.py"])
def test_the_ground_floor_imports_nothing_of_ours(file: str) -> None:
    assert not rooms_of(file) & set(ROOMS)


@pytest.mark.parametrize(
    ("packages", "only"),
    [
        ({"huggingface_hub"}, ["imagesearch/hub.py"]),
        ({"eland"}, ["ingest/deploy.py"]),
        ({"fsspec"}, ["imagesearch/sources/remote.py"]),
        ({"watchdog"}, ["ingest/events.py"]),
    ],
)
def test_each_engine_has_one_importer(packages: set[str], only: list[str]) -> None:
    assert [file for file in modules(*ROOMS) if rooms_of(file) & packages] == only


@pytest.mark.parametrize(
    ("packages", "room"),
    [
        ({"elasticsearch", "elastic_transport"}, "imagesearch/elastic"),
        ({"sqlite3"}, "imagesearch/embedded"),
        (
            {
                "torch",
                "sentence_transformers",
                "transformers",
                "safetensors",
                "onnxruntime",
                "tokenizers",
                "filelock",
            },
            "imagesearch/runtimes",
        ),
    ],
)
def test_each_engine_has_one_room(packages: set[str], room: str) -> None:
    importers = {str(Path(file).parent) for file in modules(*ROOMS) if rooms_of(file) & packages}
    assert importers == {room}


def test_flask_stays_in_the_app() -> None:
    web = {"flask", "werkzeug", "flask_openapi3", "gunicorn"}
    assert not [file for file in modules("imagesearch", "ingest") if rooms_of(file) & web]


@pytest.mark.parametrize("module", ["app", "imagesearch.__main__", "ingest.__main__", "imagesearch.clip"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    heavy = (*HEAVY, "huggingface_hub", "eland", "elasticsearch")
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
