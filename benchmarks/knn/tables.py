"""The tables of docs/knn.md, made from what was measured."""

from collections.abc import Iterable, Sequence

from benchmarks.knn.asking import NUM_CANDIDATES
from benchmarks.knn.measuring import FANOUT
from benchmarks.knn.plan import Layout
from benchmarks.knn.rows import Content, Row, as_the_application_asks, at, plain
from imagesearch.config import IndexType
from imagesearch.elastic.mapping import CANDIDATES

KINDS: tuple[IndexType, ...] = ("hnsw", "int8_hnsw", "int4_hnsw", "bbq_hnsw")
LOCAL = ("usearch", "embedded")
# What is measured with a million pictures.
_MANY: tuple[IndexType, ...] = ("int8_hnsw", "bbq_hnsw")
_FILTERED = ("10 %", "1 %", "0.1 %")
_HEURISTIC = {"as loaded": "acorn", "merged": "acorn", FANOUT: "fanout"}
# What the embedding's field keeps, by the endings of Lucene's files.
VECTOR_FILES = {"vec": "floats", "veq": "quantised", "veb": "quantised", "vex": "graph"}


def recall(content: Content, stage: str = "merged") -> str:
    """recall@10 over num_candidates, by kind and sort of query."""
    head = ["kind", "queries", *map(str, NUM_CANDIDATES)]
    lines = []
    for kind in (*KINDS, *LOCAL):
        rows = as_the_application_asks(content, kind, stage)
        for queries in ("picture", "text"):
            found = [at(rows, queries, num_candidates) for num_candidates in NUM_CANDIDATES]
            if any(found):
                lines.append([kind, queries, *map(share, found)])
    return table(head, lines)


def defaults(content: Content) -> str:
    """num_candidates when nobody says, and recall@10 with it, in one segment."""
    lines = []
    for kind in KINDS:
        n = CANDIDATES[kind]
        stages = {"all": "merged", "10 %": FANOUT, "1 %": FANOUT}
        of = [as_the_application_asks(content, kind, stage, scope) for scope, stage in stages.items()]
        found = [at(rows, queries, n) for rows in of for queries in ("picture", "text")]
        lines.append([kind, str(n), *map(share, found)])
    ends = ("", ", 10 % pass", ", 1 % pass")
    heads = [f"{queries}{end}" for end in ends for queries in ("by picture", "in words")]
    return table(["kind", "num_candidates", *heads], lines)


def million(content: Content) -> str:
    """What is there of a larger collection: its cost and its recall, before and after the merge."""
    kinds = [kind for kind in KINDS if "as loaded" in content["kinds"].get(kind, {})]
    if not kinds:
        return "Not measured yet: the command is below.\n"
    lines = []
    for kind in kinds:
        load = content["kinds"][kind]["load"]
        per = 1000 * load["cpu_seconds"] / load["count"]
        lines.append([kind, f"{load['count']:,}", f"{len(load['segments'])}", f"{per:.2f} ms"])
    curves = "![Recall with 100,000 and with 1,000,000 pictures](knn-sizes.svg)\n"
    loaded = table(["kind", "pictures", "segments as loaded", "CPU to index one"], lines)
    found = [curves, loaded, "recall@10, as loaded:\n", recall(content, "as loaded")]
    if any("merged" in content["kinds"][kind] for kind in kinds):
        found += ["recall@10, in one segment:\n", recall(content), cost(content)]
    missing = [kind for kind in _MANY if "merged" not in content["kinds"].get(kind, {})]
    if missing:
        found.append(f"Not measured yet in one segment: {', '.join(missing)}.\n")
    return "\n".join(found)


def filtered(content: Content, kinds: Iterable[IndexType], *stages: str) -> str:
    """recall@10 under filters, at each stage; only where it was measured."""
    lines = []
    for kind in kinds:
        for queries in ("picture", "text"):
            for scope in _FILTERED:
                for stage in stages:
                    rows = as_the_application_asks(content, kind, stage, scope)
                    found = [at(rows, queries, num_candidates) for num_candidates in NUM_CANDIDATES]
                    if any(found):
                        lines.append([kind, queries, scope, _HEURISTIC[stage], *map(share, found)])
    return table(["kind", "queries", "pass", "heuristic", *map(str, NUM_CANDIDATES)], lines)


def oversampling(content: Content) -> str:
    """recall@10 for k of 10, by how many times k are scored again with the floats."""
    lines = []
    for kind in KINDS:
        for queries in ("picture", "text"):
            for num_candidates in (100, 1000):
                rows = plain(content, kind, queries, num_candidates)
                if rows and rows[0]["oversample"] is not None:
                    shares = [share(row) for row in sorted(rows, key=lambda row: float(row["oversample"]))]
                    lines.append([kind, queries, str(num_candidates), *shares])
    return table(["kind", "queries", "num_candidates", "1", "1.5", "2", "3", "5"], lines)


def cost(content: Content) -> str:
    """Memory by formula, disk and CPU time as measured, for one picture."""
    layout = Layout()
    lines = []
    for kind in KINDS:
        of = content["kinds"].get(kind, {})
        if "merge" not in of:
            continue
        count, merge, load = of["load"]["count"], of["merge"], of["load"]
        lines.append(
            [
                kind,
                f"{layout.memory(kind)} B",
                f"{merge['disk']['total'] / count:.0f} B",
                f"{1000 * load['cpu_seconds'] / count:.2f} ms",
                f"{count / load['cpu_seconds']:,.0f}",
                f"{1000 * merge['cpu_seconds'] / count:.2f} ms",
                f"{len(load['segments'])}",
                f"{merge['heap_mb']['used']} of {merge['heap_mb']['most']} MiB",
            ]
        )
    load_columns = ["CPU to index", "indexed a second and core"]
    merge_columns = ["CPU to merge into one", "segments before", "heap after"]
    return table(["kind", "page cache", "disk", *load_columns, *merge_columns], lines)


def disk(content: Content) -> str:
    """Bytes of a picture on disk after the merge, by what they hold, against the formula."""
    layout = Layout()
    lines = []
    for kind in KINDS:
        of = content["kinds"].get(kind, {})
        if "merge" not in of:
            continue
        measured = parts(of["merge"]["disk"], of["load"]["count"])
        formula = {
            "floats": layout.floats(),
            "quantised": layout.quantised(kind),
            "graph": layout.graph(),
        }
        cells = [f"{measured[part]:.0f} / {formula[part]}" for part in formula]
        off = sum(measured[part] for part in formula) / sum(formula.values()) - 1
        lines.append([kind, *cells, f"{measured['document']:.0f}", f"{100 * off:+.1f} %"])
    head = ["kind", "floats", "quantised", "graph", "document", "vectors' error of the formula"]
    return table(head, lines)


def parts(files: dict[str, int], count: int) -> dict[str, float]:
    """Bytes a picture of floats, quantised, graph, and of all else as document."""
    found = {"floats": 0.0, "quantised": 0.0, "graph": 0.0}
    for ending, size in files.items():
        if ending in VECTOR_FILES:
            found[VECTOR_FILES[ending]] += size / count
    return found | {"document": files["total"] / count - sum(found.values())}


def latency(content: Content, base: str = "int8_hnsw") -> str:
    """Median and 95th percentile as multiples of int8_hnsw's at the same num_candidates."""
    rows: Sequence[Row] = content.get("latency", [])
    lines = []
    for kind in (*KINDS, *LOCAL):
        for queries in ("picture", "text"):
            of = [row for row in rows if (row["kind"], row["queries"]) == (kind, queries)]
            if of:
                lines.append([kind, queries, *(_ratio(row, rows, base) for row in of)])
    numbers = sorted({int(row["num_candidates"]) for row in rows})
    return table(["kind", "queries", *map(str, numbers)], lines)


def _ratio(row: Row, rows: Sequence[Row], base: str) -> str:
    same = ("queries", "num_candidates")
    to = next(r for r in rows if r["kind"] == base and all(r[key] == row[key] for key in same))
    return f"{row['p50_ms'] / to['p50_ms']:.2f} / {row['p95_ms'] / to['p95_ms']:.2f}"


def everything(content: Content) -> str:
    """All tables of a measurement."""
    stages = {"As loaded": "as loaded", "In one segment": "merged"}
    sections = {
        "Cost of one picture": cost(content),
        **{f"recall@10. {title}": recall(content, stage) for title, stage in stages.items()},
        "recall@10 for k = 10, by rescore_vector.oversample": oversampling(content),
        "recall@10 under filters. As loaded": filtered(content, KINDS, "as loaded"),
        "recall@10 under filters. In one segment": filtered(content, KINDS, "merged", FANOUT),
        "Latency, median / 95th percentile, as multiples of int8_hnsw's": latency(content),
    }
    parts = [f"## {title}\n\n{section}" for title, section in sections.items() if section.count("\n") > 2]
    return "\n".join([f"# {content['size']:,} pictures\n", *parts])


def share(row: Row | None) -> str:
    """A recall with its standard error."""
    return "" if row is None else f"{row['at_10']:.3f} ± {row['at_10_error']:.3f}"


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Markdown; words to the left, numbers to the right, columns without anything left out."""
    kept = [i for i in range(len(head)) if any(line[i] for line in lines)]
    rule = ["---:" if any(line[i][:1].isdigit() for line in lines) else "---" for i in range(len(head))]
    rows = ([line[i] for i in kept] for line in (head, rule, *lines))
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)
