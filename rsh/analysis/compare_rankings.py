"""The same question asked of two sides: what both find, and what only one of them finds.

A side is a gallery and a measure. So two models can be held against each other, two code lengths,
two versions of the data, or the bits against the features that they were made beside.

**A tile that only one gallery can find counts for no overlap.** The other side could not have found
it, however well it measures: both rankings are condensed to the tiles that both can find, and their
first k are compared. What each side shows, and its precision, are of all that it can find.

Source: overlap at a depth is what rank-biased overlap takes the mean of, Webber et al. 2010, "A
similarity measure for indefinite rankings", https://doi.org/10.1145/1852102.1852106; on ties in it,
Corsi and Urbano 2024, "The treatment of ties in rank-biased overlap",
https://arxiv.org/abs/2406.07121; condensed lists are those of Sakai 2007, "Alternatives to Bpref",
https://doi.org/10.1145/1277741.1277756
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.codes.binary import hamming
from rsh.codes.encodings import HalfArray
from rsh.config import check_top_k
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.metrics.counts import counts_from_scores
from rsh.metrics.overlap import Overlap, inclusion_probabilities, overlap
from rsh.metrics.ranking import average_precision, precision_at

By = Literal["bits", "features"]
PIECE = 2**11  # rows whose features are in memory as float64 at a time: they stay in the cache
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Side:
    """What is asked.

    Attributes:
        gallery: an opened gallery.
        by: "bits", the Hamming distance of codes; or "features", the cosine of the features before
            them, with every tile and not only with those that bits have found.
    """

    gallery: Gallery
    by: By = "bits"

    def __post_init__(self) -> None:
        if self.by not in get_args(By):
            raise InputError(f"choose {' or '.join(get_args(By))}", parameter="by", value=self.by)


@dataclass(frozen=True)
class ComparedHit:
    """One tile that a side has found.

    Attributes:
        row: in the gallery of its side.
        rank: from 1; what ties is in the gallery's order, which is shuffled by a hash of the id.
        id: of the tile.
        class_name: its class, as this gallery has it.
        distance: bits that differ from the query.
        score: cosine of the features, -1 to 1; None where the side compares bits.
        relevant: whether it has the query's class in this gallery.
        elsewhere: chance that the other side finds it, too, over all orders of that side's ties:
            1 or 0, unless it ties for the last places; None if the other side cannot find it.
    """

    row: int
    rank: int
    id: str
    class_name: str
    distance: int
    score: float | None
    relevant: bool
    elsewhere: float | None

    @property
    def only_here(self) -> bool:
        """Whether the other side finds it in no order of its ties."""
        return not self.elsewhere


@dataclass(frozen=True)
class SideResult:
    """What one side says.

    Attributes:
        class_name: of the query, as this gallery has it.
        hits: what it found, the nearest first.
        average_precision: over all tiles it can find, the mean over all orders of ties; None where
            no other tile has the query's class.
        precision: share of the first top_k with the query's class, the mean over all orders of
            ties; the hits are one of these orders.
        tied: how many tiles tie for its last places.
        places: how many such places there are; as many as tie where every order finds the same.
        others: how many tiles it can find that the other side cannot.
    """

    class_name: str
    hits: tuple[ComparedHit, ...]
    average_precision: float | None
    precision: float
    tied: int
    places: int
    others: int


@dataclass(frozen=True)
class RankingComparison:
    """The answers of two sides to one question; the query itself is never among the tiles.

    Attributes:
        query: id of the tile that was asked with.
        top_k: how many tiles each side shows.
        left: the answer of one side.
        right: that of the other.
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
    """Two sides that can be asked; which tiles they share is found out once.

    Attributes:
        left: one side.
        right: the other.
    """

    def __init__(self, left: Side, right: Side) -> None:
        """Find the tiles that both sides can find."""
        self.left, self.right = left, right
        self._rows = _shared(left.gallery, right.gallery)

    def ask(self, query: str, *, top_k: int | None = None) -> RankingComparison:
        """Ask both sides which tiles are nearest to one that both galleries hold.

        Args:
            query: id of a tile; it need not be one that a search may find.
            top_k: how many tiles; by default 20, or all if one side can find fewer.

        Raises:
            InputError: a gallery does not hold the tile, or no other; or top_k is out of range.
        """
        sides = (self.left, self.right)
        own = [self._row(side.gallery, query) for side in sides]
        far = [_far(side, row) for side, row in zip(sides, own, strict=True)]
        top_k = check_top_k(top_k, min(map(_most, sides, far)))
        near = [each[rows] for each, rows in zip(far, self._rows, strict=True)]
        kept = np.isfinite(near[0]) & np.isfinite(near[1])  # all but the query
        shared = int(kept.sum())
        found = [
            np.where(kept, inclusion_probabilities(each, min(top_k, shared)), 0) for each in near
        ]
        left, right = (
            self._answered(number, own[number], far[number], found[1 - number], top_k, shared)
            for number in (0, 1)
        )
        depth = min(top_k, shared)
        both = overlap(*found, depth=depth) if shared else None
        return RankingComparison(query, top_k, left, right, shared, both)

    def _answered(
        self, number: int, row: int, far: Floats, elsewhere: Floats, top_k: int, shared: int
    ) -> SideResult:
        """Put the answer of one side together.

        Args:
            number: of the side, 0 or 1.
            row: the query's.
            far: of each row of its gallery.
            elsewhere: chance of each shared tile to be found by the other side.
            top_k: how many tiles are shown.
            shared: how many tiles both sides can find.
        """
        side = (self.left, self.right)[number]
        labels, can = side.gallery.labels, np.isfinite(far)
        counts = counts_from_scores(-far[can], labels[can] == labels[row])
        average = float(average_precision(counts)[0])
        last = np.partition(far, top_k - 1)[top_k - 1]
        there = np.full(len(far), np.nan)
        there[self._rows[number]] = elsewhere
        return SideResult(
            class_name=str(side.gallery.items["class"].iloc[row]),
            hits=_hits(side, row, far, there, top_k),
            average_precision=None if np.isnan(average) else average,
            precision=float(precision_at(counts, top_k=top_k)[0]),
            tied=int((far == last).sum()),
            places=top_k - int((far < last).sum()),
            others=int(can.sum()) - shared,
        )

    def _row(self, gallery: Gallery, query: str) -> int:
        rows = np.flatnonzero(gallery.items["id"] == query)
        if len(rows):
            return int(rows[0])
        left, right = (side.gallery.items["id"] for side in (self.left, self.right))
        both = left[left.isin(right)]
        hint = f"choose one of both, such as {both.iloc[0]}" if len(both) else "they share none"
        raise InputError(f"{query} is no tile of {gallery.folder}: {hint}")


def cosines(features: HalfArray, row: int) -> Floats:
    """Return the cosine of one tile's features with those of every tile.

    A product of two float16 numbers is a multiple of 2**-48, and so is every sum of them, which
    float64 holds without rounding as long as it is below 32. So the sums are exact in whatever
    order they are taken, and equal features have equal cosines, as ties need.

    Args:
        features: (n, d) float16, of length 1 up to their rounding; may be a memory map, of which
            a piece at a time is read.
        row: of the one tile.

    Returns:
        (n,) float64, -1 to 1 up to that rounding.
    """
    one = np.asarray(features[row], dtype=np.float64)
    found = np.empty(len(features))
    for start in range(0, len(features), PIECE):
        piece = slice(start, start + PIECE)
        np.dot(features[piece].astype(np.float64), one, out=found[piece])
    return found


def _far(side: Side, row: int) -> Floats:
    """Say how far each tile is: bits, or minus a cosine; infinite where it cannot be found."""
    gallery = side.gallery
    if side.by == "bits":
        every = hamming(gallery.packed[[row]], gallery.packed)[0].astype(np.float64)
    else:
        every = -cosines(gallery.features, row)
    far = np.full(len(every), np.inf)
    far[gallery.searchable] = every[gallery.searchable]
    far[row] = np.inf
    return far


def _most(side: Side, far: Floats) -> int:
    most = int(np.isfinite(far).sum())
    if not most:
        raise InputError(
            f"{side.gallery.folder} holds no tile that could be found: encode more tiles"
        )
    return most


def _hits(side: Side, row: int, far: Floats, there: Floats, top_k: int) -> tuple[ComparedHit, ...]:
    gallery = side.gallery
    reach = np.flatnonzero(far <= np.partition(far, top_k - 1)[top_k - 1])
    rows = reach[np.argsort(far[reach], kind="stable")[:top_k]]  # what ties stays in its order
    (distances,) = hamming(gallery.packed[[row]], gallery.packed[rows])
    items, right = gallery.items.iloc[rows], gallery.labels[rows] == gallery.labels[row]
    scores = [None] * top_k if side.by == "bits" else (-far[rows]).tolist()
    chance = [None if np.isnan(each) else float(each) for each in there[rows]]
    columns = (rows.tolist(), items["id"], items["class"], distances.tolist())
    every = zip(*columns, scores, right.tolist(), chance, strict=True)
    return tuple(
        ComparedHit(hit, rank, str(name), str(class_name), *rest)
        for rank, (hit, name, class_name, *rest) in enumerate(every, start=1)
    )


def _shared(left: Gallery, right: Gallery) -> tuple[Rows, Rows]:
    """Return the rows of the tiles that both galleries can find, in one order."""
    ids, others = left.items["id"], right.items["id"]
    if left is right or ids.equals(others):  # the same tiles: their rows are the same
        rows = np.intersect1d(left.searchable, right.searchable, assume_unique=True)
        return rows, rows
    rows = left.searchable
    places = pd.Index(others.iloc[right.searchable]).get_indexer(pd.Index(ids.iloc[rows]))
    held = places >= 0
    return rows[held], right.searchable[places[held]]
