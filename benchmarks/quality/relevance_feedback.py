"""What do relevance feedback and re-ranking gain, and how much should marks weigh?

    python -m benchmarks.quality.relevance_feedback runs/a runs/b    missing rows of runs
    python -m benchmarks.quality.relevance_feedback --table          prints the tables

Weights are tried with validation tiles as queries and training tiles as gallery. Simulated users
mark the first 20 tiles, twice; "one mark" users mark only the first tile of another class. The
weights that were chosen are measured on the queries, beside the classic ones, protocol "disjoint".
One JSON line a row in results/relevance_feedback.jsonl; a row that is there is not made again.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import RESULTS_FOLDER, Row, append, read_rows
from rsh.codes.asymmetric import score
from rsh.codes.encodings import Encodings
from rsh.encoding.build import encode_dataset
from rsh.errors import InputError
from rsh.evaluation.feedback import simulate
from rsh.evaluation.protocols import DISJOINT
from rsh.evaluation.report import ORDERS
from rsh.evaluation.reranking import reranking_gain
from rsh.evaluation.scoring import CUT, RetrievalTask
from rsh.io.provenance import environment
from rsh.metrics import ranking
from rsh.metrics.counts import counts_from_scores
from rsh.search.feedback import WEIGHTS, Weights, rocchio
from rsh.training.run import Run

RESULTS = RESULTS_FOLDER / "relevance_feedback.jsonl"
ON_VAL = replace(
    DISJOINT,
    name="val asks train",
    query=("val",),
    gallery=("train",),
    about="Validation tiles are queries the training tiles, to choose settings.",
)
CLASSIC = Weights(1, 0.75, 0.15)
POSITIVE, NEGATIVE = (0.75, 1.0, 2.0), (0.0, 0.15, 0.25, 0.5, 0.75, 1.0, 1.5)
TRIED = [CLASSIC, *(Weights(1, *pair) for pair in product(POSITIVE, NEGATIVE))]


def main(folders: list[Path]) -> None:
    """Make the missing rows of some runs."""
    done = {row["key"] for row in read_rows(RESULTS)}
    for folder in folders:
        run = Run.open(folder)
        split = run.split()
        about = {
            "data": {"name": split.dataset.name, "fingerprint": split.dataset.fingerprint},
            "split_fingerprint": split.fingerprint,
            "bits": run.config["model"]["num_bits"],
            "seed": run.config["train"]["seed"],
            "config": {name: run.config[name] for name in ("model", "train")},
        }
        key = json.dumps(about, sort_keys=True)
        if key in done:
            continue
        encoded = encode_dataset(run.net(), split.dataset, progress=False)
        for row in rows_of(encoded, RetrievalTask(split, ON_VAL), RetrievalTask(split)):
            append(RESULTS, {"key": key, **about, **row, "environment": environment()})
        print(f"{folder}: measured", flush=True)


def rows_of(encoded: Encodings, val: RetrievalTask, queries: RetrievalTask) -> Iterator[Row]:
    """Measure one network."""
    for weights in dict.fromkeys(TRIED):
        told = simulate(encoded, val, weights=weights)
        yield {
            **{"what": "feedback", "protocol": asdict(val.protocol), **told},
            "one_mark": one_mark(encoded, val, weights),
        }
    for weights in (WEIGHTS, CLASSIC):
        told = simulate(encoded, queries, weights=weights)
        yield {"what": "feedback", "protocol": asdict(queries.protocol), **told}
    gain = reranking_gain(encoded, queries)
    yield {"what": "reranking", "protocol": asdict(queries.protocol), **gain}


def one_mark(encoded: Encodings, setting: RetrievalTask, weights: Weights) -> Row:
    """Measure users who see 20 tiles and mark the first wrong one alone, on all the others."""
    tiles, packed = setting.as_stored, encoded.packed[setting.as_stored]
    found = []
    for row in setting.query.tolist():
        relevant = setting.labels[tiles] == setting.labels[row]
        before = score(rocchio(encoded.relaxed[[row]], [], [], weights=weights), packed)
        seen = np.argsort(-before, kind="stable")[:CUT]
        wrong = tiles[seen[~relevant[seen]]][:1]
        if not len(wrong):
            continue  # there is nothing to mark
        asked, unlike = encoded.relaxed[[row]], encoded.relaxed[wrong]
        after = score(rocchio(asked, [], unlike, weights=weights), packed)
        left = np.delete(np.arange(len(tiles)), seen)
        counts = [counts_from_scores(scores[left], relevant[left]) for scores in (before, after)]
        found.append([float(ranking.precision_at(each, top_k=CUT)[0]) for each in counts])
    first, second = np.array(found).T
    return {
        "queries": len(found),
        "precision_at_20": [float(first.mean()), float(second.mean())],
        "share_that_loses_a_tenth": float((second - first < -0.1).mean()),
    }


def table() -> None:
    """Print the tables: means over the runs, with the least and the most of them."""
    rows = read_rows(RESULTS)
    val, feedback, reranking = (
        [row for row in rows if (row["what"], row["protocol"]["name"]) == kind]
        for kind in (
            ("feedback", ON_VAL.name),
            ("feedback", DISJOINT.name),
            ("reranking", DISJOINT.name),
        )
    )
    print("**On validation tiles**: gain of precision@20, in points, by weights\n")
    lines: list[Sequence[str]] = []
    for weights, same in by_weights([row for row in val if is_shown(Weights(**row["weights"]))]):
        gains = [points([row["residual"][n]["gain"] for row in same]) for n in (0, 1)]
        one = points([np.diff(row["one_mark"]["precision_at_20"])[0] for row in same])
        lost = np.mean([row["one_mark"]["share_that_loses_a_tenth"] for row in same])
        lines.append((weights, *gains, one, f"{lost:.0%}"))
    heads = ["weights of query, positive, negative", "one round", "two rounds", "one mark"]
    print(markdown([*heads, "share that loses"], lines))
    print("\n**On queries**: precision@20 before and after rounds of 20 marks\n")
    lines = []
    for (weights, same), after in product(by_weights(feedback), (0, 1)):
        parts = [row["residual"][after] for row in same]
        means = np.mean([part["precision_at_20"] for part in parts], axis=0)
        cells = [f"{mean:.1%}" for mean in means] + [""] * (1 - after)
        name = f"{weights}, without the {20 * (after + 1)} marked"
        lines.append((name, *cells, points([part["gain"] for part in parts])))
    print(markdown(["weights", "query alone", "round 1", "round 2", "gain"], lines))
    print("\n**On queries**: re-ranking of the 100 nearest\n")
    lines = []
    for key, name in ORDERS.items():
        parts = [row[key] for row in reranking]
        precision, *maps = [
            f"{np.mean([part[figure] for part in parts]):.1%}"
            for figure in ("precision_at_20", "map_at_20", "map")
        ]
        gain = points([part["gain"] for part in parts]) if "gain" in parts[0] else ""
        lines.append((name, precision, gain, *maps))
    print(markdown(["order", "precision@20", "gain", "mAP@20", "mAP"], lines))


def is_shown(weights: Weights) -> bool:
    """Say whether weights that were tried stand in the table; like tiles hardly matter."""
    return weights == CLASSIC or weights.positive == WEIGHTS.positive


def by_weights(rows: list[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Group rows by their weights, in words."""
    words = [", ".join(f"{part:g}" for part in row["weights"].values()) for row in rows]
    for each in dict.fromkeys(words):
        yield each, [row for word, row in zip(words, rows, strict=True) if word == each]


def points(gains: list[Any]) -> str:
    """Write the mean of some gains, and the least and the most of them, in points."""
    low, high = 100 * min(gains), 100 * max(gains)
    return f"{100 * float(np.mean(gains)):+.1f} ({low:+.1f} to {high:+.1f})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="*")
    parser.add_argument("--table", action="store_true")
    words = parser.parse_args()
    try:
        table() if words.table else main(words.runs)
    except InputError as error:
        sys.exit(str(error))
