"""Evaluation of re-ranking: precision gain over plain Hamming ranking."""

from collections.abc import Iterator
from typing import get_args

import numpy as np

from rsh.codes.encodings import Encodings
from rsh.config import Measure
from rsh.evaluation.scoring import CUT, Floats, Report, RetrievalTask, Rows
from rsh.index.base import Hits
from rsh.index.factory import make_index
from rsh.metrics import ranking
from rsh.metrics.counts import DistanceCounts
from rsh.search.rerank import RERANK_DEPTH, rerank


def reranking_gain(
    encoded: Encodings, task: RetrievalTask, *, rerank_depth: int = RERANK_DEPTH
) -> Report:
    """Return metrics of the Hamming ranking, and of the ranking after its top is re-ranked.

    Metrics of the Hamming ranking are means over all orders of ties. A re-ranked list is as a
    search returns it: the order of the gallery decides which of the tiles tied at its end are
    re-ranked, and scores are ranked strictly. Ties beyond the re-ranked tiles are averaged.

    Args:
        encoded: all tiles of the split.
        task: queries and gallery.
        rerank_depth: number of nearest tiles that are re-ranked; all, if there are fewer.

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
    for by in get_args(Measure):
        orders = [
            rerank(encoded.one(row), found, packed, encoded.features, by=by)[0].ids
            for row, found in zip(task.query, hits, strict=True)
        ]
        reranked = _metrics(_count_reranked(counts, hits, orders, task), task)
        gain = reranked["precision_at_20"] - plain["precision_at_20"]
        interval = ranking.bootstrap_interval(gain, task.groups)
        report[by] = _means(reranked) | {"gain": float(gain.mean()), "gain_interval": interval}
    return report


def _nearest(encoded: Encodings, task: RetrievalTask, depth: int) -> Iterator[Hits]:
    """Yield the nearest tiles of each query, ties in the order of a gallery; ids are rows."""
    rows, packed, without_self = task.as_stored, encoded.packed, task.protocol.without_self
    index = make_index(packed[rows], encoded.codes.shape[1])
    found = index.search(packed[task.query], top_k=depth + without_self)
    for row, hits in zip(task.query, found, strict=True):
        keep = rows[hits.ids] != row if without_self else np.full(len(hits.ids), True)
        yield Hits(rows[hits.ids][keep][:depth], hits.distances[keep][:depth])


def _count_reranked(
    counts: DistanceCounts, hits: list[Hits], orders: list[Rows], task: RetrievalTask
) -> DistanceCounts:
    """Return counts with one column per re-ranked tile, then the other tiles by distance."""
    labels, size = task.labels, counts.items.shape[1]
    own = labels[task.query, None]
    relevant_at_rank = np.stack([labels[order] for order in orders]) == own
    reranked = [
        [
            np.bincount(distances, minlength=size),
            np.bincount(distances[labels[ids] == labels[row]], minlength=size),
        ]
        for row, (ids, distances) in zip(task.query, hits, strict=True)
    ]
    items, relevant = np.stack(reranked, axis=1)
    return DistanceCounts(
        np.hstack([np.ones_like(relevant_at_rank, dtype=np.int64), counts.items - items]),
        np.hstack([relevant_at_rank.astype(np.int64), counts.relevant - relevant]),
    )


def _metrics(counts: DistanceCounts, task: RetrievalTask) -> dict[str, Floats]:
    return {
        "map": task.precision(counts),
        "map_at_20": ranking.average_precision(counts, top_k=CUT),
        "precision_at_20": ranking.precision_at(counts, top_k=CUT),
    }


def _means(metrics: dict[str, Floats]) -> dict[str, float]:
    return {name: float(np.nanmean(values)) for name, values in metrics.items()}
