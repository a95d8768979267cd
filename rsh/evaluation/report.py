"""Evaluation reports as text: a line per metric, in percent, with its meaning."""

import textwrap
from collections.abc import Mapping
from typing import Any

from rsh.evaluation.protocols import PROTOCOLS
from rsh.labels import BY_CLASS, BY_LABELS, RelevanceWords
from rsh.text import align_columns, plural

Report = dict[str, Any]
TIES = {
    "average": "ties averaged",
    "argsort": "ties in the order of gallery rows, as in a stable argsort",
    "optimistic": "relevant tiles first among ties",
    "pessimistic": "relevant tiles last among ties",
}
METRICS = {  # key in a report: label and note
    "map": ("mAP of the codes", ""),
    "map_before_sign": ("mAP of the continuous codes", "hash layer, cosine"),
    "map_features": ("mAP of the features", "projection head, cosine"),
    "map_classifier_center": ("mAP of 'classifier center'", "one code per class"),
    "accuracy": ("accuracy of a linear classifier", "same backbone, held-out queries"),
    "map_optimistic": ("mAP, ties at their best", "relevant tiles first"),
    "map_pessimistic": ("mAP, ties at their worst", "relevant tiles last"),
    "map_at_20": ("mAP@20", "divided by the relevant tiles, at most 20"),
    "precision_at_20": ("precision@20", ""),
    "recall_at_20": ("recall@20", ""),
    "ndcg_at_20": ("NDCG@20", ""),
    "graded_ndcg_at_20": ("graded NDCG@20", "gain 2^r - 1, r shared labels"),
    "graded_ndcg_at_100": ("graded NDCG@100", ""),
    "jaccard_graded_ndcg_at_20": ("graded NDCG@20, Jaccard", "r = shared labels / labels of both"),
    "jaccard_graded_ndcg_at_100": ("graded NDCG@100, Jaccard", ""),
    "jaccard_acg_at_20": ("mean Jaccard index@20", ""),
    "precision_within_2": ("precision within 2 bits", "0 if there are none"),
    "anmrr": ("ANMRR", "lower is better"),
}
NUMBERS = {
    "weighted_map": ("weighted mAP, shared labels", "{:.3f}"),
    "acg_at_20": ("ACG@20, shared labels", "{:.3f}"),
    "mean_distance_relevant": ("mean bits, {words.same}", "{:.1f}"),
    "mean_distance_others": ("mean bits, {words.other}", "{:.1f}"),
}

GAIN = "gain in points, 95 % interval"
ORDERS = {  # key in a report: label
    "bits": "bits, ties averaged",
    "asymmetric": "bits, then asymmetric",
    "features": "Hamming + features",
}


NEIGHBORS = {  # key in the part "neighbors" of a report: label and form
    "kept": ("neighbors kept", "{:.1%}"),
    "kept_in_class": ("neighbors kept in the class", "{:.1%}"),
    "in_pool": ("neighbors in the pool", "{:.1%}"),
    "reranked": ("neighbors kept, pool re-ranked", "{:.1%}"),
    "tied_at_20": ("tiles tied at rank 20, median", "{:.0f}"),
    "codes": ("distinct codes in the gallery", "{}"),
}


def one_protocol(report: Report) -> str:
    """Return the report of `evaluate` as text."""
    head = [f"{heading(report)}, {report['num_bits']} bits", _about(report)]
    if report.get("several_labels"):
        head.append("Any shared label makes a tile relevant; graded metrics average over ties.")
    if "map" not in report:
        return "\n\n".join(["\n".join(head), neighbors(report)])
    low, high = report["map_interval"]
    notes = {"map": f"{report['metric']}, 95 % interval {low:.1%} to {high:.1%}"}
    lines = [
        f"  {name:32}{_number(report[key], '{:.1%}'):>7}  {notes.get(key, note)}".rstrip()
        for key, (name, note) in METRICS.items()
        if key in report
    ]
    words = relevance_words(report)
    lines += [
        f"  {name.format(words=words):32}{_number(report[key], form):>7}"
        for key, (name, form) in NUMBERS.items()
        if key in report
    ]
    twins = report["twins"]
    if twins["queries"]:
        note = f"{plural(twins['queries'], 'query')} with an equal image in the gallery left out"
        value = "" if twins["map_without"] is None else f"{twins['map_without']:.1%}"
        lines.insert(1, f"  {'mAP without twins':32}{value:>7}  {note}")
    more = [neighbors(report), reranking(report)]
    more += [feedback(report)] if "feedback" in report else []
    return "\n\n".join(["\n".join([*head, *lines]), *more])


def relevance_words(report: Mapping[str, Any]) -> RelevanceWords:
    """Return how to say that a tile is relevant to a query."""
    return BY_LABELS if report.get("several_labels") else BY_CLASS  # old runs do not say


def neighbors(report: Report) -> str:
    """Return what codes keep of the neighborhoods of features, as text."""
    found = report["neighbors"]
    lines = [
        f"  {name:32}{_number(found[key], form):>7}"
        for key, (name, form) in NEIGHBORS.items()
        if found[key] is not None
    ]
    label = relevance_words(report).label
    tiles = (
        f"{found['queries']} queries and {found['gallery']} gallery tiles, with a {label} or not: "
    )
    what = (
        f"{tiles if _has_unlabeled(report) else ''}of the {found['neighbors']} nearest tiles by "
        f"standardized features, which codes should keep, in the first {found['neighbors']} by "
        f"code, and in a pool of the first {found['pool']}:"
    )
    return "\n".join([what, *lines])


def reranking(report: Report) -> str:
    """Return the gain of re-ranking as text."""
    gains = report["reranking"]
    rows: list[tuple[str, ...]] = [("order of the results", "precision@20", GAIN, "mAP@20", "mAP")]
    for key, name in ORDERS.items():
        part = gains[key]
        gain = _gain(part) if "gain" in part else ""
        precision, *maps = (f"{part[key]:.1%}" for key in ("precision_at_20", "map_at_20", "map"))
        rows.append((name, precision, gain, *maps))
    pool = f"the {gains['rerank_depth']} nearest tiles, and all that tie with the last"
    what = f"{pool}, re-ranked (`rsh search --rerank`):"
    return f"{what}\n{textwrap.indent(align_columns(rows), '  ')}"


def feedback(report: Report) -> str:
    """Return the gain of relevance feedback, on tiles that were not marked, as text."""
    simulated = report["feedback"]
    rounds = len(simulated["residual"])
    rows: list[tuple[str, ...]] = [
        ("precision@20", "query", *(f"round {n + 1}" for n in range(rounds)), GAIN)
    ]
    for part in simulated["residual"]:
        precisions = [f"{value:.1%}" for value in part["precision_at_20"]]
        precisions += [""] * (rounds + 1 - len(precisions))
        name = f"without the {part['rounds'] * simulated['judged']} marked"
        rows.append((name, *precisions, _gain(part)))
    words = relevance_words(report)
    by = "shared labels" if words is BY_LABELS else "their class"
    what = (
        f"feedback: the user marks {simulated['judged']} tiles per round as positive or negative, "
        f"by {by}; marked tiles are excluded from all rounds:"
    )
    return f"{what}\n{textwrap.indent(align_columns(rows), '  ')}"


def heading(report: Report) -> str:
    """Return protocol, numbers of tiles and order of ties as text."""
    label = relevance_words(report).label
    return (
        f"protocol {report['protocol']}: {report['queries']} queries, {report['gallery']} gallery "
        f"tiles{f' with a {label}' if _has_unlabeled(report) else ''}, {TIES[report['ties']]}"
    )


def _has_unlabeled(report: Report) -> bool:
    """Whether figures by labels are of fewer tiles than those of neighborhoods."""
    whole = report.get("neighbors", report)  # the mean over several runs has none
    return any(report[name] < whole[name] for name in ("queries", "gallery"))


def all_protocols(reports: Mapping[str, Report]) -> str:
    """Return the reports of `evaluate_all` as a table."""
    first = next(iter(reports.values()))
    columns = [_column(report) for report in reports.values()]
    names = dict.fromkeys(name for column in columns for name in column)
    rows = [(name, *(column.get(name, "-") for column in columns)) for name in names]
    about = [f"  {name}: {_about(report)}" for name, report in reports.items()]
    return "\n".join([
        f"one network under every protocol: {first['num_bits']} bits",
        align_columns(rows),
        "",
        *about,
    ])  # fmt: skip


def _about(report: Report) -> str:
    """Return what a protocol is, and what makes its figure too high."""
    about, found = PROTOCOLS[report["protocol"]].about, report["warnings"]
    return f"{about} Not comparable with disjoint: {'; '.join(found)}." if found else about


def _column(report: Report) -> dict[str, str]:
    found = report["neighbors"]
    return {
        "protocol": report["protocol"],
        "queries": str(report["queries"]),
        "gallery tiles": str(report["gallery"]),
        **(_map_column(report) if "map" in report else {}),
        **{name: _number(found[key], form) for key, (name, form) in NEIGHBORS.items()},
    }


def _map_column(report: Report) -> dict[str, str]:
    (low, high), words = report["map_interval"], relevance_words(report)
    return {
        "metric": report["metric"],
        "order of ties": report["ties"],
        "mAP of the codes": f"{report['map']:.1%}",
        "  95 % interval": f"{low:.1%}-{high:.1%}",
        **{
            name: _number(report[key], "{:.1%}")
            for key, (name, _) in METRICS.items()
            if key != "map" and key in report
        },
        **{
            name.format(words=words): _number(report[key], form)
            for key, (name, form) in NUMBERS.items()
            if key in report
        },
    }


def _gain(part: Report) -> str:
    """Return a gain and its 95 % interval as text, in points."""
    low, high = part["gain_interval"]
    return f"{100 * part['gain']:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
