"""Evaluation of re-ranking: precision gain over plain Hamming ranking."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import hamming
from rsh.codes.encodings import Encodings
from rsh.config import Measure
from rsh.evaluation.scoring import CUT, Floats, Report, RetrievalTask
from rsh.index.base import Hits
from rsh.metrics import ranking
from rsh.metrics.counts import DistanceCounts, counts_from_scores
from rsh.search.rerank import RERANK_DEPTH, rerank

MEASURES: tuple[Measure, ...] = ("features", "asymmetric")  # of codes of one part
Scores = NDArray[np.float32]


def reranking_gain(
    encoded: Encodings, task: RetrievalTask, *, rerank_depth: int = RERANK_DEPTH
) -> Report:
    """Return metrics of the Hamming ranking, and of the ranking after its top is re-ranked.

    Metrics are means over all orders of ties: of equal distances, and of equal scores among the
    re-ranked tiles. As in a search, all tiles that tie with the last of these are re-ranked, too.

    Args:
        encoded: all tiles of the split.
        task: queries and gallery.
        rerank_depth: least number of nearest tiles that are re-ranked; all, if there are fewer.

    Returns:
        "rerank_depth", and for "bits" and each measure "map", "map_at_20" and "precision_at_20";
        for a measure also the "gain" of the precision over bits, and "gain_interval", a 95 %
        bootstrap interval over groups of queries.
    """
    depth = min(rerank_depth, len(task.gallery) - task.protocol.without_self)
    packed = encoded.packed
    counts = task.counts(packed, encoded.codes.shape[1])
    hits = list(_nearest(encoded, task, depth))
    plain = _metrics(counts, task)
    report: Report = {"rerank_depth": depth, "bits": _means(plain)}
    for by in MEASURES:
        scored = [
            rerank(encoded.one(row), found, packed, encoded.features, by=by)
            for row, found in zip(task.query, hits, strict=True)
        ]
        reranked = _metrics(_count_reranked(counts, scored, task), task)
        gain = reranked["precision_at_20"] - plain["precision_at_20"]
        interval = ranking.bootstrap_interval(gain, task.groups)
        report[by] = _means(reranked) | {"gain": float(gain.mean()), "gain_interval": interval}
    return report


def _nearest(encoded: Encodings, task: RetrievalTask, depth: int) -> Iterator[Hits]:
    """Yield the nearest tiles of each query, and all that tie with the last; ids are rows."""
    tiles, packed, without_self = task.gallery, encoded.packed, task.protocol.without_self
    for row in task.query:
        others = tiles[tiles != row] if without_self else tiles
        (distances,) = hamming(packed[[row]], packed[others])
        near = distances <= np.partition(distances, depth - 1)[depth - 1]
        yield Hits(others[near], distances[near])


def _count_reranked(
    counts: DistanceCounts, scored: list[tuple[Hits, Scores]], task: RetrievalTask
) -> DistanceCounts:
    """Return counts with a column for each different score, then the other tiles by distance."""
    size = counts.items.shape[1]
    first = np.zeros((2, len(scored), max(len(scores) for _, scores in scored)), dtype=np.int64)
    rest = np.stack(counts)
    for number, (row, (hits, scores)) in enumerate(zip(task.query, scored, strict=True)):
        (relevant,) = task.relevant(np.array([row]), hits.ids)
        by_score = np.stack(counts_from_scores(scores, relevant))[:, 0]
        first[:, number, : by_score.shape[1]] = by_score
        distances = (hits.distances, hits.distances[relevant])
        rest[:, number] -= [np.bincount(each, minlength=size) for each in distances]
    return DistanceCounts(*np.concatenate([first, rest], axis=2))


def _metrics(counts: DistanceCounts, task: RetrievalTask) -> dict[str, Floats]:
    return {
        "map": task.figures(task.precision(counts)),
        "map_at_20": ranking.average_precision(counts, top_k=CUT),
        "precision_at_20": ranking.precision_at(counts, top_k=CUT),
    }


def _means(metrics: dict[str, Floats]) -> dict[str, float]:
    return {name: float(np.nanmean(values)) for name, values in metrics.items()}
