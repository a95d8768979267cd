"""Metrics of rankings that are finer than the Hamming distance, of the same codes.

Codes of K bits have K + 1 distances, so most tiles of a ranking are tied. A query's own vectors can
order them: its relaxed code against binary ones needs nothing more of the gallery, its features
need those of the gallery.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.common.rows import Row
from rsh.codes import asymmetric
from rsh.codes.binary import Packed
from rsh.codes.cosine import cosines
from rsh.codes.encodings import Encodings
from rsh.codes.parts import code_parts, part_distances
from rsh.evaluation.scoring import RetrievalTask
from rsh.metrics.counts import counts_from_scores
from rsh.metrics.ranking import bootstrap_interval
from rsh.search.rerank import RERANK_DEPTH

BY_DISTANCE = "distance"
Scores = NDArray[np.float64]


def finer_rankings(encoded: Encodings, task: RetrievalTask, *, look_bits: int = 0) -> Row:
    """Measure each ranking, exactly over what is still tied.

    Args:
        encoded: of all tiles of the split.
        task: queries and gallery.
        look_bits: how many of the bits are look bits.

    Returns:
        For each ranking "map", and its "gain" over the Hamming distance with a 95 % interval over
        groups of queries.
    """
    packed = encoded.packed
    found: dict[str, list[float]] = {}
    for row in task.query:
        others = task.gallery[task.gallery != row] if task.protocol.without_self else task.gallery
        relevant = task.labels[others] == task.labels[row]
        for name, scores in _rankings(encoded, packed, int(row), others, look_bits):
            precision = task.precision(counts_from_scores(scores, relevant))
            found.setdefault(name, []).append(float(precision[0]))
    by_query = {name: task.figures(np.array(values)) for name, values in found.items()}
    report: Row = {}
    for name, values in by_query.items():
        gain = values - by_query[BY_DISTANCE]
        report[name] = {
            "map": float(np.nanmean(values)),
            "gain": float(np.nanmean(gain)),
            "gain_interval": bootstrap_interval(gain, task.groups),
        }
    return report


def _rankings(
    encoded: Encodings, packed: Packed, row: int, tiles: NDArray[np.int64], look_bits: int
) -> Iterator[tuple[str, Scores]]:
    """Yield the score of each tile under each ranking, more is nearer."""
    query, packed, num_bits = encoded.one(row), packed[tiles], encoded.codes.shape[1]
    distances = np.bitwise_count(packed ^ query.packed).sum(axis=1, dtype=np.int64)
    cosine = cosines(query.features[0], encoded.features, tiles)
    soft = asymmetric.score(asymmetric.soft_bits(query.relaxed[0]), packed).astype(np.float64)
    depth = min(RERANK_DEPTH, len(tiles)) - 1
    first = distances <= np.partition(distances, depth)[depth]
    yield BY_DISTANCE, -distances.astype(float)
    yield "distance, ties by relaxed code", soft / 3 - distances  # less than a bit
    yield "distance, ties by features", cosine / 3 - distances
    yield "relaxed code", soft
    yield f"first {RERANK_DEPTH} by features", np.where(first, cosine + 2, -1.0 - distances)
    yield "features", cosine
    if look_bits:
        kinds, looks = (
            part_distances(query.packed, packed, part, num_bits=num_bits)
            for part in code_parts(num_bits, look_bits)
        )
        yield "class bits, ties by look bits", -kinds - looks / (look_bits + 1)
        yield "class bits alone", -kinds.astype(float)
