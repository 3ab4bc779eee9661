"""The results as the tables of docs/encoding.md."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.ingest.contest import LOOP, RCLIP
from benchmarks.knn.blocks import filled
from imagesearch.config import PROJECT

RESULTS = PROJECT / "benchmarks" / "results" / "ingest.json"
DOCUMENT = PROJECT / "docs" / "encoding.md"

Content = dict[str, Any]


def written(text: str, content: Content) -> str:
    """The document with its tables written anew."""
    blocks = {
        "machine": machine(content["machine"]),
        "speed": "\n".join(speed(name, of) for name, of in content["speed"].items()),
        "stages": "\n".join(stages(name, of) for name, of in content["speed"].items()),
        "agreement": "\n".join(agreement(name, of) for name, of in content["agreement"].items()),
    }
    return filled(text, blocks)


def machine(of: Content) -> str:
    """The line that says where it was measured."""
    return (
        f"{of['cpu']}, {of['cores']} cores, {of['memory_gib']} GiB; load before the run {of['load']}; "
        f"torch {of['torch']}, ONNX Runtime {of['onnxruntime']}, rclip {of['rclip']}."
    )


def speed(name: str, of: Content) -> str:
    """Rates and ratios of one size of picture."""
    rates, alone = of["per_second"], of["encoding_alone"]
    lines = [
        f"**{name}** ({len(rates[LOOP])} rounds)\n",
        "| | pictures a round | pictures/s | × the loop | × rclip | of encoding alone | cosine to the loop |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for who, its in rates.items():
        cells = [
            f"{of['pictures'][who]:,}",
            f"{median(its):.1f}",
            _spread(its, rates[LOOP]),
            _spread(its, rates[RCLIP]),
        ]
        cells.append(_spread(its, alone[who], ".0%") if who in alone else "")
        cosine = of["lowest_cosine_to_loop"].get(who)
        cells.append("" if cosine is None else f"{cosine:.4f}")
        lines.append(f"| {_label(who)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _label(who: str) -> str:
    return {LOOP: "the loop", RCLIP: "rclip"}.get(who, f"`{who}`")


def _spread(one: Sequence[float], other: Sequence[float], form: str = ".2f") -> str:
    """Median [least, most] of the rounds' ratios."""
    ratios = [a / b for a, b in zip(one, other, strict=True)]
    return f"{median(ratios):{form}} [{min(ratios):{form}}, {max(ratios):{form}}]"


def stages(name: str, of: Content) -> str:
    """Where a core's time goes."""
    steps = list(next(iter(of["milliseconds"].values())))
    lines = [
        f"**{name}**\n",
        f"| | {' | '.join(steps)} | pictures/s, all cores in all stages |",
        f"|---|{'---:|' * (len(steps) + 1)}",
    ]
    for who, taken in of["milliseconds"].items():
        total = sum(taken.values())
        cells = [f"{ms:.1f} ms ({ms / total:.0%})" for ms in taken.values()]
        lines.append(f"| `{who}` | {' | '.join(cells)} | {of['cores'] * 1000 / total:.1f} |")
    return "\n".join(lines) + "\n"


def agreement(name: str, of: Content) -> str:
    """Overlap and cosines of one model."""
    kinds = of["queries"]
    lines = [
        f"**{name}** ({of['pictures']:,} pictures; queries: "
        f"{', '.join(f'{count} {kind}' for kind, count in kinds.items())})\n",
        f"| | lowest cosine | mean-centred cosine | {' | '.join(f'overlap@10, {k}' for k in kinds)} |",
        f"|---|---:|---:|{'---:|' * len(kinds)}",
    ]
    for runtime, its in of["runtimes"].items():
        cosine, overlap = its["cosine"], its["overlap_at_10"]
        cells = [f"{cosine['lowest']:.5f}", f"{cosine['mean_centred']:.4f}"]
        cells += [f"{overlap[kind]:.3f}" for kind in kinds]
        lines.append(f"| `{runtime}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
