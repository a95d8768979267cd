"""Retrieval figures that do not depend on the order of ties.

Codes of K bits leave at most K + 1 different distances, so most of a ranking is ties, and an
argsort decides the figure by accident. Everything here is the exact mean over all orders of the
tied items, and needs only counts: how many items, and how many relevant ones, at each distance.

Throughout, `items` and `relevant` are (q, num_bits + 1) counts by distance, from `count`.
All figures are fractions from 0 to 1, one a query.

Source: He et al. 2018, "Hashing as tie-aware learning to rank", https://arxiv.org/abs/1705.08562;
McSherry and Najork 2008, "Computing information retrieval performance measures efficiently in the
presence of tied scores".
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsh.codes import Packed, check_packed, hamming
from rsh.errors import InputError

Floats = NDArray[np.float64]
CHUNK_PAIRS = 2**22  # distances at a time: 16 MB of them, whatever the size of the gallery


class Counts(NamedTuple):
    """What lies at each distance from each query.

    Attributes:
        items: (q, num_bits + 1) int64, all gallery items.
        relevant: (q, num_bits + 1) int64, those that share the query's class.
    """

    items: NDArray[np.int64]
    relevant: NDArray[np.int64]


def count(
    query_packed: Packed,
    gallery_packed: Packed,
    query_labels: ArrayLike,
    gallery_labels: ArrayLike,
    *,
    num_bits: int,
) -> Counts:
    """Count items and relevant items at each Hamming distance.

    Args:
        query_packed: (q, bytes) uint8.
        gallery_packed: (g, bytes) uint8.
        query_labels: class of each query, (q,).
        gallery_labels: class of each gallery item, (g,).
        num_bits: code length, bits.

    Raises:
        InputError: an array is empty or of another width than num_bits, or labels and codes
            differ in number.
    """
    query_packed, gallery_packed = (
        check_packed(packed, num_bits) for packed in (query_packed, gallery_packed)
    )
    query_labels, gallery_labels = np.asarray(query_labels), np.asarray(gallery_labels)
    for what, codes, labels in (
        ("query", query_packed, query_labels),
        ("gallery", gallery_packed, gallery_labels),
    ):
        if len(codes) != len(labels) or not len(codes):
            raise InputError(f"{len(codes)} {what} codes with {len(labels)} labels: need one each")
    step = max(1, CHUNK_PAIRS // len(gallery_packed))
    parts = [
        _count_distances(
            hamming(query_packed[start : start + step], gallery_packed),
            query_labels[start : start + step, None] == gallery_labels[None, :],
            num_bits,
        )
        for start in range(0, len(query_packed), step)
    ]
    return Counts(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def average_precision(counts: Counts, *, top_k: int | None = None) -> Floats:
    """Average precision of each query, the mean over all orders of tied items.

    With n items and p relevant ones at a distance, N0 and P0 nearer, R relevant in all:

        AP = 1/R sum over distances (p/n) sum_{t=1..n} (P0 + 1 + (t-1) (p-1)/(n-1)) / (N0 + t)

    The inner sum is closed: with S = H(N0 + n) - H(N0) of harmonic numbers it is
    (P0 + 1) S + (p-1)/(n-1) (n - (N0 + 1) S). A cut at top_k ends it at rank top_k.

    Args:
        counts: from `count`.
        top_k: only the first top_k ranks count, and the best possible is 1: the sum is divided
            by min(R, top_k). None takes the whole ranking (mAP@ALL).

    Returns:
        (q,), NaN where nothing is relevant.

    Raises:
        InputError: top_k < 1.
    """
    n, p, before, relevant_before = _buckets(counts)
    total = int(n.sum(axis=1).max())
    m = n if top_k is None else np.clip(_check_top_k(top_k) - before, 0, n)
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, total + 1))])
    s = harmonic[before + m] - harmonic[before]
    slope = (p - 1) / np.maximum(n - 1, 1)
    inner = (relevant_before + 1) * s + slope * (m - (before + 1) * s)
    best = p.sum(axis=1) if top_k is None else np.minimum(p.sum(axis=1), top_k)
    return _divide((p / np.maximum(n, 1) * inner).sum(axis=1), best)


def mean_average_precision(counts: Counts, *, top_k: int | None = None) -> float:
    """Mean of `average_precision` over the queries that have something relevant."""
    return float(np.nanmean(average_precision(counts, top_k=top_k)))


def precision_at(counts: Counts, *, top_k: int) -> Floats:
    """Share of relevant items among the first top_k, the mean over all orders of ties.

    Raises:
        InputError: top_k < 1.
    """
    precision: Floats = _found(counts, top_k) / top_k
    return precision


def recall_at(counts: Counts, *, top_k: int) -> Floats:
    """Share of all relevant items that the first top_k hold; NaN where nothing is relevant.

    Raises:
        InputError: top_k < 1.
    """
    return _divide(_found(counts, top_k), counts.relevant.sum(axis=1))


def precision_within(counts: Counts, *, radius: int) -> Floats:
    """Share of relevant items among those at most `radius` bits away; an empty ball counts 0.

    Raises:
        InputError: radius < 0.
    """
    if radius < 0:
        raise InputError(f"radius={radius}: choose 0 or more bits")
    inside = counts.items[:, : radius + 1].sum(axis=1)
    share: Floats = counts.relevant[:, : radius + 1].sum(axis=1) / np.maximum(inside, 1)
    return share


def precision_recall(counts: Counts) -> tuple[Floats, Floats]:
    """Precision and recall within every radius from 0 to num_bits, averaged over queries (macro).

    Returns:
        Two arrays (num_bits + 1,). An empty ball is left out of the precision, not counted 0;
        queries that have nothing relevant are left out of both.
    """
    some = counts.relevant.any(axis=1)
    items, relevant = (part[some].cumsum(axis=1) for part in counts)
    precision = np.where(items > 0, relevant / np.maximum(items, 1), np.nan)
    recall = relevant / relevant[:, -1:]
    full = (items > 0).any(axis=0)  # radii at which at least one ball holds something
    mean = np.full(items.shape[1], np.nan)
    mean[full] = np.nanmean(precision[:, full], axis=0)
    return mean, recall.mean(axis=0)


def anmrr(counts: Counts) -> float:
    """Average normalised modified retrieval rank of MPEG-7: 0 is best, 1 is worst.

    A relevant item beyond rank K = min(4 R, 2 max R) counts as rank 1.25 K. Tied items take the
    mean over all their orders.

    Source: Manjunath et al. 2001, https://doi.org/10.1109/76.927424
    """
    n, p, before, _ = _buckets(counts)
    wanted = p.sum(axis=1, keepdims=True)  # R
    limit = np.minimum(4 * wanted, 2 * wanted.max())  # K
    inside = np.clip(limit - before, 0, n)  # how many ranks of this distance are within K
    ranks = inside * before + inside * (inside + 1) / 2 + (n - inside) * 1.25 * limit
    mean_rank = _divide((p * ranks / np.maximum(n, 1)).sum(axis=1), wanted[:, 0])
    best = (1 + wanted[:, 0]) / 2
    return float(np.nanmean((mean_rank - best) / (1.25 * limit[:, 0] - best)))


def distinct_codes(packed: Packed) -> int:
    """Count the different codes among (n, bytes) packed codes."""
    return len(np.unique(packed, axis=0))


def ranked_average_precision(distances: ArrayLike, relevant: ArrayLike) -> Floats:
    """Average precision of a ranking by real-valued distances, in which ties are an accident.

    Args:
        distances: (q, g) float, smaller is nearer.
        relevant: (q, g) bool.

    Returns:
        (q,), NaN where nothing is relevant.
    """
    order = np.argsort(np.asarray(distances), axis=1, kind="stable")
    hit = np.take_along_axis(np.asarray(relevant), order, axis=1)
    precision = hit.cumsum(axis=1) / np.arange(1, hit.shape[1] + 1)
    return _divide((precision * hit).sum(axis=1), hit.sum(axis=1))


def bootstrap_interval(
    values: ArrayLike,
    *groups: ArrayLike,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Interval of a mean, by drawing with replacement: the values, or whole groups of them.

    Tiles of one block look alike, and the same query comes back under every seed: such values
    are not independent, and drawing them one by one gives an interval that is too narrow. With
    several groupings each is drawn by itself, and a value counts as often as the product says.

    Args:
        values: one figure a query, (q,); NaN is left out.
        groups: labels, each (q,), such as the block of each query; without, every value is its
            own group.
        level: share of the draws inside the interval.
        draws: how often to draw.
        seed: of the draws.

    Source: Owen 2007, "The pigeonhole bootstrap", https://doi.org/10.1214/07-AOAS122
    """
    every = np.asarray(values, dtype=np.float64)
    kept = ~np.isnan(every)
    columns = [np.asarray(group)[kept] for group in groups] or [np.arange(kept.sum())]
    draw = np.random.default_rng(seed)
    weights = np.ones((draws, int(kept.sum())))
    for column in columns:
        names, group_of = np.unique(column, return_inverse=True)
        drawn = draw.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
        weights *= drawn[:, group_of]
    total = weights.sum(axis=1)
    means = (weights @ every[kept])[total > 0] / total[total > 0]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _count_distances(
    distance: NDArray[np.int32], relevant: NDArray[np.bool_], num_bits: int
) -> Counts:
    """Histogram every row at once: row, distance and relevance together are one bin number."""
    row = np.arange(len(distance))[:, None] * (num_bits + 1)
    shape, size = (len(distance), num_bits + 1), len(distance) * (num_bits + 1)
    bins = row + distance
    items = np.bincount(bins.ravel(), minlength=size).reshape(shape)
    return Counts(items, np.bincount(bins[relevant], minlength=size).reshape(shape))


def _buckets(counts: Counts) -> tuple[NDArray[np.int64], ...]:
    """Return items, relevant, and how many of each lie nearer, all (q, num_bits + 1)."""
    n, p = counts
    return n, p, n.cumsum(axis=1) - n, p.cumsum(axis=1) - p


def _found(counts: Counts, top_k: int) -> Floats:
    n, p, before, _ = _buckets(counts)
    taken = np.clip(_check_top_k(top_k) - before, 0, n)
    found: Floats = (p * taken / np.maximum(n, 1)).sum(axis=1)
    return found


def _check_top_k(top_k: int) -> int:
    if top_k < 1:
        raise InputError(f"top_k={top_k}: choose 1 or more")
    return top_k


def _divide(part: NDArray[Any], whole: NDArray[Any]) -> Floats:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
