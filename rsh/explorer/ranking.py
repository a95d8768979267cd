"""The answer to a question: ranked tiles, their ties, and what a person may think of them."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rsh.explorer.question import Order, Question, Way
from rsh.gallery.gallery import Gallery
from rsh.index.base import Hits
from rsh.metrics.counts import DistanceCounts
from rsh.metrics.ranking import precision_at
from rsh.search.feedback import ask
from rsh.search.nearest import NO_CLASS, count_others, look_again, neighbors
from rsh.search.rerank import POOL

MAX_CARDS = 200  # a ball may hold the whole gallery; nobody reads further than this
Scores = NDArray[np.float32]


@dataclass(frozen=True)
class RankedTile:
    """One found tile.

    Attributes:
        row: its row in `Gallery.items`.
        rank: 1 for the first; tiles that tie are ranked by row, which a hash of the id has
            shuffled, so that the rank says nothing of their classes.
        distance: bits that differ from the query's code.
        relevant: whether it has the query's class; None where the query has none.
        tie: number of its group of equal distances, or of equal scores, from 0.
        score: how alike it is by the finer measure, -1 to 1; None in the order of bits.
    """

    row: int
    rank: int
    distance: int
    relevant: bool | None
    tie: int
    score: float | None


@dataclass(frozen=True)
class Ranking:
    """The ranked tiles for one question; its own tiles are never among them.

    Attributes:
        question: what was asked with.
        order: what the tiles are ordered by; "marks" if some tiles are marked.
        hits: in that order, at most MAX_CARDS.
        total: how many were found, those beyond MAX_CARDS included.
        num_relevant: how many of all that were found have the query's class.
        farthest: the largest distance that was found, bits; -1 without any.
        counts: how many tiles lie at each distance, found or not, (1, num_bits + 1).
    """

    question: Question
    order: Order | Literal["marks"]
    hits: tuple[RankedTile, ...]
    total: int
    num_relevant: int
    farthest: int
    counts: DistanceCounts = field(compare=False, repr=False)

    @property
    def precision(self) -> float | None:
        """Share of the found with the query's class, or None; by bits as `precision_by_bits`."""
        if self.order == "bits" or not self.total or self.question.row is None:
            return self.precision_by_bits
        return self.num_relevant / self.total

    @property
    def precision_by_bits(self) -> float | None:
        """The same of as many tiles in the order of bits, mean over all orders of ties."""
        if self.question.row is None or not self.total:
            return None
        return float(precision_at(self.counts, top_k=self.total)[0])

    @property
    def cut(self) -> tuple[int, int] | None:
        """How many tiles tie for the last places, and how many places; None if all have one.

        A finer measure leaves no such tie.
        """
        if not self.total or self.order != "bits":
            return None
        items = self.counts.items[0]
        tied, places = int(items[self.farthest]), self.total - int(items[: self.farthest].sum())
        return (tied, places) if places < tied else None


def find(gallery: Gallery, question: Question, way: Way) -> tuple[Hits, Scores | None]:
    """Find tiles, nearest first, with scores where a finer measure orders them.

    Raises:
        InputError: the conditions make no sense, or no tile meets them.
    """
    others, row, where = num_others(gallery, question, way), question.row, way.where
    if not others:
        return Hits(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32)), None
    top_k = min(way.top_k, others)
    encoded = question.encoded(gallery)
    if question.marked:
        like, unlike = (gallery.items["id"].iloc[list(m)] for m in (question.like, question.unlike))
        return ask(
            gallery, encoded, row, like=list(like), unlike=list(unlike), top_k=top_k, where=where
        )
    reach = {"radius": way.radius} if way.mode == "radius" else {"top_k": top_k}
    if way.order == "bits":
        return neighbors(gallery, question.packed(gallery), row, where=where, **reach), None
    return look_again(gallery, encoded, row, by=way.order, where=where, **reach)


def rank(gallery: Gallery, question: Question, way: Way) -> Ranking:
    """Search as the visitor wants it; ties keep the order of rows.

    Raises:
        InputError: the conditions make no sense, or no tile meets them.
    """
    (ids, distances), scores = find(gallery, question, way)
    row = question.row
    labels = gallery.labels
    same = labels[ids] == (NO_CLASS if row is None else labels[row])
    keys = distances if scores is None else scores
    ties = np.cumsum(np.diff(keys, prepend=keys[:1]) != 0).tolist()
    nothing = [None] * len(ids)
    relevant = nothing if row is None else same.tolist()
    known = nothing if scores is None else scores.tolist()
    columns = (ids.tolist(), distances.tolist(), relevant, ties, known)
    shown = zip(*(column[:MAX_CARDS] for column in columns), strict=True)
    return Ranking(
        question=question,
        order="marks" if question.marked else way.order,
        hits=tuple(
            RankedTile(found, place, distance, fits, tie, score)
            for place, (found, distance, fits, tie, score) in enumerate(shown, start=1)
        ),
        total=len(ids),
        num_relevant=int(same.sum()),
        farthest=int(distances.max(initial=-1)),
        counts=count_others(gallery, question.packed(gallery), row, way.where),
    )


def num_others(gallery: Gallery, question: Question, way: Way) -> int:
    """Count the tiles that a search can find: not the query's own, nor those marked.

    Raises:
        InputError: the conditions make no sense, or no tile meets them.
    """
    rows = gallery.searchable_where(way.where)
    own = [*question.like, *question.unlike, *([] if question.row is None else [question.row])]
    return len(rows) - int(np.isin(own, rows).sum())


def pool_of(gallery: Gallery, question: Question, way: Way) -> int:
    """Return how many of the nearest tiles a finer measure looks at again, unless in a radius."""
    return min(max(way.top_k, POOL), num_others(gallery, question, way))
