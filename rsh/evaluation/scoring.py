"""Retrieval metrics of a set of codes under a protocol."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Codes, Packed, hamming, pack
from rsh.codes.order import hash_order
from rsh.config import Ties
from rsh.data.dataset import Split
from rsh.errors import InputError
from rsh.evaluation.protocols import DISJOINT, UNSEEN, Protocol
from rsh.metrics import graded, ranking
from rsh.metrics.counts import (
    DistanceCounts,
    count_by_distance,
    counts_from_ranking,
    order_ties,
    without_self,
)
from rsh.metrics.graded import Grade, GradedCounts, count_by_grade, grade_label_sets

CUT = 20  # rank cutoff of the metrics @20
DEEP_CUT = 100  # second rank cutoff of graded NDCG
QUERIES_PER_BLOCK = 2048  # whose counts by distance and grade are in memory at once
PAIRS_PER_BLOCK = 2**22  # pairs that are sorted at once
Rows = NDArray[np.int64]
Floats = NDArray[np.floating[Any]]
Report = dict[str, Any]


@dataclass(frozen=True)
class RetrievalTask:
    """A protocol on a split: the query rows and the gallery rows.

    Tiles without a label are in neither: whether they are relevant is unknown. Where tiles may have
    several labels, any shared label makes a tile relevant.

    Attributes:
        split: all tiles, with their splits.
        protocol: which splits are queries, which are searched, and the metric.

    Raises:
        InputError: there are no queries, no gallery, or no relevant tile for any query; or all
            tiles of the gallery are of one class.
    """

    split: Split
    protocol: Protocol = DISJOINT

    def __post_init__(self) -> None:
        if self.protocol.needs_unseen and self.split.dataset.has_several:
            raise InputError(
                "it needs one class a tile, and the data has several labels: choose another one",
                parameter="protocol",
                value=self.protocol.name,
            )
        if self.protocol.needs_unseen and not len(labeled_rows(self.split, UNSEEN)):
            raise InputError(
                "all classes of the data were learned: leave some out (rsh train --unseen 0.25)",
                parameter="protocol",
                value=self.protocol.name,
            )
        if not len(self.query):
            raise InputError("the data has no query tiles with a label: split it first")
        if len(self.gallery) <= self.protocol.without_self:
            raise InputError(
                "the gallery is empty, add tiles", parameter="protocol", value=self.protocol.name
            )
        matrix = self.split.dataset.label_matrix
        tiles = matrix[self.gallery].sum(axis=0)  # of each label
        if not matrix[self.query][:, tiles > self.protocol.without_self].any():
            raise InputError(
                "no query has a tile of its class in the gallery, so mAP is undefined: "
                "add tiles, or choose another protocol",
                parameter="protocol",
                value=self.protocol.name,
            )
        if np.count_nonzero(tiles) < 2:
            raise InputError("all tiles are of one class: every ranking is right")

    @cached_property
    def labels(self) -> Rows:
        """Class number of every tile of the split."""
        return self.split.dataset.labels

    @property
    def has_several(self) -> bool:
        """Whether tiles may have several labels."""
        return self.split.dataset.has_several

    def relevant(self, query: Rows, gallery: Rows) -> NDArray[np.bool_]:
        """Return which tiles are relevant to which, by rows of the split, (q, g)."""
        if not self.has_several:
            return np.asarray(self.labels[query, None] == self.labels[gallery])
        matrix = self.split.dataset.label_matrix
        return grade_label_sets(matrix[query], matrix[gallery], "shared") > 0

    @cached_property
    def query(self) -> Rows:
        """Rows of the query tiles."""
        return labeled_rows(self.split, *self.protocol.query)

    @cached_property
    def gallery(self) -> Rows:
        """Rows of the gallery tiles."""
        return labeled_rows(self.split, *self.protocol.gallery)

    @cached_property
    def as_stored(self) -> Rows:
        """The rows of `gallery` in the order of a gallery folder."""
        return self.gallery[hash_order(self.split.dataset.items["id"].iloc[self.gallery])]

    @cached_property
    def groups(self) -> list[str]:
        """Group of each query for the bootstrap: its block, or itself if there are no blocks."""
        items = self.split.dataset.items
        names: list[str] = items["block" if "block" in items else "id"].iloc[self.query].tolist()
        return names

    @cached_property
    def has_twin(self) -> NDArray[np.bool_]:
        """Whether an equal image of each query is in the gallery, besides the query itself."""
        digests = np.array([digest.hex() for digest in self.split.dataset.digests])
        known, counts = np.unique(digests[self.gallery], return_counts=True)
        found = dict(zip(known.tolist(), counts.tolist(), strict=True))
        others = np.array([found.get(digest, 0) for digest in digests[self.query].tolist()])
        others -= np.isin(self.query, self.gallery)
        return others > 0

    def counts(self, packed: Packed, num_bits: int) -> DistanceCounts:
        """Return counts by distance, from packed codes of all tiles of the split."""
        if self.has_several:
            blocks = [counts.binary for counts in self.graded(packed, num_bits, "shared")]
            return DistanceCounts(*map(np.concatenate, zip(*blocks, strict=True)))
        query, gallery, labels = self.query, self.gallery, self.labels
        counts = count_by_distance(
            packed[query], packed[gallery], labels[query], labels[gallery], num_bits=num_bits
        )
        return without_self(counts) if self.protocol.without_self else counts

    def graded(self, packed: Packed, num_bits: int, grade: Grade) -> Iterator[GradedCounts]:
        """Yield counts by distance and grade for some queries at a time, several labels a tile.

        Args:
            packed: codes of all tiles of the split.
            num_bits: code length, bits.
            grade: how relevant a tile is.
        """
        matrix, gallery = self.split.dataset.label_matrix, self.gallery
        for rows in np.array_split(self.query, -(-len(self.query) // QUERIES_PER_BLOCK)):
            yield count_by_grade(
                packed[rows],
                packed[gallery],
                matrix[rows],
                matrix[gallery],
                num_bits=num_bits,
                grade=grade,
                without_self=self.protocol.without_self,
            )

    def rankings(self, distances: Callable[[Rows, Rows], NDArray[Any]]) -> Iterator[DistanceCounts]:
        """Yield strict rankings of the gallery, for a few queries at a time.

        Args:
            distances: returns the distances of query rows to gallery rows, (q, g).
        """
        blocks = -(-len(self.query) * len(self.gallery) // PAIRS_PER_BLOCK)
        for rows in np.array_split(self.query, min(blocks, len(self.query))):
            own = np.searchsorted(self.gallery, rows) if self.protocol.without_self else None
            relevant = self.relevant(rows, self.gallery)
            yield counts_from_ranking(distances(rows, self.gallery), relevant, own=own)

    def precision(self, counts: DistanceCounts) -> Floats:
        """Return the average precision of each query as the protocol defines it."""
        top_k, denominator = self.protocol.top_k, self.protocol.denominator
        if denominator == "any":
            return ranking.later_hit(counts, top_k=top_k or len(self.gallery))
        return ranking.average_precision(counts, top_k=top_k, denominator=denominator)

    def figures(self, precisions: Floats) -> Floats:
        """Return what the protocol takes the mean of, from the precision of all queries.

        Args:
            precisions: of each query, in the order of rows, (q,).

        Returns:
            (q,), NaN for queries that it leaves out. Where queries are weighted by those so far,
            it is the mean over all orders of ties, which are independent between queries.
        """
        if self.protocol.over_queries == "nonzero":
            return np.where(precisions > 0, precisions, np.nan)
        if self.protocol.over_queries == "running":
            earlier = np.cumsum(precisions) - precisions
            return precisions * (1 + earlier) / np.arange(1, len(precisions) + 1)
        return precisions


def labeled_rows(split: Split, *names: str) -> Rows:
    """Return the rows of the tiles with a label in any of these splits."""
    rows = split.rows(*names)
    labeled: Rows = rows[split.dataset.has_label[rows]]
    return labeled


def average_precisions(codes: Codes, task: RetrievalTask, ties: Ties | None = None) -> Floats:
    """Return what the protocol takes the mean of, for each query, (q,).

    Args:
        codes: of all tiles of the split, (n, num_bits), only -1 and +1.
        task: queries and gallery.
        ties: the mean over all orders ("average"), the order of gallery rows ("argsort"),
            relevant tiles first ("optimistic") or last ("pessimistic"); by default that of the
            protocol.
    """
    packed = pack(codes)
    return _precisions(packed, task.counts(packed, codes.shape[1]), task, ties)


def score_map(codes: Codes, task: RetrievalTask) -> Report:
    """Return the mAP of a protocol with its interval, and in the best and worst order of ties."""
    packed = pack(codes)
    counts = task.counts(packed, codes.shape[1])
    precisions = _precisions(packed, counts, task, None)
    return {
        "map": float(np.nanmean(precisions)),
        "map_interval": ranking.bootstrap_interval(precisions, task.groups),
        **_by_extreme_order(counts, task),
    }


def score(codes: Codes, task: RetrievalTask, *, ties: Ties | None = None) -> Report:
    """Return every metric of a set of codes, ready for JSON.

    Args:
        codes: of all tiles of the split, (n, num_bits), only -1 and +1.
        task: queries and gallery.
        ties: see `average_precisions`; metrics by radius do not depend on it.
    """
    packed, num_bits = pack(codes), codes.shape[1]
    counts = task.counts(packed, num_bits)
    by_query = _by_query(packed, counts, task, ties)
    report: Report = {name: float(np.nanmean(values)) for name, values in by_query.items()}
    return report | {
        **_by_extreme_order(counts, task),
        "map_interval": ranking.bootstrap_interval(by_query["map"], task.groups),
        **_by_radius(counts),
        "distinct_codes": ranking.distinct_codes(packed[task.gallery]),
        "average_precision": _to_json(by_query["map"]),
        "groups": task.groups,
        **_by_labels(packed, task, num_bits),
    }


def graded_metrics(packed: Packed, task: RetrievalTask, num_bits: int) -> dict[str, Floats]:
    """Return the metrics of tiles with several labels, each (q,), ties averaged.

    ACG, weighted mAP and NDCG by the number of shared labels; by their Jaccard index, the mean of
    the first 20 and NDCG. See `rsh.metrics.graded`.

    Args:
        packed: codes of all tiles of the split.
        task: queries and gallery.
        num_bits: code length, bits.
    """
    found: dict[str, list[Floats]] = {}
    prefixes: dict[Grade, str] = {"shared": "", "jaccard": "jaccard_"}
    for grade, prefix in prefixes.items():
        for counts in task.graded(packed, num_bits, grade):
            metrics = {f"{prefix}acg_at_{CUT}": graded.cumulative_gain_at(counts, top_k=CUT)}
            for cut in (CUT, DEEP_CUT):
                ndcg = graded.graded_ndcg_at(counts, top_k=cut)
                metrics[f"{prefix}graded_ndcg_at_{cut}"] = ndcg
            if grade == "shared":
                metrics["weighted_map"] = graded.weighted_average_precision(counts)
            for name, values in metrics.items():
                found.setdefault(name, []).append(values)
    return {name: np.concatenate(values) for name, values in found.items()}


def cosine_map(rows: Floats, task: RetrievalTask) -> float:
    """Return the mAP by cosine of real vectors, (n, d), of any scale: a reference for the codes."""
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    rankings = task.rankings(lambda query, gallery: -unit[query] @ unit[gallery].T)
    precisions = np.concatenate([task.precision(piece) for piece in rankings])
    return float(np.nanmean(task.figures(precisions)))


def neighbor_classes(packed: Packed, task: RetrievalTask, num_bits: int) -> Floats:
    """Return the share of each class among the first 20 neighbors of each class's queries.

    Ties are averaged.

    Args:
        packed: codes of all tiles of the split.
        task: queries and gallery.
        num_bits: code length, bits.

    Returns:
        (classes, classes) floats, a row per class of queries; NaN for a class without queries.
    """
    labels, query, gallery = task.labels, task.query, task.gallery
    number = len(task.split.dataset.classes)
    items, precision = task.counts(packed, num_bits).items, np.zeros((len(query), number))
    for of_class in np.unique(labels[gallery]):  # each gallery tile is compared once
        members = gallery[labels[gallery] == of_class]
        same = [np.zeros(len(rows)) for rows in (query, members)]  # as if of one class
        within = count_by_distance(packed[query], packed[members], *same, num_bits=num_bits).items
        if task.protocol.without_self:
            within[:, 0] -= labels[query] == of_class
        precision[:, of_class] = ranking.precision_at(DistanceCounts(items, within), top_k=CUT)
    sums = np.full((number, number), np.nan)
    for of_class in np.unique(labels[query]):
        sums[of_class] = precision[labels[query] == of_class].sum(axis=0)
    shares: Floats = sums / sums.sum(axis=1, keepdims=True)
    return shares


def _by_labels(packed: Packed, task: RetrievalTask, num_bits: int) -> Report:
    """Return the classes of neighbors, or graded metrics where tiles may have several labels."""
    if not task.has_several:
        return {"neighbor_classes": _to_json(neighbor_classes(packed, task, num_bits))}
    return {
        name: float(np.nanmean(values))
        for name, values in graded_metrics(packed, task, num_bits).items()
    }


def _by_extreme_order(counts: DistanceCounts, task: RetrievalTask) -> Report:
    """Return the mAP with relevant tiles first and last among those that are tied."""
    return {
        name: float(np.nanmean(task.figures(task.precision(order_ties(counts, best=best)))))
        for name, best in (("map_optimistic", True), ("map_pessimistic", False))
    }


def _precisions(
    packed: Packed, counts: DistanceCounts, task: RetrievalTask, ties: Ties | None
) -> Floats:
    ordered = _in_order(packed, counts, task, ties)
    return task.figures(np.concatenate([task.precision(each) for each in ordered]))


def _by_query(
    packed: Packed, counts: DistanceCounts, task: RetrievalTask, ties: Ties | None
) -> dict[str, Floats]:
    """Return the metrics that depend on ranks, each (q,); "map" is that of the protocol."""
    most = int(counts.relevant.sum(axis=1).max())
    blocks = [_metrics(each, task, most) for each in _in_order(packed, counts, task, ties)]
    found = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return found | {"map": task.figures(found["map"])}


def _in_order(
    packed: Packed, counts: DistanceCounts, task: RetrievalTask, ties: Ties | None
) -> Iterator[DistanceCounts]:
    """Yield the counts of some queries at a time with their ties in an order."""
    ties = ties or task.protocol.ties
    if ties == "average":
        yield counts
    elif ties == "argsort":  # a stable sort of 16-bit numbers is fast

        def distances(query: Rows, gallery: Rows) -> NDArray[np.uint16]:
            return hamming(packed[query], packed[gallery]).astype(np.uint16)

        yield from task.rankings(distances)
    else:
        yield order_ties(counts, best=ties == "optimistic")


def _metrics(counts: DistanceCounts, task: RetrievalTask, most: int) -> dict[str, Floats]:
    return {
        "map": task.precision(counts),
        "map_at_20": ranking.average_precision(counts, top_k=CUT),
        "precision_at_20": ranking.precision_at(counts, top_k=CUT),
        "recall_at_20": ranking.recall_at(counts, top_k=CUT),
        "ndcg_at_20": ranking.ndcg_at(counts, top_k=CUT),
        "anmrr": ranking.nmrr(counts, most_relevant=most),
    }


def _by_radius(counts: DistanceCounts) -> Report:
    """Return the metrics that do not depend on the order of ties."""
    relevant, others = ranking.distances_by_relevance(counts)
    report: Report = {
        "precision_within_2": float(ranking.precision_within(counts, radius=2).mean()),
        "relevant_by_distance": relevant.tolist(),
        "others_by_distance": others.tolist(),
        "mean_distance_relevant": _mean_distance(relevant),
        "mean_distance_others": _mean_distance(others),
    }
    for name, micro in (("", False), ("_micro", True)):
        precision, recall = ranking.precision_recall(counts, micro=micro)
        report[f"precision_by_radius{name}"] = _to_json(precision)
        report[f"recall_by_radius{name}"] = _to_json(recall)
    return report


def _mean_distance(pairs: NDArray[np.int64]) -> float | None:
    """Return the mean of a histogram by distance, bits."""
    total = int(pairs.sum())
    return float(pairs @ np.arange(len(pairs)) / total) if total else None


def _to_json(values: Floats) -> list[Any]:
    """Return an array as lists, with None for NaN, which JSON does not have."""
    objects = values.astype(object)
    objects[np.isnan(values)] = None
    return list(objects.tolist())
