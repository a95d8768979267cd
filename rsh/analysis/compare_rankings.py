"""Compare two rankings of the same query: which tiles both find, and which only one of them finds.

A side is a gallery and a measure. So one can compare two models, two code lengths, two versions of
the data, or the bits with the features computed beside them.

**A tile that only one gallery holds does not count in the overlap**, as the other side could not
have found it. Both rankings are condensed to the tiles that both can find, and their first k are
compared. The results of each side are over all tiles that it can find, and its precision over those
of them that have a class.

Source: overlap at a depth is what rank-biased overlap takes the mean of, Webber et al. 2010, "A
similarity measure for indefinite rankings", https://doi.org/10.1145/1852102.1852106; on ties in it,
Corsi and Urbano 2024, "The treatment of ties in rank-biased overlap",
https://arxiv.org/abs/2406.07121; condensed lists are those of Sakai 2007, "Alternatives to Bpref",
https://doi.org/10.1145/1277741.1277756
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import hamming
from rsh.codes.cosine import cosines
from rsh.config import check_top_k
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.metrics.counts import counts_from_scores
from rsh.metrics.overlap import Overlap, inclusion_probabilities, overlap
from rsh.metrics.ranking import average_precision, precision_at

By = Literal["bits", "features"]
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Side:
    """One side of a comparison.

    Attributes:
        gallery: an opened gallery.
        by: "bits", the Hamming distance of codes; or "features", the cosine of the features, for
            all tiles and not only for those with near codes.
        include_held_out: whether tiles of the query split may be found, too.
    """

    gallery: Gallery
    by: By = "bits"
    include_held_out: bool = False

    def __post_init__(self) -> None:
        if self.by not in get_args(By):
            raise InputError(f"choose {' or '.join(get_args(By))}", parameter="by", value=self.by)

    @property
    def searchable(self) -> Rows:
        """Rows that the side may find, ascending."""
        return self.gallery.searchable_rows(include_held_out=self.include_held_out)


@dataclass(frozen=True, eq=False)
class SideResult:
    """The results of one side, nearest first.

    Attributes:
        class_name: of the query, in this gallery; "" if it is unknown.
        rows: of the tiles in this gallery, (top_k,) int64; tied tiles are in the order of
            the cosine of their features.
        distances: bits that differ from the query, (top_k,).
        scores: cosine of the features, (top_k,), -1 to 1; None where the side compares bits.
        relevant: whether each tile has a label of the query in this gallery, (top_k,); False where
            it has none.
        judged: whether the query and each tile have a label, (top_k,).
        found_by_other: probability that the other side finds it, over all orders of that side's
            ties, (top_k,): 1 or 0, unless it ties for the last places; NaN if the other side cannot
            find it.
        average_precision: over all tiles with a label that it can find, the mean over all orders of
            ties; None where no other tile has a label of the query.
        precision: share of the relevant ones of the judged tiles among the first top_k, the mean
            over all orders of ties of the tiles with a label; the results are one of these orders.
            None where no tile is judged.
        tied: how many tiles tie for the last places.
        places: how many such places there are; as many as tie where every order finds the same.
        others: how many tiles it can find that the other side cannot.
    """

    class_name: str
    rows: Rows
    distances: NDArray[np.int32]
    scores: Floats | None
    relevant: NDArray[np.bool_]
    judged: NDArray[np.bool_]
    found_by_other: Floats
    average_precision: float | None
    precision: float | None
    tied: int
    places: int
    others: int

    @property
    def only_here(self) -> NDArray[np.bool_]:
        """Whether the other side finds a tile in no order of its ties, (top_k,)."""
        return ~(self.found_by_other > 0)  # NaN, too


@dataclass(frozen=True, eq=False)
class RankingComparison:
    """The results of two sides for one query, which is never among the tiles.

    Attributes:
        query: id of its tile.
        top_k: number of results of each side.
        left: results of one side.
        right: results of the other.
        shared: how many tiles both can find.
        overlap: how many of the first top_k of these are the same; None if they share no tile.
    """

    query: str
    top_k: int
    left: SideResult
    right: SideResult
    shared: int
    overlap: Overlap | None


class RankingPair:
    """Two sides to compare; which tiles they share is computed once.

    Attributes:
        left: one side.
        right: the other.
    """

    def __init__(self, left: Side, right: Side) -> None:
        """Find the tiles that both sides can find."""
        self.left, self.right = left, right
        self._rows = _shared(left, right)

    def compare(self, query: str, *, top_k: int | None = None) -> RankingComparison:
        """Compare the nearest tiles of a tile that both galleries hold.

        Args:
            query: id of a tile; it may be one that a search does not find.
            top_k: how many tiles; by default 20, or all if one side can find fewer.

        Raises:
            InputError: a gallery does not hold the tile, or no other; or top_k is out of range.
        """
        sides = (self.left, self.right)
        own = [self._row(side.gallery, query) for side in sides]
        far = [_distances(side, row) for side, row in zip(sides, own, strict=True)]
        top_k = check_top_k(top_k, min(map(_num_others, sides, far)))
        near = [each[rows] for each, rows in zip(far, self._rows, strict=True)]
        kept = np.isfinite(near[0]) & np.isfinite(near[1])  # all but the query
        shared = int(kept.sum())
        depth = min(top_k, shared)
        found = [np.where(kept, inclusion_probabilities(each, depth), 0) for each in near]
        results = []
        for number, side in enumerate(sides):
            by_other = np.full(len(far[number]), np.nan)
            by_other[self._rows[number][kept]] = found[1 - number][kept]
            results.append(_side_result(side, own[number], far[number], by_other, top_k))
        both = overlap(*found, depth=depth) if shared else None
        left, right = results
        return RankingComparison(query, top_k, left, right, shared, both)

    def _row(self, gallery: Gallery, query: str) -> int:
        if query in gallery.ids:
            return gallery.find_row(query)
        ids = self.left.gallery.ids
        both, _ = ids.shared(self.right.gallery.ids)
        hint = (
            f"choose one of both, such as {ids[int(both.min())]}"
            if len(both)
            else "they share none"
        )
        raise InputError(f"{query} is no tile of {gallery.folder}: {hint}")


def _distances(side: Side, row: int) -> Floats:
    """Return bits, or minus a cosine, for each tile; infinity where it cannot be found."""
    gallery = side.gallery
    if side.by == "bits":
        every = hamming(gallery.packed[[row]], gallery.packed)[0].astype(np.float64)
    else:
        every = -cosines(gallery.features[row], gallery.features)
    far = np.full(len(every), np.inf)
    far[side.searchable] = every[side.searchable]
    far[row] = np.inf
    return far


def _side_result(side: Side, row: int, far: Floats, by_other: Floats, top_k: int) -> SideResult:
    """Return the results of one side from the distances of all tiles; see `found_by_other`."""
    gallery, can_find = side.gallery, np.isfinite(far)
    judged = gallery.has_label & gallery.has_label[row]
    relevant = gallery.shares_label(int(gallery.label_sets[row]))
    last = np.partition(far, top_k - 1)[top_k - 1]
    reach = np.flatnonzero(far <= last)
    near = cosines(gallery.features[row], gallery.features, reach)
    rows = reach[np.lexsort((-near, far[reach]))[:top_k]]
    num_judged, average, precision = int(judged[rows].sum()), np.nan, np.nan
    if (judged & can_find).any():
        counts = counts_from_scores(-far[judged & can_find], relevant[judged & can_find])
        average = float(average_precision(counts)[0])
        precision = float(precision_at(counts, top_k=num_judged)[0]) if num_judged else np.nan
    return SideResult(
        class_name=gallery.class_name(row),
        rows=rows,
        distances=hamming(gallery.packed[[row]], gallery.packed[rows])[0],
        scores=None if side.by == "bits" else -far[rows],
        relevant=relevant[rows],
        judged=judged[rows],
        found_by_other=by_other[rows],
        average_precision=None if np.isnan(average) else average,
        precision=None if np.isnan(precision) else precision,
        tied=int((far == last).sum()),
        places=top_k - int((far < last).sum()),
        others=int((can_find & np.isnan(by_other)).sum()),
    )


def _num_others(side: Side, far: Floats) -> int:
    most = int(np.isfinite(far).sum())
    if not most:
        raise InputError(
            f"{side.gallery.folder} holds no tile that could be found: encode more tiles"
        )
    return most


def _shared(left: Side, right: Side) -> tuple[Rows, Rows]:
    """Return the rows of the tiles that both sides can find, in one order."""
    rows, candidates = left.searchable, right.searchable
    if left.gallery is right.gallery:
        rows = np.intersect1d(rows, candidates, assume_unique=True)
        return rows, rows
    here, there = left.gallery.ids.shared(right.gallery.ids)
    both = np.isin(here, rows) & np.isin(there, candidates)
    return here[both], there[both]
