"""What a second look at the top of the list gains, on the queries of an evaluation."""

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
from rsh.search.rerank import POOL, rerank


def reranking_gain(encoded: Encodings, setting: RetrievalTask, *, pool: int = POOL) -> Report:
    """Measure answers by bits alone, and with their top in the order of a finer measure.

    By bits alone a figure is the mean over all orders of ties. A re-ranked list is taken as a
    search gives it: which of the ties at its end still belong to the pool is decided by the order
    of a gallery, and its scores are ranked strictly. Ties beyond the pool are averaged again.

    Args:
        encoded: all tiles of the split.
        setting: who asks, and what can be found.
        pool: how many of the nearest tiles are looked at again; all, if there are fewer.

    Returns:
        "pool", and for "bits" and each measure "map", "map_at_20" and "precision_at_20"; for a
        measure also "gain" of the precision against bits, and "gain_interval", 95 %, from drawing
        groups of queries.
    """
    pool = min(pool, len(setting.gallery) - setting.protocol.without_self)
    packed = encoded.packed
    counts = setting.counts(packed, encoded.codes.shape[1])
    hits = list(_nearest(encoded, setting, pool))
    plain = _figures(counts, setting)
    report: Report = {"pool": pool, "bits": _means(plain)}
    for by in get_args(Measure):
        orders = [
            rerank(encoded.one(row), found, packed, encoded.features, by=by)[0].ids
            for row, found in zip(setting.query, hits, strict=True)
        ]
        again = _figures(_looked_at_again(counts, hits, orders, setting), setting)
        gain = again["precision_at_20"] - plain["precision_at_20"]
        interval = ranking.bootstrap_interval(gain, setting.groups)
        report[by] = _means(again) | {"gain": float(gain.mean()), "gain_interval": interval}
    return report


def _nearest(encoded: Encodings, setting: RetrievalTask, pool: int) -> Iterator[Hits]:
    """Find the pool of each query by bits, ties in the order a gallery would have; ids are rows."""
    rows, packed, itself = setting.as_stored, encoded.packed, setting.protocol.without_self
    engine = make_index(packed[rows], encoded.codes.shape[1])
    found = engine.search(packed[setting.query], top_k=pool + itself)
    for row, hits in zip(setting.query, found, strict=True):
        keep = rows[hits.ids] != row if itself else np.full(len(hits.ids), True)
        yield Hits(rows[hits.ids][keep][:pool], hits.distances[keep][:pool])


def _looked_at_again(
    counts: DistanceCounts, hits: list[Hits], orders: list[Rows], setting: RetrievalTask
) -> DistanceCounts:
    """Count the pool one tile a column, and what lies beyond it by distance."""
    labels, size = setting.labels, counts.items.shape[1]
    own = labels[setting.query, None]
    pool = np.stack([labels[order] for order in orders]) == own
    found = zip(setting.query, hits, strict=True)
    taken = [
        [
            np.bincount(distances, minlength=size),
            np.bincount(distances[labels[ids] == labels[row]], minlength=size),
        ]
        for row, (ids, distances) in found
    ]
    items, relevant = np.stack(taken, axis=1)
    return DistanceCounts(
        np.hstack([np.ones_like(pool, dtype=np.int64), counts.items - items]),
        np.hstack([pool.astype(np.int64), counts.relevant - relevant]),
    )


def _figures(counts: DistanceCounts, setting: RetrievalTask) -> dict[str, Floats]:
    return {
        "map": setting.precision(counts),
        "map_at_20": ranking.average_precision(counts, top_k=CUT),
        "precision_at_20": ranking.precision_at(counts, top_k=CUT),
    }


def _means(figures: dict[str, Floats]) -> dict[str, float]:
    return {name: float(np.nanmean(values)) for name, values in figures.items()}
