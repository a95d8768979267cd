"""Tables of what labels gain, from the rows of `learning.py`.

python -m benchmarks.quality.learning_tables labels | time
"""

import argparse
import statistics
from collections.abc import Iterable

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import Row, read_rows
from benchmarks.quality.learning import COUNTS, LEAST, RANDOM, RESULTS, STRATEGIES, SUGGESTED
from rsh.metrics.ranking import bootstrap_interval

LABEL_HEADS = (
    *("labels", "mAP, suggested", "drawn", "suggested less drawn"),
    *("precision@20, suggested", "drawn ", "classes met", "kept before / after"),
)

MEASURED = (
    *("map", "precision_at_20", "classes", "kept_before", "kept_after"),
    *("sure", "sure_right"),
)


def label_tables(rows: list[Row]) -> str:
    """Return means over the seeds, and what suggestions gain over chance, by data set."""
    texts = []
    for name in dict.fromkeys(row["data"] for row in rows):
        own = [row for row in rows if row["data"] == name]
        lines = [_before(own), *(_after(own, count) for count in COUNTS)]
        seeds = len({row["seed"] for row in own})
        texts.append(f"**{name}**, {seeds} seeds\n\n{markdown(LABEL_HEADS, lines)}")
    sure = f"**Tiles with a confidence of {LEAST} or more**, means over the seeds"
    return "\n\n".join([*texts, f"{sure}\n\n{sure_table(rows)}"])


def _before(rows: list[Row]) -> list[object]:
    found = _by_seed(rows, "none", 0).values()
    return [0, _mean(found, "map"), "", "", _mean(found, "precision_at_20"), "", "", ""]


def _after(rows: list[Row], count: int) -> list[object]:
    mine, chance = (_by_seed(rows, strategy, count) for strategy in (SUGGESTED, RANDOM))
    gains = [100 * (mine[seed]["map"] - chance[seed]["map"]) for seed in mine]
    low, high = bootstrap_interval(gains)
    classes = [_by_name(found, "classes") for found in (mine, chance)]
    kept = [_by_name(mine, name) for name in ("kept_before", "kept_after")]
    return [
        count,
        _mean(mine.values(), "map"),
        _mean(chance.values(), "map"),
        f"{statistics.mean(gains):+.1f} ({low:+.1f} to {high:+.1f})",
        _mean(mine.values(), "precision_at_20"),
        _mean(chance.values(), "precision_at_20"),
        " / ".join(f"{number:.1f}" for number in classes),
        " / ".join(f"{share:.3f}" for share in kept),
    ]


def sure_table(rows: list[Row]) -> str:
    """Return how many tiles have a high confidence, and how many of them are of the class."""
    lines = []
    for name in dict.fromkeys(row["data"] for row in rows):
        own = [row for row in rows if row["data"] == name]
        for strategy in STRATEGIES:
            for count in COUNTS:
                found = _by_seed(own, strategy, count).values()
                tiles = sum(row["sure"] for row in found)
                share = sum(row["sure_right"] for row in found) / max(tiles, 1)
                shown = f"{share:.1%}" if tiles else ""
                lines.append([name, strategy, count, f"{tiles / len(found):,.0f}", shown])
    return markdown(["data", "labels by", "labels", "tiles", "of the class"], lines)


def time_table(rows: list[Row]) -> str:
    """Return times and memory by the size of the gallery."""
    lines = []
    for row in rows:
        suggest = (1000 * row[f"{name}_seconds"] for name in ("first_suggest", "suggest"))
        lines.append(
            [
                f"{row['tiles']:,}",
                f"{row['learn_seconds']:.1f} s",
                f"{row['learn_peak_mb']:,} MB",
                f"{1000 * row['classify_seconds']:,.0f} ms",
                " / ".join(f"{time:,.0f}" for time in suggest) + " ms",
            ]
        )
    heads = ["tiles", "rsh learn", "its memory", "confidence", "suggest without / with labels"]
    return markdown(heads, lines)


def _by_seed(rows: list[Row], strategy: str, count: int) -> dict[int, Row]:
    """Return the means over the draws of each split seed."""
    chosen = [row for row in rows if (row["strategy"], row["labels"]) == (strategy, count)]
    by_seed: dict[int, list[Row]] = {}
    for row in chosen:
        by_seed.setdefault(row["seed"], []).append(row)
    names = [name for name in MEASURED if chosen and name in chosen[0]]
    return {
        seed: {name: statistics.mean(row[name] for row in draws) for name in names}
        for seed, draws in by_seed.items()
    }


def _by_name(rows: dict[int, Row], name: str) -> float:
    return float(statistics.mean(row[name] for row in rows.values()))


def _mean(rows: Iterable[Row], name: str) -> str:
    values = [100 * row[name] for row in rows]
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.1f} ± {spread:.1f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("set", choices=("labels", "time"))
    words = parser.parse_args()
    known = [row for row in read_rows(RESULTS) if row["set"] == words.set]
    print(label_tables(known) if words.set == "labels" else time_table(known))
