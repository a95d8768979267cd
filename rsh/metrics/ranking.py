"""Retrieval figures that do not depend on the order of ties.

Codes of K bits leave at most K + 1 different distances, so most of a ranking is ties, and an
argsort decides the figure by accident. Everything here is the exact mean over all orders of the
tied items, and needs only counts: how many items, and how many relevant ones, at each distance.

Throughout, `items` and `relevant` are (q, num_bits + 1) counts by distance, from
`counts.count_by_distance`. All figures are fractions from 0 to 1, one a query.

Source: He et al. 2018, "Hashing as tie-aware learning to rank", https://arxiv.org/abs/1705.08562;
McSherry and Najork 2008, "Computing information retrieval performance measures efficiently in the
presence of tied scores".
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsh.codes.binary import Packed
from rsh.errors import InputError
from rsh.metrics.counts import DistanceCounts

Denominator = Literal["relevant", "top_k", "hits"]
Ties = Literal["average", "argsort", "optimiztic", "pessimistic"]

Floats = NDArray[np.float64]


def average_precision(
    counts: DistanceCounts, *, top_k: int | None = None, denominator: Denominator = "relevant"
) -> Floats:
    """Average precision of each query, the mean over all orders of tied items.

    With n items and p relevant ones at a distance, N0 and P0 nearer, R relevant in all:

        AP = 1/R sum over distances (p/n) sum_{t=1..n} (P0 + 1 + (t-1) (p-1)/(n-1)) / (N0 + t)

    The inner sum is closed: with S = H(N0 + n) - H(N0) of harmonic numbers it is
    (P0 + 1) S + (p-1)/(n-1) (n - (N0 + 1) S). A cut at top_k ends it at rank top_k.

    Args:
        counts: from `count`.
        top_k: only the first top_k ranks count. None takes the whole ranking (mAP@ALL).
        denominator: the sum of precisions is divided by the "relevant" items, at most top_k, so
            that the best possible is 1; by "top_k", even where fewer are relevant; or by the
            "hits" among the first top_k, which rewards few hits if they come early.

    Returns:
        (q,), NaN where nothing is relevant.

    Raises:
        InputError: top_k < 1, or none for the denominator "top_k".
    """
    n, p, before, relevant_before = _buckets(counts)
    m = n if top_k is None else _taken(n, before, top_k)
    sums, wanted = _precision_sums(n, p, m, before, relevant_before), p.sum(axis=1)
    if denominator == "hits":
        return np.where(wanted > 0, _over_hits(counts, m, sums), np.nan)
    if denominator == "relevant":
        return _divide(sums.sum(axis=1), wanted if top_k is None else np.minimum(wanted, top_k))
    if top_k is None:
        raise InputError("top_k=None: the denominator 'top_k' needs a number")
    return np.where(wanted > 0, sums.sum(axis=1) / top_k, np.nan)


def mean_average_precision(counts: DistanceCounts, *, top_k: int | None = None) -> float:
    """Mean of `average_precision` over the queries that have something relevant."""
    return float(np.nanmean(average_precision(counts, top_k=top_k)))


def precision_at(counts: DistanceCounts, *, top_k: int) -> Floats:
    """Share of relevant items among the first top_k, the mean over all orders of ties.

    Raises:
        InputError: top_k < 1.
    """
    precision: Floats = _found(counts, top_k) / top_k
    return precision


def recall_at(counts: DistanceCounts, *, top_k: int) -> Floats:
    """Share of all relevant items that the first top_k hold; NaN where nothing is relevant.

    Raises:
        InputError: top_k < 1.
    """
    return _divide(_found(counts, top_k), counts.relevant.sum(axis=1))


def precision_within(counts: DistanceCounts, *, radius: int) -> Floats:
    """Share of relevant items among those at most `radius` bits away; an empty ball counts 0.

    Raises:
        InputError: radius < 0.
    """
    if radius < 0:
        raise InputError("choose 0 or more bits", parameter="radius", value=radius)
    inside = counts.items[:, : radius + 1].sum(axis=1)
    share: Floats = counts.relevant[:, : radius + 1].sum(axis=1) / np.maximum(inside, 1)
    return share


def ndcg_at(counts: DistanceCounts, *, top_k: int) -> Floats:
    """Discounted gain of the first top_k as a share of the best possible, mean over all ties.

    A relevant item at rank t gains 1 / log2(1 + t). NaN where nothing is relevant.

    Raises:
        InputError: top_k < 1.

    Source: Jarvelin and Kekalainen 2002, https://doi.org/10.1145/582415.582418
    """
    n, p, before, _ = _buckets(counts)
    m = _taken(n, before, top_k)
    gain = np.append(0.0, np.cumsum(1 / np.log2(np.arange(2, n.sum(axis=1).max() + 2))))
    found = (p / np.maximum(n, 1) * (gain[before + m] - gain[before])).sum(axis=1)
    best = gain[np.minimum(p.sum(axis=1), top_k)]
    return np.where(best > 0, found / np.where(best > 0, best, 1), np.nan)


def precision_recall(counts: DistanceCounts, *, micro: bool = False) -> tuple[Floats, Floats]:
    """Precision and recall within every radius from 0 to num_bits.

    Args:
        counts: from `count`.
        micro: put the balls of all queries together and then divide, so that large balls weigh
            more; otherwise divide for each query and take the mean (macro).

    Returns:
        Two arrays (num_bits + 1,). An empty ball is left out of the precision, not counted 0;
        queries that have nothing relevant are left out of both.
    """
    some = counts.relevant.any(axis=1)
    items, relevant = (part[some].cumsum(axis=1) for part in counts)
    if micro:
        items, relevant = (part.sum(axis=0, keepdims=True) for part in (items, relevant))
    precision = np.where(items > 0, relevant / np.maximum(items, 1), np.nan)
    recall = relevant / relevant[:, -1:]
    full = (items > 0).any(axis=0)  # radii at which at least one ball holds something
    mean = np.full(items.shape[1], np.nan)
    mean[full] = np.nanmean(precision[:, full], axis=0)
    return mean, recall.mean(axis=0)


def nmrr(counts: DistanceCounts, *, most_relevant: int | None = None) -> Floats:
    """Normalized modified retrieval rank of MPEG-7, whose mean is ANMRR: 0 is best, 1 is worst.

    A relevant item beyond rank K = min(4 R, 2 max R) counts as rank 1.25 K. Tied items take the
    mean over all their orders.

    Args:
        counts: from `count`.
        most_relevant: max R, where these are not all queries.

    Returns:
        (q,), NaN where nothing is relevant.

    Source: Manjunath et al. 2001, https://doi.org/10.1109/76.927424
    """
    n, p, before, _ = _buckets(counts)
    wanted = p.sum(axis=1, keepdims=True)  # R
    limit = np.minimum(4 * wanted, 2 * (most_relevant or wanted.max()))  # K
    inside = np.clip(limit - before, 0, n)  # how many ranks of this distance are within K
    ranks = inside * before + inside * (inside + 1) / 2 + (n - inside) * 1.25 * limit
    mean_rank = _divide((p * ranks / np.maximum(n, 1)).sum(axis=1), wanted[:, 0])
    best = (1 + wanted[:, 0]) / 2
    share: Floats = (mean_rank - best) / (1.25 * limit[:, 0] - best)
    return share


def distances_by_class(counts: DistanceCounts) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the pairs of a query and a gallery item at each distance.

    Returns:
        Those of one class and those of different classes, each (num_bits + 1,).
    """
    return counts.relevant.sum(axis=0), (counts.items - counts.relevant).sum(axis=0)


def distinct_codes(packed: Packed) -> int:
    """Count the different codes among (n, bytes) packed codes."""
    return len(np.unique(packed, axis=0))


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


def _precision_sums(
    n: NDArray[Any],
    p: NDArray[Any],
    m: NDArray[Any],
    before: NDArray[Any],
    relevant_before: NDArray[Any],
) -> Floats:
    """Expect the sum of the precisions at the hits among the first m of n tied items."""
    harmonic = np.append(0.0, np.cumsum(1 / np.arange(1, (before + n).max(initial=0) + 1)))
    s = harmonic[before + m] - harmonic[before]
    slope = (p - 1) / np.maximum(n - 1, 1)
    inner = (relevant_before + 1) * s + slope * (m - (before + 1) * s)
    sums: Floats = p / np.maximum(n, 1) * inner
    return sums


def _over_hits(counts: DistanceCounts, m: NDArray[np.int64], sums: Floats) -> Floats:
    """Expect sum / hits, where the number of hits depends on the order of the ties at the cut.

    Of the distance that the cut goes through, j of the m items taken are relevant with the
    hypergeometric probability; given j, they are anywhere among the m.
    """
    n, p, before, relevant_before = _buckets(counts)
    whole = m == n
    sure_sum, sure_hits = (np.where(whole, part, 0).sum(axis=1)[:, None] for part in (sums, p))
    cut = np.argmin(whole, axis=1)[:, None]  # the first distance that is not taken whole
    n, p, m, before, relevant_before = (
        np.take_along_axis(np.where(whole, 0, part), cut, axis=1)
        for part in (n, p, m, before, relevant_before)
    )
    j = np.arange(m.max(initial=0) + 1)[None, :]
    total = sure_sum + _precision_sums(m, j, m, before, relevant_before)
    shares = _hypergeometric(j, n, p, m) * total / np.maximum(sure_hits + j, 1)
    expected: Floats = shares.sum(axis=1)
    return expected


def _hypergeometric(
    j: NDArray[np.int64], n: NDArray[np.int64], p: NDArray[np.int64], m: NDArray[np.int64]
) -> Floats:
    """Return the chance of j relevant among m drawn of n, of which p are; 0 where impossible."""
    log_factorial = np.append(0.0, np.cumsum(np.log(np.arange(1, n.max(initial=0) + 1))))

    def log_choose(of: NDArray[np.int64], some: NDArray[np.int64]) -> Floats:
        some = np.clip(some, 0, of)
        found: Floats = log_factorial[of] - log_factorial[some] - log_factorial[of - some]
        return found

    possible = (j <= np.minimum(m, p)) & (m - j <= n - p)
    chance = np.exp(log_choose(p, j) + log_choose(n - p, m - j) - log_choose(n, m))
    return np.where(possible, chance, 0)


def _buckets(counts: DistanceCounts) -> tuple[NDArray[np.int64], ...]:
    """Return items, relevant, and how many of each lie nearer, all (q, num_bits + 1)."""
    n, p = counts
    return n, p, n.cumsum(axis=1) - n, p.cumsum(axis=1) - p


def _found(counts: DistanceCounts, top_k: int) -> Floats:
    n, p, before, _ = _buckets(counts)
    found: Floats = (p * _taken(n, before, top_k) / np.maximum(n, 1)).sum(axis=1)
    return found


def _taken(n: NDArray[np.int64], before: NDArray[np.int64], top_k: int) -> NDArray[np.int64]:
    """Return how many items of each distance are among the first top_k."""
    if top_k < 1:
        raise InputError("choose 1 or more", parameter="top_k", value=top_k)
    return np.clip(top_k - before, 0, n)


def _divide(part: NDArray[Any], whole: NDArray[Any]) -> Floats:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
