"""The plan's formulas, and the documents that are made with them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from benchmarks.knn import report, scale, tables
from benchmarks.knn.blocks import filled
from benchmarks.knn.curves import Line, draw
from benchmarks.knn.plan import GB, Hardware, Layout, candidates, hours, plan
from benchmarks.knn.rows import as_the_application_asks, at, read
from imagesearch.config import PROJECT, IndexType, Settings
from imagesearch.elastic.mapping import CANDIDATES, IndexPlan, index_body
from ingest.__main__ import main as ingest

DOCS = PROJECT / "docs"


@pytest.mark.parametrize(
    ("kind", "memory"), [("hnsw", 2112), ("int8_hnsw", 580), ("int4_hnsw", 324), ("bbq_hnsw", 142)]
)
def test_memory_is_what_elastic_says(kind: IndexType, memory: int) -> None:
    assert Layout().memory(kind) == memory


@pytest.mark.parametrize("kind", tables.KINDS)
def test_the_formula_of_disk_holds_where_it_was_measured(kind: IndexType) -> None:
    of = read(report.FEW)["kinds"][kind]
    measured = tables.parts(of["merge"]["disk"], of["load"]["count"])
    vectors = measured["floats"] + measured["quantised"] + measured["graph"]
    assert Layout().disk(kind, document=0) == pytest.approx(vectors, rel=0.02)


def test_a_plan_takes_what_is_scarcest() -> None:
    billion = plan(10**9, "int8_hnsw", document=372)
    assert (billion.memory, billion.disk) == (580 * GB, 3000 * GB)
    assert billion.shards == 60
    assert billion.nodes == 34  # 1160 GB of page cache, 34.4 GB each
    assert plan(10**9, "int8_hnsw", 372, hardware=Hardware(disk=100 * GB)).nodes == 86
    assert plan(10**6, "bbq_hnsw", 372).nodes == 2  # one copy each
    assert plan(10**9, "bbq_hnsw", document=0, layout=Layout(dims=8, m=1)).shards == 5  # 200 million each


def test_hours_and_reads() -> None:
    assert hours(3_600_000, per_second=10, machines=4) == 25
    assert candidates(54, 200) == 10_800
    assert candidates(1, 10, 1.5) == 15


@pytest.mark.parametrize("kind", tables.KINDS)
def test_the_defaults_are_where_the_curves_level_off(kind: IndexType) -> None:
    rows = as_the_application_asks(read(report.FEW), kind, "merged")
    by_picture, in_words = (at(rows, queries, CANDIDATES[kind]) for queries in ("picture", "text"))
    assert by_picture
    assert by_picture["at_10"] > 0.99
    assert in_words
    assert in_words["at_10"] > (0.92 if kind == "bbq_hnsw" else 0.97)


def test_filters_are_walked_as_the_document_says() -> None:
    settings = index_body(IndexPlan(), dims=512, meta={})["settings"]["index"]
    assert settings["dense_vector"] == {"hnsw_filter_heuristic": "fanout"}
    assert "indices have `fanout`" in (DOCS / "knn.md").read_text(encoding="utf-8")


def test_blocks_are_filled_and_the_rest_is_kept() -> None:
    text = "a\n<!-- one -->\nold\n<!-- end -->\nb\n<!-- two, 1 % -->\n<!-- end -->\n"
    written = filled(text, {"one": "new\n", "two, 1 %": "x"})
    assert written == "a\n<!-- one -->\nnew\n<!-- end -->\nb\n<!-- two, 1 % -->\nx\n<!-- end -->\n"
    with pytest.raises(KeyError, match="one"):
        filled(text, {})


@pytest.mark.parametrize("name", ["knn.md", "scale.md"])
def test_the_tables_are_those_of_the_results(name: str) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    assert filled(text, report.documents(read(report.FEW), read(report.MANY))[name]) == text


@pytest.mark.parametrize("name", ["knn.md", "scale.md"])
def test_what_the_documents_point_to_is_there(name: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", (DOCS / name).read_text(encoding="utf-8")):
        assert (DOCS / target).is_file(), target


def test_the_curves_are_drawn_from_the_results(tmp_path: Path) -> None:
    few = read(report.FEW)
    draw(tmp_path / "some.svg", report.kinds(few))
    drawn = (tmp_path / "some.svg").read_text(encoding="utf-8")
    assert all(f">{kind}</text>" in drawn for kind in tables.KINDS)
    assert (DOCS / "knn-kinds.svg").read_text(encoding="utf-8") == drawn


def test_a_line_without_rows_is_no_curve(tmp_path: Path) -> None:
    draw(tmp_path / "some.svg", [Line("missing", "hnsw", [])])
    assert "missing" not in (tmp_path / "some.svg").read_text(encoding="utf-8")


def job() -> dict[str, Any]:
    """The Indexed Job of docs/scale.md."""
    (block,) = re.findall(r"```yaml\n(.*?)```", (DOCS / "scale.md").read_text(encoding="utf-8"), re.DOTALL)
    parsed: dict[str, Any] = yaml.safe_load(block)
    return parsed


def test_the_job_gives_each_pod_its_part() -> None:
    spec = job()["spec"]
    assert (job()["apiVersion"], job()["kind"], spec["completionMode"]) == ("batch/v1", "Job", "Indexed")
    (container,) = spec["template"]["spec"]["containers"]
    shard = container["args"][container["args"].index("--shard") + 1]
    assert shard == f"$(JOB_COMPLETION_INDEX)/{spec['completions']}"
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in spec["template"]["spec"]["volumes"]}


def test_the_jobs_command_is_one_that_ingest_takes(tmp_path: Path, pair: Path) -> None:
    (container,) = job()["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["python", "-m", "ingest"]
    args = [arg.replace("$(JOB_COMPLETION_INDEX)", "0") for arg in container["args"]]
    ours = ["--model", str(pair), "--store", str(tmp_path / "store"), str(tmp_path / "none")]
    said = CliRunner().invoke(ingest, [*args[:-1], *ours])
    assert said.exit_code == 1  # understood, and there are no pictures
    assert "none" in said.output


def test_the_jobs_settings_are_settings() -> None:
    (container,) = job()["spec"]["template"]["spec"]["containers"]
    assert {env["name"].lower() for env in container["env"]} <= set(Settings.model_fields)
    values = {env["name"]: env.get("value") for env in container["env"]}
    document = scale.measured(read(report.FEW), read(report.MANY)).document
    assert int(values["SHARDS"]) == plan(10**9, values["INDEX_TYPE"], document).shards
