"""All figures of a set of codes under a protocol, however the codes were made."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Codes, Packed, hamming, pack
from rsh.codes.order import hash_order
from rsh.data.dataset import Split
from rsh.errors import InputError
from rsh.evaluation.protocols import DISJOINT, Protocol
from rsh.metrics import ranking
from rsh.metrics.counts import (
    DistanceCounts,
    count_by_distance,
    counts_from_ranking,
    order_ties,
    without_self,
)
from rsh.metrics.ranking import Ties

CUT = 20  # ranks that a person looks at
PIECE = 2**22  # pairs that are sorted at a time
Rows = NDArray[np.int64]
Floats = NDArray[np.floating[Any]]
Report = dict[str, Any]


@dataclass(frozen=True)
class RetrievalTask:
    """A protocol on a split: who asks, and what can be found.

    Attributes:
        split: all tiles, cut.
        protocol: which of them ask, which can be found, and what counts.

    Raises:
        InputError: nobody asks, or nothing can be found.
    """

    split: Split
    protocol: Protocol = DISJOINT

    def __post_init__(self) -> None:
        if not len(self.query):
            raise InputError("the data has no query tiles: split it first")
        if len(self.gallery) <= self.protocol.without_self:
            raise InputError(
                "the gallery is empty, add tiles", parameter="protocol", value=self.protocol.name
            )

    @cached_property
    def labels(self) -> Rows:
        """Class number of every tile of the split."""
        return self.split.dataset.labels

    @cached_property
    def query(self) -> Rows:
        """Rows of the tiles that ask."""
        return self.split.rows(*self.protocol.query)

    @cached_property
    def gallery(self) -> Rows:
        """Rows of the tiles that can be found."""
        return self.split.rows(*self.protocol.gallery)

    @cached_property
    def as_stored(self) -> Rows:
        """The rows of `gallery` in the order that a gallery folder would have."""
        return self.gallery[hash_order(self.split.dataset.items["id"].iloc[self.gallery])]

    @cached_property
    def groups(self) -> list[str]:
        """What belongs together among the queries: their blocks, or each is its own."""
        items = self.split.dataset.items
        names: list[str] = items["block" if "block" in items else "id"].iloc[self.query].tolist()
        return names

    def counts(self, packed: Packed, num_bits: int) -> DistanceCounts:
        """Count by distance, ties together.

        Args:
            packed: codes of all tiles of the split.
            num_bits: code length, bits.
        """
        (queries, asked), (items, found) = (
            (packed[rows], self.labels[rows]) for rows in (self.query, self.gallery)
        )
        counts = count_by_distance(queries, items, asked, found, num_bits=num_bits)
        return without_self(counts) if self.protocol.without_self else counts

    def rankings(self, distances: Callable[[Rows, Rows], NDArray[Any]]) -> Iterator[DistanceCounts]:
        """Rank the gallery strictly, for a few queries at a time.

        Args:
            distances: gives those of query rows to gallery rows, (q, g).
        """
        pieces = -(-len(self.query) * len(self.gallery) // PIECE)
        for part in np.array_split(self.query, min(pieces, len(self.query))):
            own = np.searchsorted(self.gallery, part) if self.protocol.without_self else None
            same = self.labels[part, None] == self.labels[self.gallery]
            yield counts_from_ranking(distances(part, self.gallery), same, own=own)

    def precision(self, counts: DistanceCounts) -> Floats:
        """Return the average precision of each query as the protocol has it."""
        top_k, denominator = self.protocol.top_k, self.protocol.denominator
        return ranking.average_precision(counts, top_k=top_k, denominator=denominator)


def metrics_by_ranking(
    codes: Codes, setting: RetrievalTask, ties: Ties = "average"
) -> dict[str, Floats]:
    """Return the figures that depend on ranks, each (q,); the protocol's own is "map".

    Args:
        codes: of all tiles of the split, (n, num_bits), only -1 and +1.
        setting: who asks, and what can be found.
        ties: the mean over all orders ("average"), the order of the gallery's rows ("argsort"),
            relevant tiles first ("optimiztic") or last ("pessimistic").
    """
    packed = pack(codes)
    return _by_query(packed, setting.counts(packed, codes.shape[1]), setting, ties)


def score(codes: Codes, setting: RetrievalTask, *, ties: Ties = "average") -> Report:
    """Return every figure of a set of codes, ready for JSON.

    Args:
        codes: of all tiles of the split, (n, num_bits), only -1 and +1.
        setting: who asks, and what can be found.
        ties: see `metrics_by_ranking`; figures by radius do not depend on it.
    """
    packed, num_bits = pack(codes), codes.shape[1]
    counts = setting.counts(packed, num_bits)
    by_query = _by_query(packed, counts, setting, ties)
    report: Report = {name: float(np.nanmean(values)) for name, values in by_query.items()}
    for name, best in (("map_optimiztic", True), ("map_pessimistic", False)):
        report[name] = float(np.nanmean(setting.precision(order_ties(counts, best=best))))
    return report | {
        "map_interval": ranking.bootstrap_interval(by_query["map"], setting.groups),
        **_by_radius(counts),
        "distinct_codes": ranking.distinct_codes(packed[setting.gallery]),
        "neighbor_classes": _plain(neighbor_classes(packed, setting, num_bits)),
        "average_precision": _plain(by_query["map"]),
        "groups": setting.groups,
    }


def cosine_map(rows: Floats, setting: RetrievalTask) -> float:
    """Return the mAP of real-valued rows by cosine: the bound that codes are held against.

    Args:
        rows: of all tiles of the split, (n, d), any scale.
        setting: who asks, and what can be found.
    """
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    rankings = setting.rankings(lambda query, gallery: -unit[query] @ unit[gallery].T)
    return float(np.nanmean(np.concatenate([setting.precision(piece) for piece in rankings])))


def neighbor_classes(packed: Packed, setting: RetrievalTask, num_bits: int) -> Floats:
    """Share of each class among the first 20 neighbors of each class's queries, ties averaged.

    Args:
        packed: codes of all tiles of the split.
        setting: who asks, and what can be found.
        num_bits: code length, bits.

    Returns:
        (classes, classes) floats, a row for each class of queries; NaN where none of a class asks.
    """
    labels, query, gallery = setting.labels, setting.query, setting.gallery
    number = len(setting.split.dataset.classes)
    items, found = setting.counts(packed, num_bits).items, np.zeros((len(query), number))
    for of_class in np.unique(labels[gallery]):  # each tile of the gallery is compared once
        members = gallery[labels[gallery] == of_class]
        one = [np.zeros(len(rows)) for rows in (query, members)]  # as if of one class
        within = count_by_distance(packed[query], packed[members], *one, num_bits=num_bits).items
        if setting.protocol.without_self:
            within[:, 0] -= labels[query] == of_class
        found[:, of_class] = ranking.precision_at(DistanceCounts(items, within), top_k=CUT)
    sums = np.full((number, number), np.nan)
    for of_class in np.unique(labels[query]):
        sums[of_class] = found[labels[query] == of_class].sum(axis=0)
    shares: Floats = sums / sums.sum(axis=1, keepdims=True)
    return shares


def _by_query(
    packed: Packed, counts: DistanceCounts, setting: RetrievalTask, ties: Ties
) -> dict[str, Floats]:
    most = int(counts.relevant.sum(axis=1).max())
    if ties == "argsort":  # a stable sort of 16-bit numbers is a fast one

        def distances(query: Rows, gallery: Rows) -> NDArray[np.uint16]:
            return hamming(packed[query], packed[gallery]).astype(np.uint16)

        pieces = [_figures(piece, setting, most) for piece in setting.rankings(distances)]
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    if ties != "average":
        counts = order_ties(counts, best=ties == "optimiztic")
    return _figures(counts, setting, most)


def _figures(counts: DistanceCounts, setting: RetrievalTask, most: int) -> dict[str, Floats]:
    return {
        "map": setting.precision(counts),
        "map_at_20": ranking.average_precision(counts, top_k=CUT),
        "precision_at_20": ranking.precision_at(counts, top_k=CUT),
        "recall_at_20": ranking.recall_at(counts, top_k=CUT),
        "ndcg_at_20": ranking.ndcg_at(counts, top_k=CUT),
        "anmrr": ranking.nmrr(counts, most_relevant=most),
    }


def _by_radius(counts: DistanceCounts) -> Report:
    """Return what does not depend on the order of ties."""
    same, others = ranking.distances_by_class(counts)
    report: Report = {
        "precision_within_2": float(ranking.precision_within(counts, radius=2).mean()),
        "same_class_by_distance": same.tolist(),
        "other_classes_by_distance": others.tolist(),
        "mean_distance_same_class": _mean_distance(same),
        "mean_distance_other_classes": _mean_distance(others),
    }
    for name, micro in (("", False), ("_micro", True)):
        precision, recall = ranking.precision_recall(counts, micro=micro)
        report |= {f"precision_by_radius{name}": _plain(precision)}
        report |= {f"recall_by_radius{name}": _plain(recall)}
    return report


def _mean_distance(pairs: NDArray[np.int64]) -> float | None:
    """Return the mean of a histogram by distance, bits."""
    total = int(pairs.sum())
    return float(pairs @ np.arange(len(pairs)) / total) if total else None


def _plain(values: Floats) -> list[Any]:
    """Make lists of an array, with None for NaN, which JSON does not have."""
    objects = values.astype(object)
    objects[np.isnan(values)] = None
    plain: list[Any] = objects.tolist()
    return plain
