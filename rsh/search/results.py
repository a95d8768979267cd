"""The results of a search: found tiles as arrays, and what can be said about them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import to_hex
from rsh.config import Measure
from rsh.gallery.gallery import Gallery
from rsh.index.base import Hits
from rsh.metrics.counts import DistanceCounts
from rsh.metrics.ranking import precision_at
from rsh.search.nearest import count_others
from rsh.search.query import Query, SearchOptions
from rsh.text import escape_control_chars, plural

Rows = NDArray[np.int64]


class Hit(NamedTuple):
    """One found tile; a view of one row of `SearchResult`.

    Attributes:
        row: in the gallery.
        rank: from 1.
        distance: bits that differ from the query's code.
        score: what the results are ordered by, -1 to 1; None if by distance alone.
        relevant: whether it has the query's class; None for an image, whose class is unknown.
        tie: number of its group of equal distances, or of equal scores, from 0.
        id: of the tile.
        class_name: of the tile.
    """

    row: int
    rank: int
    distance: int
    score: float | None
    relevant: bool | None
    tie: int
    id: str
    class_name: str


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The tiles that a search found, best first; iteration gives a `Hit` for each.

    Tied tiles come in the order of rows. The gallery is shuffled by a hash of the id, so this order
    says nothing about the classes.

    Attributes:
        gallery: what was searched.
        query: what it was searched with.
        options: how it was searched.
        rows: of the found tiles, (k,) int64.
        distances: bits that differ from the query's code, (k,) int32.
        scores: what the tiles are ordered by, (k,) float32, -1 to 1; None if by distance alone.
        ranks: from 1, (k,) int64; with gaps in a selection, see `take`.
    """

    gallery: Gallery
    query: Query
    options: SearchOptions
    rows: Rows
    distances: NDArray[np.int32]
    scores: NDArray[np.float32] | None
    ranks: Rows

    @classmethod
    def of_hits(
        cls,
        gallery: Gallery,
        query: Query,
        options: SearchOptions,
        hits: Hits,
        scores: NDArray[np.float32] | None = None,
    ) -> "SearchResult":
        """Rank hits from 1, in the order in which they come."""
        ranks = np.arange(1, len(hits.ids) + 1)
        return cls(gallery, query, options, hits.ids, hits.distances, scores, ranks)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def take(self, places: Sequence[int] | slice) -> "SearchResult":
        """Return the tiles at some positions, from 0, or in a slice; they keep their ranks."""
        chosen = places if isinstance(places, slice) else np.asarray(places, dtype=np.int64)
        return replace(
            self,
            rows=self.rows[chosen],
            distances=self.distances[chosen],
            scores=None if self.scores is None else self.scores[chosen],
            ranks=self.ranks[chosen],
        )

    @cached_property
    def hits(self) -> list[Hit]:
        """The found tiles one by one."""
        unknown = [None] * len(self)
        items = self.gallery.items.iloc[self.rows]
        columns = (
            self.rows.tolist(),
            self.ranks.tolist(),
            self.distances.tolist(),
            unknown if self.scores is None else self.scores.tolist(),
            unknown if self.relevant is None else self.relevant.tolist(),
            self.tie_groups.tolist(),
            map(str, items["id"]),
            map(str, items["class"]),
        )
        return list(map(Hit._make, zip(*columns, strict=True)))

    @property
    def name(self) -> str:
        """Id of the query's tile, or name of its image."""
        return self.query.name(self.gallery)

    @property
    def class_name(self) -> str:
        """Class of the query's tile; empty for an image."""
        row = self.query.row
        return "" if row is None else str(self.gallery.items["class"].iloc[row])

    @property
    def code(self) -> str:
        """The query's code as hexadecimal digits."""
        return to_hex(self.query.packed(self.gallery), self.gallery.num_bits)

    @cached_property
    def relevant(self) -> NDArray[np.bool_] | None:
        """Whether each tile has the query's class, (k,); None for an image."""
        if self.query.row is None:
            return None
        labels = self.gallery.labels
        return np.asarray(labels[self.rows] == labels[self.query.row])

    @cached_property
    def tie_groups(self) -> Rows:
        """Number of each tile's group of equal distances, or of equal scores, from 0, (k,)."""
        keys = self.distances if self.scores is None else self.scores
        return np.cumsum(np.diff(keys, prepend=keys[:1]) != 0)

    @cached_property
    def counts(self) -> DistanceCounts:
        """Numbers of all other tiles at each distance, found or not, (1, num_bits + 1)."""
        return count_others(self.gallery, self.query, self.options.filter)

    @property
    def order(self) -> Measure | Literal["bits", "feedback"]:
        """What the tiles are ordered by."""
        return "feedback" if self.query.has_feedback else self.options.rerank or "bits"

    @property
    def num_relevant(self) -> int:
        """How many tiles have the query's class; 0 for an image."""
        return 0 if self.relevant is None else int(self.relevant.sum())

    @property
    def farthest(self) -> int:
        """The largest distance found, bits; -1 without any tile."""
        return int(self.distances.max(initial=-1))

    @property
    def precision(self) -> float | None:
        """Share of the tiles with the query's class; None for an image, or without any tile.

        By distance alone it is the expectation over all orders of ties.
        """
        if self.order == "bits" or not len(self) or self.relevant is None:
            return self.precision_by_bits
        return self.num_relevant / len(self)

    @property
    def precision_by_bits(self) -> float | None:
        """Precision of equally many tiles ranked by distance alone."""
        if self.relevant is None or not len(self):
            return None
        return float(precision_at(self.counts, top_k=len(self))[0])

    @property
    def tied(self) -> int | None:
        """How many tiles are as far as the last one; None unless ordered by distance alone."""
        if self.order != "bits" or not len(self):
            return None
        return int(self.counts.items[0, self.distances[-1]])

    @property
    def cutoff_ties(self) -> tuple[int, int] | None:
        """How many tiles tie for the last places, and how many places; None if all have one."""
        places = int((self.distances == self.farthest).sum())
        return (self.tied, places) if self.tied and self.tied > places else None

    @property
    def recall(self) -> float | None:
        """Measured recall@20 of the gallery's index; None where the search was exact."""
        if self.options.filter or self.query.has_feedback:
            return None
        return self.gallery.searcher.index.recall

    def feedback(self) -> dict[str, list[str]]:
        """Return the ids of the positive and of the negative tiles."""
        ids = self.gallery.items["id"]
        marks = {"positive": self.query.positive, "negative": self.query.negative}
        return {name: [str(ids.iloc[row]) for row in rows] for name, rows in marks.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return what `rsh search --json` prints."""
        names = ("rank", "distance", "id", "class_name", "score")
        return {
            "query": self.name,
            "class_name": self.class_name,
            "code": self.code,
            "num_bits": self.gallery.num_bits,
            "precision": self.precision,
            "hits": [{name: getattr(hit, name) for name in names} for hit in self],
            **self.feedback(),
            "recall": self.recall,
            "tied": self.tied,
        }

    def __str__(self) -> str:
        """Return what `rsh search` prints."""
        size = plural(self.gallery.num_bits, "bit")
        lines = [f"query  {self.name}  {self.class_name}  code {self.code} ({size})"]
        lines += [f"{name}  {', '.join(ids)}" for name, ids in self.feedback().items() if ids]
        width = max((len(hit.class_name) for hit in self), default=5)
        by_score = self.scores is not None and len(self) > 0
        lines.append(f"rank  bits  {'score  ' if by_score else ''}{'class':{width}}  id")
        for hit in self:
            score = "" if hit.score is None else f"{hit.score:5.2f}  "
            lines.append(
                f"{hit.rank:4}  {hit.distance:4}  {score}{hit.class_name:{width}}  {hit.id}"
            )
        if self.precision is not None:
            mean = "" if by_score else " (mean over all orders of ties)"
            lines.append(f"precision@{len(self)} = {self.precision:.2f}{mean}")
        if self.cutoff_ties:
            tied, shown = self.cutoff_ties
            far = f"{plural(tied, 'tile')} are {plural(self.farthest, 'bit')} away"
            lines.append(f"{far}: these {shown} are some of them, in no order")
        if self.recall is not None:
            lines.append(
                f"approximate: such a search finds {self.recall:.1%} of the nearest 20, less beyond"
            )
        return "\n".join(map(escape_control_chars, lines))
