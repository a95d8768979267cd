"""Retrieval metrics that do not depend on the order of ties.

Codes of K bits have at most K + 1 different distances, so most of a ranking is tied, and an argsort
would decide the metric by accident. Every metric here is the exact mean over all orders of the tied
items, computed from the numbers of items and of relevant items at each distance.

`items` and `relevant` are (q, num_bits + 1) counts by distance, from `counts.count_by_distance`.
All metrics are fractions from 0 to 1, one per query.

Source: He et al. 2018, "Hashing as tie-aware learning to rank", https://arxiv.org/abs/1705.08562;
McSherry and Najork 2008, "Computing information retrieval performance measures efficiently in the
presence of tied scores".
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsh.codes.binary import Packed
from rsh.errors import InputError
from rsh.metrics.counts import DistanceCounts, Ints

Denominator = Literal["relevant", "top_k", "hits"]

Floats = NDArray[np.float64]


def average_precision(
    counts: DistanceCounts,
    *,
    top_k: int | None = None,
    denominator: Denominator = "relevant",
    weights: Floats | None = None,
) -> Floats:
    """Return the average precision of each query, the mean over all orders of tied items.

    With n items and p relevant ones at a distance, N0 and P0 nearer, R relevant in all:

        AP = 1/R sum over distances (p/n) sum_{t=1..n} (P0 + 1 + (t-1) (p-1)/(n-1)) / (N0 + t)

    The inner sum has a closed form: with S = H(N0 + n) - H(N0) of harmonic numbers it is
    (P0 + 1) S + (p-1)/(n-1) (n - (N0 + 1) S). With a cutoff it ends at rank top_k.

    Args:
        counts: from `count_by_distance`.
        top_k: rank cutoff; None takes the whole ranking (mAP@ALL).
        denominator: divisor of the sum of precisions: the "relevant" items, at most top_k, so that
            the maximum is 1; "top_k", even if fewer are relevant; or the "hits" among the first
            top_k, which rewards few but early hits.
        weights: what the relevant items at each distance count in a precision, their sum,
            (q, num_bits + 1); by default each counts 1. Not for "hits".

    Returns:
        (q,), NaN for queries without relevant items.

    Raises:
        InputError: top_k < 1, or top_k is None with the denominator "top_k".
    """
    n, p, before, relevant_before = _buckets(counts)
    m = n if top_k is None else within_cutoff(n, before, top_k)
    if weights is None:
        sums = _precision_sums(n, p, m, before, relevant_before)
    else:
        weight_before = weights.cumsum(axis=1) - weights
        sums = _precision_sums(n, p, m, before, weight_before, weights / np.maximum(p, 1))
    total = p.sum(axis=1)
    if denominator == "hits":
        return np.where(total > 0, _divide_by_hits(counts, m, sums), np.nan)
    if denominator == "relevant":
        return _divide(sums.sum(axis=1), total if top_k is None else np.minimum(total, top_k))
    if top_k is None:
        raise InputError("top_k=None: the denominator 'top_k' needs a number")
    return np.where(total > 0, sums.sum(axis=1) / top_k, np.nan)


def mean_average_precision(counts: DistanceCounts, *, top_k: int | None = None) -> float:
    """Return the mean of `average_precision` over the queries that have relevant items."""
    return float(np.nanmean(average_precision(counts, top_k=top_k)))


def later_hit(counts: DistanceCounts, *, top_k: int) -> Floats:
    """Return the chance that any of the top_k items after the first one is relevant.

    The mean over all orders of ties, of which that of the nearest decides which item is the first.

    Args:
        counts: from `count_by_distance`.
        top_k: number of ranks, from the second on.

    Returns:
        (q,), 0 to 1.

    Raises:
        InputError: top_k < 1.
    """
    n, p = counts
    nearest = np.argmax(n > 0, axis=1)
    rows = np.arange(len(n))
    first = p[rows, nearest] / np.maximum(n[rows, nearest], 1)  # chance that it is relevant
    missed = np.zeros(len(n))
    for hit, weight in ((1, first), (0, 1 - first)):
        items, relevant = n.copy(), p.copy()
        items[rows, nearest] -= 1
        relevant[rows, nearest] -= hit
        possible = weight > 0
        missed[possible] += weight[possible] * _none_relevant(
            DistanceCounts(items[possible], relevant[possible]), top_k
        )
    found: Floats = 1 - missed
    return found


def precision_at(counts: DistanceCounts, *, top_k: int) -> Floats:
    """Return the share of relevant items among the first top_k, ties averaged.

    Raises:
        InputError: top_k < 1.
    """
    precision: Floats = _relevant_found(counts, top_k) / top_k
    return precision


def recall_at(counts: DistanceCounts, *, top_k: int) -> Floats:
    """Return the share of the relevant items that are among the first top_k, ties averaged.

    NaN for queries without relevant items.

    Raises:
        InputError: top_k < 1.
    """
    return _divide(_relevant_found(counts, top_k), counts.relevant.sum(axis=1))


def precision_within(counts: DistanceCounts, *, radius: int) -> Floats:
    """Return the share of relevant items within `radius` bits; 0 if no item is within it.

    Raises:
        InputError: radius < 0.
    """
    if radius < 0:
        raise InputError("choose 0 or more bits", parameter="radius", value=radius)
    inside = counts.items[:, : radius + 1].sum(axis=1)
    share: Floats = counts.relevant[:, : radius + 1].sum(axis=1) / np.maximum(inside, 1)
    return share


def ndcg_at(counts: DistanceCounts, *, top_k: int) -> Floats:
    """Return the discounted gain of the first top_k over the maximum (NDCG), ties averaged.

    A relevant item at rank t gains 1 / log2(1 + t). NaN for queries without relevant items.

    Raises:
        InputError: top_k < 1.

    Source: Jarvelin and Kekalainen 2002, https://doi.org/10.1145/582415.582418
    """
    n, p, before, _ = _buckets(counts)
    m = within_cutoff(n, before, top_k)
    gain = cumulative_discount(int(n.sum(axis=1).max()))
    found = (p / np.maximum(n, 1) * (gain[before + m] - gain[before])).sum(axis=1)
    best = gain[np.minimum(p.sum(axis=1), top_k)]
    return np.where(best > 0, found / np.where(best > 0, best, 1), np.nan)


def cumulative_discount(ranks: int) -> Floats:
    """Return the sums of 1 / log2(1 + t) over the first 0 to `ranks` ranks t, (ranks + 1,)."""
    return np.append(0.0, np.cumsum(1 / np.log2(np.arange(2, ranks + 2))))


def precision_recall(counts: DistanceCounts, *, micro: bool = False) -> tuple[Floats, Floats]:
    """Return mean precision and recall within every radius from 0 to num_bits.

    Args:
        counts: from `count_by_distance`.
        micro: divide the sums over all queries, so that queries with many items within the radius
            weigh more; otherwise take the mean of the ratios of the queries (macro).

    Returns:
        Two arrays (num_bits + 1,). Precision excludes queries without items within the radius;
        both exclude queries without relevant items.
    """
    some = counts.relevant.any(axis=1)
    items, relevant = (part[some].cumsum(axis=1) for part in counts)
    if micro:
        items, relevant = (part.sum(axis=0, keepdims=True) for part in (items, relevant))
    precision = np.where(items > 0, relevant / np.maximum(items, 1), np.nan)
    recall = relevant / relevant[:, -1:]
    nonempty = (items > 0).any(axis=0)  # radii within which at least one query has items
    mean = np.full(items.shape[1], np.nan)
    mean[nonempty] = np.nanmean(precision[:, nonempty], axis=0)
    return mean, recall.mean(axis=0)


def nmrr(counts: DistanceCounts, *, most_relevant: int | None = None) -> Floats:
    """Return the normalized modified retrieval rank of MPEG-7: 0 is best, 1 is worst.

    A relevant item beyond rank K = min(4 R, 2 max R) counts as rank 1.25 K. Its mean
    over queries is ANMRR. Ties are averaged.

    Args:
        counts: from `count_by_distance`.
        most_relevant: max R, if `counts` does not hold all queries.

    Returns:
        (q,), NaN for queries without relevant items.

    Source: Manjunath et al. 2001, https://doi.org/10.1109/76.927424
    """
    n, p, before, _ = _buckets(counts)
    total = p.sum(axis=1, keepdims=True)  # R
    limit = np.minimum(4 * total, 2 * (most_relevant or total.max()))  # K
    inside = np.clip(limit - before, 0, n)  # number of ranks of this distance within K
    ranks = inside * before + inside * (inside + 1) / 2 + (n - inside) * 1.25 * limit
    mean_rank = _divide((p * ranks / np.maximum(n, 1)).sum(axis=1), total[:, 0])
    best = (1 + total[:, 0]) / 2
    share: Floats = (mean_rank - best) / (1.25 * limit[:, 0] - best)
    return share


def distances_by_relevance(counts: DistanceCounts) -> tuple[Ints, Ints]:
    """Return the number of query-gallery pairs at each distance.

    Returns:
        Pairs that are relevant to each other and all others, each (num_bits + 1,).
    """
    return counts.relevant.sum(axis=0), (counts.items - counts.relevant).sum(axis=0)


def distinct_codes(packed: Packed) -> int:
    """Return the number of different codes among packed codes, (n, bytes)."""
    return len(np.unique(packed, axis=0))


def bootstrap_interval(
    values: ArrayLike, *groups: ArrayLike, level: float = 0.95, draws: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return a bootstrap interval of a mean, over single values or over groups of values.

    Tiles of one block are similar, and the same query occurs under every seed: such values are not
    independent, and resampling them one by one gives an interval that is too narrow. With several
    groupings each is resampled independently, and the weight of a value is the product.

    Args:
        values: one metric per query, (q,); NaN is left out.
        groups: labels, each (q,), such as the block of each query; if none are given, every value
            is its own group.
        level: share of the samples inside the interval.
        draws: number of bootstrap samples.
        seed: of the samples.

    Returns:
        Lower and upper bound; NaN if all values are.

    Source: Owen 2007, "The pigeonhole bootstrap", https://doi.org/10.1214/07-AOAS122
    """
    every = np.asarray(values, dtype=np.float64)
    kept = ~np.isnan(every)
    if not kept.any():
        return np.nan, np.nan
    columns = [np.asarray(group)[kept] for group in groups] or [np.arange(kept.sum())]
    rng = np.random.default_rng(seed)
    weights = np.ones((draws, int(kept.sum())))
    for column in columns:
        names, group_of = np.unique(column, return_inverse=True)
        drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
        weights *= drawn[:, group_of]
    total = weights.sum(axis=1)
    means = (weights @ every[kept])[total > 0] / total[total > 0]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _precision_sums(
    n: Ints,
    p: Ints,
    m: Ints,
    before: Ints,
    weight_before: NDArray[Any],
    mean_weight: NDArray[Any] | int = 1,
) -> Floats:
    """Return the expected sum of the precisions at the hits among the first m of n tied items.

    A hit counts `mean_weight` in a precision; those that are nearer count `weight_before` together.
    """
    harmonic = np.append(0.0, np.cumsum(1 / np.arange(1, (before + n).max(initial=0) + 1)))
    s = harmonic[before + m] - harmonic[before]
    slope = mean_weight * ((p - 1) / np.maximum(n - 1, 1))
    inner = (weight_before + mean_weight) * s + slope * (m - (before + 1) * s)
    sums: Floats = p / np.maximum(n, 1) * inner
    return sums


def _none_relevant(counts: DistanceCounts, top_k: int) -> Floats:
    """Return the chance that none of the first top_k items is relevant, (q,)."""
    from scipy.stats import hypergeom  # slow import, for one protocol

    n, p, before, _ = _buckets(counts)
    chances = hypergeom.pmf(0, np.maximum(n, 1), p, within_cutoff(n, before, top_k))
    none: Floats = chances.prod(axis=1)
    return none


def _divide_by_hits(counts: DistanceCounts, m: Ints, sums: Floats) -> Floats:
    """Return the expected value of sum / hits; the number of hits depends on ties at the cutoff.

    At the distance where the ranking is cut, j of the m items within the cutoff are relevant with
    hypergeometric probability; given j, every order of the m is equally likely.
    """
    from scipy.stats import hypergeom  # slow import, for one of the denominators

    n, p, before, relevant_before = _buckets(counts)
    complete = m == n
    sure_sum, sure_hits = (np.where(complete, part, 0).sum(axis=1)[:, None] for part in (sums, p))
    cut = np.argmin(complete, axis=1)[:, None]  # the first distance not entirely within the cutoff
    n, p, m, before, relevant_before = (
        np.take_along_axis(np.where(complete, 0, part), cut, axis=1)
        for part in (n, p, m, before, relevant_before)
    )
    j = np.arange(m.max(initial=0) + 1)[None, :]
    total = sure_sum + _precision_sums(m, j, m, before, relevant_before)
    chances = hypergeom.pmf(j, np.maximum(n, 1), p, m)  # of no items, it is NaN
    shares = chances * total / np.maximum(sure_hits + j, 1)
    expected: Floats = shares.sum(axis=1)
    return expected


def _buckets(counts: DistanceCounts) -> tuple[Ints, ...]:
    """Return items, relevant, and the numbers of both that are nearer, all (q, num_bits + 1)."""
    n, p = counts
    return n, p, n.cumsum(axis=1) - n, p.cumsum(axis=1) - p


def _relevant_found(counts: DistanceCounts, top_k: int) -> Floats:
    n, p, before, _ = _buckets(counts)
    found: Floats = (p * within_cutoff(n, before, top_k) / np.maximum(n, 1)).sum(axis=1)
    return found


def within_cutoff(n: Ints, before: Ints, top_k: int) -> Ints:
    """Return the number of items at each distance that are among the first top_k.

    Raises:
        InputError: top_k < 1.
    """
    if top_k < 1:
        raise InputError("choose 1 or more", parameter="top_k", value=top_k)
    return np.clip(top_k - before, 0, n)


def _divide(part: NDArray[Any], whole: NDArray[Any]) -> Floats:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
