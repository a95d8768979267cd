"""Retrieval metrics of tiles with several labels: relevance by degrees.

A tile that shares labels with the query is relevant, and more so the more it shares. The degree, or
grade, r is the number of shared labels, as in the papers on multi-label hashing, or their Jaccard
index: shared labels over the labels of both. Every metric is the exact mean over all orders of tied
items, as in `rsh.metrics.ranking`, and with one label a tile equal to its binary form there.

Source: Zhao et al. 2015, "Deep semantic ranking based hashing for multi-label image retrieval",
https://arxiv.org/abs/1501.06272, section 4; Jarvelin and Kekalainen 2002,
https://doi.org/10.1145/582415.582418
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Packed
from rsh.errors import InputError
from rsh.metrics.counts import DistanceCounts, Ints, check_pairs, fold
from rsh.metrics.ranking import average_precision, cumulative_discount, within_cutoff

Grade = Literal["shared", "jaccard"]  # number of shared labels; that over the labels of both
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class GradedCounts(NamedTuple):
    """Numbers of items at each distance and of each grade.

    Attributes:
        number: (q, num_bits + 1, grades) int64.
        grades: the different grades, ascending, (grades,); the first is 0, no shared label.
    """

    number: Ints
    grades: Floats

    @property
    def binary(self) -> DistanceCounts:
        """Counts where any shared label makes an item relevant."""
        return DistanceCounts(self.number.sum(axis=2), self.number[:, :, 1:].sum(axis=2))


def grade_label_sets(query: Bools, gallery: Bools, grade: Grade) -> Floats:
    """Return the grade of each pair.

    Args:
        query: labels of each query, (q, labels).
        gallery: labels of each gallery item, (g, labels).
        grade: "shared" or "jaccard".

    Returns:
        (q, g), 0 or more; "jaccard" is 0 to 1, and 0 for two items without labels.
    """
    first, second = query.astype(np.float32), gallery.astype(np.float32)
    shared: Floats = (first @ second.T).astype(np.float64)  # small whole numbers, so exact
    if grade == "shared":
        return shared
    union = first.sum(axis=1)[:, None] + second.sum(axis=1)[None, :] - shared
    share: Floats = shared / np.maximum(union, 1)
    return share


def count_by_grade(
    query_packed: Packed,
    gallery_packed: Packed,
    query_labels: Bools,
    gallery_labels: Bools,
    *,
    num_bits: int,
    grade: Grade = "shared",
    without_self: bool = False,
) -> GradedCounts:
    """Return the numbers of items at each Hamming distance and of each grade.

    Each distinct code of a set of labels is compared once. Memory grows with queries plus gallery,
    not with their product.

    Args:
        query_packed: (q, bytes) uint8.
        gallery_packed: (g, bytes) uint8.
        query_labels: (q, labels) bool.
        gallery_labels: (g, labels) bool.
        num_bits: code length, bits.
        grade: how relevant an item is.
        without_self: leave out the query itself, which is in the gallery.

    Raises:
        InputError: an array is empty, its width does not match num_bits, or the numbers of rows
            of labels and codes differ.
    """
    query_packed, gallery_packed = check_pairs(
        query_packed, gallery_packed, query_labels, gallery_labels, num_bits=num_bits
    )
    query_sets, query_of = _distinct_sets(query_labels)
    gallery_sets, gallery_of = _distinct_sets(gallery_labels)
    pairs = grade_label_sets(query_sets, gallery_sets, grade)
    own = grade_label_sets(query_sets, query_sets, grade).diagonal()
    grades = np.unique(np.concatenate([[0.0], own, pairs.ravel()]))
    place = np.searchsorted(grades, pairs)  # (query sets, gallery sets)
    gallery = fold(gallery_packed, gallery_of)
    query = fold(query_packed, query_of)
    size, amount = num_bits + 1, gallery.number.astype(np.float64)
    number = np.empty((len(query.labels), size * len(grades)), dtype=np.int64)
    for row, of_query in enumerate(query.labels.tolist()):
        differing = np.bitwise_count(gallery.words ^ query.words[:, row, None])
        distance = differing.sum(axis=0, dtype=np.intp)
        cell = distance * len(grades) + place[of_query, gallery.labels]
        number[row] = np.bincount(cell, amount, number.shape[1])
    number = number.reshape(-1, size, len(grades))[query.column]
    if without_self:
        rows = np.arange(len(number))
        number[rows, 0, np.searchsorted(grades, own)[query_of]] -= 1
        if (number[:, 0] < 0).any():
            row = int((number[:, 0] < 0).any(axis=1).argmax())
            raise InputError(f"query {row} is not in its gallery, so it cannot be excluded")
    return GradedCounts(number, grades)


def cumulative_gain_at(counts: GradedCounts, *, top_k: int) -> Floats:
    """Return the mean grade of the first top_k (ACG@k), ties averaged.

    Returns:
        (q,), 0 to the highest grade.

    Raises:
        InputError: top_k < 1.
    """
    items = counts.number.sum(axis=2)
    within = within_cutoff(items, items.cumsum(axis=1) - items, top_k)
    found: Floats = (counts.number @ counts.grades * within / np.maximum(items, 1)).sum(axis=1)
    return found / top_k


def graded_ndcg_at(counts: GradedCounts, *, top_k: int) -> Floats:
    """Return the discounted gain of the first top_k over the maximum (NDCG@k), ties averaged.

    An item of grade r at rank t gains (2^r - 1) / log2(1 + t). NaN for queries without relevant
    items.

    Raises:
        InputError: top_k < 1.
    """
    items, gains = counts.number.sum(axis=2), np.exp2(counts.grades) - 1
    before = items.cumsum(axis=1) - items
    discount = cumulative_discount(int(items.sum(axis=1).max()))
    share = discount[before + within_cutoff(items, before, top_k)] - discount[before]
    found = (counts.number @ gains * share / np.maximum(items, 1)).sum(axis=1)
    best_first = counts.number.sum(axis=1)[:, ::-1]  # items of each grade, the highest first
    ends = np.minimum(best_first.cumsum(axis=1), top_k)
    starts = np.minimum(best_first.cumsum(axis=1) - best_first, top_k)
    best = ((discount[ends] - discount[starts]) * gains[::-1]).sum(axis=1)
    return np.where(best > 0, found / np.where(best > 0, best, 1), np.nan)


def weighted_average_precision(counts: GradedCounts, *, top_k: int | None = None) -> Floats:
    """Return the mean of ACG@t over the ranks t of the relevant items, ties averaged.

    Its mean over queries is weighted mAP. See `ranking.average_precision`: the sum of the grades
    takes the place of the number of relevant items, but for the choice of ranks.

    Args:
        counts: from `count_by_grade`.
        top_k: rank cutoff; None takes the whole ranking. The divisor is the number of relevant
            items, at most top_k.

    Returns:
        (q,), 0 to the highest grade; NaN for queries without relevant items.

    Raises:
        InputError: top_k < 1.
    """
    return average_precision(counts.binary, top_k=top_k, weights=counts.number @ counts.grades)


def _distinct_sets(labels: Bools) -> tuple[Bools, Ints]:
    """Return the different rows of a matrix of labels, and the number of each row's."""
    packed = np.packbits(labels, axis=1)
    _, firsts, of_row = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    return labels[firsts], of_row.reshape(-1).astype(np.int64)
