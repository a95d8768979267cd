"""Counts of items by distance from each query: the input of every retrieval metric."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsh.codes.binary import Packed, Words, as_words, check_packed
from rsh.errors import InputError

Ints = NDArray[np.int64]
MIN_QUERIES_TO_FOLD = 32  # below, sorting the gallery takes longer than it saves
MIN_PAIRS_TO_COMPILE = 5_000_000  # below, importing numba takes longer than it saves


class DistanceCounts(NamedTuple):
    """Numbers of items at each distance from each query.

    Attributes:
        items: (q, num_bits + 1) int64, all gallery items.
        relevant: (q, num_bits + 1) int64, those that share the query's class.
    """

    items: Ints
    relevant: Ints


class Folded(NamedTuple):
    """Distinct codes of each class, or of each set of labels, in words as `as_words` gives them.

    Attributes:
        words: (words, n), a column per code.
        labels: class of each code, (n,).
        number: number of items with this code, (n,).
        column: column of each item.
    """

    words: Words
    labels: NDArray[np.generic]
    number: Ints
    column: Ints


def count_by_distance(
    query_packed: Packed,
    gallery_packed: Packed,
    query_labels: ArrayLike,
    gallery_labels: ArrayLike,
    *,
    num_bits: int,
) -> DistanceCounts:
    """Return the numbers of items and of relevant items at each Hamming distance.

    Trained networks give many tiles the same code, so each distinct code of a class is compared
    once. Memory grows with queries plus gallery, not with their product.

    Args:
        query_packed: (q, bytes) uint8.
        gallery_packed: (g, bytes) uint8.
        query_labels: class of each query, (q,).
        gallery_labels: class of each gallery item, (g,).
        num_bits: code length, bits.

    Raises:
        InputError: an array is empty, its width does not match num_bits, or the numbers of labels
            and codes differ.
    """
    query_labels, gallery_labels = np.asarray(query_labels), np.asarray(gallery_labels)
    query_packed, gallery_packed = check_pairs(
        query_packed, gallery_packed, query_labels, gallery_labels, num_bits=num_bits
    )
    many = len(query_packed) >= MIN_QUERIES_TO_FOLD
    make = fold if many else _as_they_are
    query, gallery = make(query_packed, query_labels), make(gallery_packed, gallery_labels)
    large = many and len(query.labels) * len(gallery.labels) >= MIN_PAIRS_TO_COMPILE
    counts = _count_compiled(query, gallery, num_bits) if large else None
    counts = counts or _count(query, gallery, num_bits)
    return DistanceCounts(*(part[query.column] for part in counts))


def check_pairs(
    query_packed: Packed,
    gallery_packed: Packed,
    query_labels: NDArray[np.generic],
    gallery_labels: NDArray[np.generic],
    *,
    num_bits: int,
) -> tuple[Packed, Packed]:
    """Return packed codes of queries and gallery that fit their labels.

    Raises:
        InputError: an array is empty, its width does not match num_bits, or the numbers of labels
            and codes differ.
    """
    query_packed, gallery_packed = (
        check_packed(packed, num_bits) for packed in (query_packed, gallery_packed)
    )
    for what, codes, labels in (
        ("query", query_packed, query_labels),
        ("gallery", gallery_packed, gallery_labels),
    ):
        if len(codes) != len(labels) or not len(codes):
            raise InputError(
                f"{len(codes)} {what} codes with {len(labels)} labels: need one label per code"
            )
    return query_packed, gallery_packed


def without_self(counts: DistanceCounts) -> DistanceCounts:
    """Return counts without the query itself, which is relevant and at distance 0.

    Raises:
        InputError: a query is not in its gallery.
    """
    items, relevant = (part.copy() for part in counts)
    items[:, 0] -= 1
    relevant[:, 0] -= 1
    if (relevant[:, 0] < 0).any():
        row = int((relevant[:, 0] < 0).argmax())
        raise InputError(f"query {row} is not in its gallery, so it cannot be excluded")
    return DistanceCounts(items, relevant)


def order_ties(counts: DistanceCounts, *, best: bool) -> DistanceCounts:
    """Return counts with the relevant items of each distance before the others, or after them.

    Args:
        counts: from `count_by_distance`.
        best: relevant items come first; otherwise last.

    Returns:
        DistanceCounts with two columns per distance, one all relevant and one all irrelevant, so
        that metrics do not depend on the order of ties.
    """
    items, hits = counts
    halves = ((hits, hits), (items - hits, np.zeros_like(hits)))
    pairs = zip(*(halves if best else halves[::-1]), strict=True)
    return DistanceCounts(*(np.stack(pair, axis=2).reshape(len(items), -1) for pair in pairs))


def counts_from_ranking(
    distances: ArrayLike, relevant: ArrayLike, *, own: Ints | None = None
) -> DistanceCounts:
    """Return counts of a strict ranking: a stable sort keeps ties in the order of the gallery.

    Args:
        distances: (q, g), whole or real, smaller is nearer.
        relevant: (q, g) bool.
        own: gallery column of each query, (q,), which is excluded.

    Returns:
        DistanceCounts with one item per column, (q, g), or (q, g - 1) without the query itself.
    """
    order = np.argsort(np.asarray(distances), axis=1, kind="stable")
    if own is not None:
        order = order[order != own[:, None]].reshape(len(order), order.shape[1] - 1)
    hits = np.take_along_axis(np.asarray(relevant), order, axis=1).astype(np.int64)
    return DistanceCounts(np.ones_like(hits), hits)


def counts_from_scores(scores: ArrayLike, relevant: ArrayLike) -> DistanceCounts:
    """Return counts of the ranking of one query by real scores; equal scores tie.

    Args:
        scores: (g,), more is nearer.
        relevant: (g,) bool.

    Returns:
        DistanceCounts with a column for each different score, (1, number of them).
    """
    far = -np.asarray(scores)
    values, items = np.unique(far, return_counts=True)
    own, number = np.unique(far[np.asarray(relevant, dtype=bool)], return_counts=True)
    hits = np.zeros_like(items)
    hits[np.searchsorted(values, own)] = number
    return DistanceCounts(items[None].astype(np.int64), hits[None].astype(np.int64))


def _as_they_are(packed: Packed, labels: NDArray[np.generic]) -> Folded:
    """Return codes as if all were distinct."""
    every = np.arange(len(labels))
    return Folded(np.ascontiguousarray(as_words(packed).T), labels, np.ones_like(every), every)


def fold(packed: Packed, labels: NDArray[np.generic]) -> Folded:
    """Return the distinct codes of each class, sorted by class.

    Args:
        packed: (n, bytes) uint8.
        labels: class of each item, (n,), or the number of its set of labels.
    """
    words = np.ascontiguousarray(as_words(packed).T)
    every = np.arange(len(labels))
    order = np.lexsort((*words, labels))
    words, labels = words[:, order], labels[order]
    new = np.append(True, labels[1:] != labels[:-1])
    new[1:] |= (words[:, 1:] != words[:, :-1]).any(axis=0)
    first, column = np.flatnonzero(new), np.empty_like(every)
    column[order] = np.cumsum(new) - 1
    words = np.ascontiguousarray(words[:, first])  # rows of words are read in order
    number = np.diff(first, append=len(order))
    return Folded(words, labels[first], number, column)


def _count(query: Folded, gallery: Folded, num_bits: int) -> DistanceCounts:
    """Return counts for each folded query, one row of distances at a time."""
    size = num_bits + 1
    number = gallery.number.astype(np.float64)  # exact below 2**53, and what bincount adds up
    counts = DistanceCounts(*np.zeros((2, len(query.labels), size), dtype=np.int64))
    for label in np.unique(query.labels):
        own = np.flatnonzero(gallery.labels == label)
        own_number = number[own]
        for row in np.flatnonzero(query.labels == label):
            differing = np.bitwise_count(gallery.words ^ query.words[:, row, None])
            distance = differing.sum(axis=0, dtype=np.intp)
            counts.items[row] = np.bincount(distance, number, size)
            counts.relevant[row] = np.bincount(distance[own], own_number, size)
    return counts


def _count_compiled(query: Folded, gallery: Folded, num_bits: int) -> DistanceCounts | None:
    """Return the same as `_count`, from a compiled loop; None if it cannot be compiled."""
    try:
        from rsh.codes.hamming import count_distances
    except RuntimeError:  # numba has no writable folder for its cache
        return None
    ends = [np.searchsorted(gallery.labels, query.labels, side) for side in ("left", "right")]
    codes = np.ascontiguousarray(query.words.T), gallery.words
    return DistanceCounts(
        *count_distances(*codes, gallery.number, np.stack(ends, axis=1), num_bits=num_bits)
    )
