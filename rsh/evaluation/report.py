"""Figures as text for a reader: percentages, one line each, with what they mean."""

import textwrap
from collections.abc import Mapping
from typing import Any

from rsh.evaluation.protocols import PROTOCOLS
from rsh.text import align_columns

Report = dict[str, Any]
TIES = {
    "average": "ties averaged",
    "argsort": "ties in the order of the gallery's rows, as a stable argsort leaves them",
    "optimiztic": "relevant tiles first among ties",
    "pessimistic": "relevant tiles last among ties",
}
FIGURES = {  # name in a report: what to call it, and what it means
    "map": ("mAP of the codes", ""),
    "map_before_sign": ("mAP before the sign", "hash layer, cosine"),
    "map_features": ("mAP of the features", "projection head, cosine"),
    "map_classifier_center": ("mAP of 'classifier center'", "one code a class"),
    "accuracy": ("accuracy of a linear classifier", "same backbone, unseen tiles"),
    "map_optimiztic": ("mAP, ties at their best", "relevant tiles first"),
    "map_pessimistic": ("mAP, ties at their worst", "relevant tiles last"),
    "map_at_20": ("mAP@20", "divided by the relevant tiles, at most 20"),
    "precision_at_20": ("precision@20", ""),
    "recall_at_20": ("recall@20", ""),
    "ndcg_at_20": ("NDCG@20", ""),
    "precision_within_2": ("precision within 2 bits", "an empty ball counts 0"),
    "anmrr": ("ANMRR", "lower is better"),
}
NUMBERS = {
    "mean_distance_same_class": ("mean bits to the same class", "{:.1f}"),
    "mean_distance_other_classes": ("mean bits to other classes", "{:.1f}"),
    "distinct_codes": ("distinct codes in the gallery", "{}"),
}

GAIN = "gain in points, 95 % interval"
ORDERS = {  # key in a report: what to call it
    "bits": "bits, ties averaged",
    "asymmetric": "bits, then asymmetric",
    "features": "bits, then features",
}


def one_protocol(report: Report) -> str:
    """Lay out the report of `evaluate`."""
    low, high = report["map_interval"]
    protocol = PROTOCOLS[report["protocol"]]
    notes = {"map": f"{report['figure']}, 95 % interval {low:.1%} to {high:.1%}"}
    lines = [
        f"  {name:32}{report[key]:7.1%}  {notes.get(key, note)}".rstrip()
        for key, (name, note) in FIGURES.items()
    ]
    lines += [
        f"  {name:32}{_number(report[key], form):>7}" for key, (name, form) in NUMBERS.items()
    ]
    head = [f"{heading(report)}, {report['num_bits']} bits", protocol.about]
    more = [reranking(report), *([feedback(report)] if "feedback" in report else [])]
    return "\n\n".join(["\n".join([*head, *lines]), *more])


def reranking(report: Report) -> str:
    """Lay out what a second look at the top of the list gains."""
    again = report["reranking"]
    rows: list[tuple[str, ...]] = [("order of the answer", "precision@20", GAIN, "mAP@20", "mAP")]
    for key, name in ORDERS.items():
        part = again[key]
        gain = _gain(part) if "gain" in part else ""
        figures = [f"{part[figure]:.1%}" for figure in ("precision_at_20", "map_at_20", "map")]
        rows.append((name, figures[0], gain, *figures[1:]))
    what = f"the {again['pool']} nearest, looked at again (`rsh search --rerank`):"
    return f"{what}\n{textwrap.indent(align_columns(rows), '  ')}"


def feedback(report: Report) -> str:
    """Lay out what marking tiles of the answer gains, on tiles that were not marked."""
    told = report["feedback"]
    rounds = len(told["residual"])
    rows: list[tuple[str, ...]] = [
        ("precision@20", "asked", *(f"round {n + 1}" for n in range(rounds)), GAIN)
    ]
    for part in told["residual"]:
        figures = [f"{figure:.1%}" for figure in part["precision_at_20"]]
        figures += [""] * (rounds + 1 - len(figures))
        name = f"without the {part['rounds'] * told['judged']} marked"
        rows.append((name, *figures, _gain(part)))
    what = (
        f"feedback: the user marks {told['judged']} tiles a round as like or unlike, by their "
        "class; marked ones count for no round:"
    )
    return f"{what}\n{textwrap.indent(align_columns(rows), '  ')}"


def heading(report: Report) -> str:
    """Say under which protocol a report was made, and of how many tiles."""
    return (
        f"protocol {report['protocol']}: {report['queries']} queries, {report['gallery']} gallery "
        f"tiles, {TIES[report['ties']]}"
    )


def all_protocols(reports: Mapping[str, Report]) -> str:
    """Lay out the reports of `evaluate_all` side by side."""
    first = next(iter(reports.values()))
    columns = [_column(report) for report in reports.values()]
    names = [
        "protocol",
        "queries",
        "gallery tiles",
        "figure",
        "mAP of the codes",
        "  95 % interval",
    ]
    names += [name for key, (name, _) in FIGURES.items() if key != "map"]
    names += [name for name, _ in NUMBERS.values()]
    rows = zip(names, *columns, strict=True)
    about = [f"  {name}: {PROTOCOLS[name].about}" for name in reports]
    return "\n".join([
        f"one network under every protocol: {first['num_bits']} bits, {TIES[first['ties']]}",
        align_columns(list(rows)),
        "",
        *about,
    ])  # fmt: skip


def _column(report: Report) -> list[str]:
    low, high = report["map_interval"]
    head = [report["protocol"], str(report["queries"]), str(report["gallery"]), report["figure"]]
    figures = [f"{report[key]:.1%}" for key in FIGURES if key != "map"]
    numbers = [_number(report[key], form) for key, (_, form) in NUMBERS.items()]
    return [*head, f"{report['map']:.1%}", f"{low:.1%}-{high:.1%}", *figures, *numbers]


def _gain(part: Report) -> str:
    """Write a gain and its 95 % interval in points."""
    low, high = part["gain_interval"]
    return f"{100 * part['gain']:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
