"""Write what was measured into the docs: curves and tables."""

from benchmarks.knn import scale, tables
from benchmarks.knn.blocks import filled
from benchmarks.knn.curves import Line, draw
from benchmarks.knn.measuring import FANOUT
from benchmarks.knn.rows import RESULTS, Content, line, read
from imagesearch.config import PROJECT

DOCS = PROJECT / "docs"
FEW, MANY = 100_000, 1_000_000


def write() -> None:
    """Draw the curves, and write the tables of both documents anew."""
    few, many = read(FEW), read(MANY)
    draw(DOCS / "knn-kinds.svg", kinds(few))
    draw(DOCS / "knn-segments.svg", segments(few))
    if many["kinds"]:
        draw(DOCS / "knn-sizes.svg", sizes(few, many))
    for content in (few, many):
        if content["kinds"]:
            file = RESULTS / f"knn-{content['size']}.md"
            file.write_text(tables.everything(content), encoding="utf-8")
    for name, blocks in documents(few, many).items():
        file = DOCS / name
        file.write_text(filled(file.read_text(encoding="utf-8"), blocks), encoding="utf-8")


def documents(few: Content, many: Content) -> dict[str, dict[str, str]]:
    """The blocks of each document, by name."""
    knn = {
        "defaults": tables.defaults(few),
        "recall": tables.recall(few),
        "cost": tables.cost(few),
        "million": tables.million(many),
        "oversampling": tables.oversampling(few),
        "filters": tables.filtered(few, ("int8_hnsw", "bbq_hnsw"), "merged", FANOUT),
        "latency": tables.latency(few),
    }
    return {"knn.md": knn, "scale.md": scale.blocks(few, many)}


def kinds(few: Content) -> list[Line]:
    """The kinds in one segment, and the graph without a server."""
    return [line(few, kind, "merged", kind) for kind in (*tables.KINDS, "usearch")]


def segments(few: Content) -> list[Line]:
    """Before and after the merge."""
    stages = (("as loaded", "--"), ("merged", "-"))
    return [
        line(few, kind, stage, f"{kind}, {stage}", style)
        for kind in ("int8_hnsw", "bbq_hnsw")
        for stage, style in stages
    ]


def sizes(few: Content, many: Content) -> list[Line]:
    """A hundred thousand pictures and a million, in the segments that the load left."""
    return [
        line(content, kind, "as loaded", f"{kind}, {label}", style)
        for kind in ("int8_hnsw", "bbq_hnsw")
        for content, label, style in ((few, f"{FEW:,}", "--"), (many, f"{MANY:,}", "-"))
    ]
