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
from rsh.labels import SEPARATOR, SEVERAL, UNLABELED
from rsh.metrics.counts import DistanceCounts, counts_from_scores
from rsh.metrics.ranking import precision_at
from rsh.search.nearest import count_others
from rsh.search.query import Query, SearchOptions
from rsh.text import escape_control_chars, humanize, plural

Rows = NDArray[np.int64]


class Hit(NamedTuple):
    """One found tile; a view of one row of `SearchResult`.

    Attributes:
        row: in the gallery.
        rank: from 1.
        distance: bits that differ from the query's code.
        score: what the results are ordered by, -1 to 1; None if by distance alone.
        relevant: whether it has the query's class, or one of its labels; None if one of both has
            no label, or if the filter leaves out all that are relevant.
        tie: number of its group of equal distances, or of equal scores, from 0.
        id: of the tile.
        class_name: of the tile; "" if it is unknown.
    """

    row: int
    rank: int
    distance: int
    score: float | None
    relevant: bool | None
    tie: int
    id: str
    class_name: str


class SearchedTiles:
    """All tiles that a search could find, found or not; the same for every selection of a result.

    Attributes:
        gallery: what was searched.
        query: what it was searched with.
        options: how it was searched.
    """

    def __init__(self, gallery: Gallery, query: Query, options: SearchOptions) -> None:
        self.gallery, self.query, self.options = gallery, query, options

    @cached_property
    def counts(self) -> DistanceCounts:
        """Numbers of tiles but the query at each distance, (1, num_bits + 1)."""
        return count_others(self.gallery, self.query, self.options)

    @cached_property
    def labeled_counts(self) -> DistanceCounts:
        """The same of the tiles with a label: precision and recall are over these."""
        if self.gallery.num_labeled == len(self.gallery):
            return self.counts
        return count_others(self.gallery, self.query, self.options, labeled=True)

    @cached_property
    def class_left_out(self) -> bool:
        """Whether the filter leaves out all other tiles with a label of the query.

        None of the results can be relevant then, whatever the codes are like.
        """
        label_set, row = self.query.label_set(self.gallery), self.query.row
        if label_set == UNLABELED or not self.options.filter or self.counts.relevant.any():
            return False
        included = self.options.include_held_out
        without = self.gallery.can_find(include_held_out=included)
        without = without & self.gallery.shares_label(label_set)
        return bool(np.count_nonzero(without) > (row is not None and without[row]))


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The tiles that a search found, best first; iteration gives a `Hit` for each.

    Tied tiles come in the order of the cosine of their features with the query's. The code, or the
    score, leaves their order open, so all figures are means over the orders of ties.

    Attributes:
        searched: all tiles that could be found, with what and how.
        rows: of the found tiles, (k,) int64.
        distances: bits that differ from the query's code, (k,) int32.
        scores: what the tiles are ordered by, (k,) float32, -1 to 1; None if by distance alone.
        ranks: from 1, (k,) int64; with gaps in a selection, see `take`.
        scored: rows and scores of all tiles that were ranked by a score, down to the last found one
            and all that tie with it; None if by distance alone.
    """

    searched: SearchedTiles
    rows: Rows
    distances: NDArray[np.int32]
    scores: NDArray[np.float32] | None
    ranks: Rows
    scored: tuple[Rows, NDArray[np.float32]] | None = None

    @classmethod
    def of_hits(
        cls,
        gallery: Gallery,
        query: Query,
        options: SearchOptions,
        hits: Hits,
        scores: NDArray[np.float32] | None = None,
        *,
        top_k: int | None = None,
    ) -> "SearchResult":
        """Rank hits from 1, in the order in which they come.

        Args:
            gallery: what was searched.
            query: what it was searched with.
            options: how it was searched.
            hits: best first, with all that tie with the last one.
            scores: of the hits, unless they were ranked by distance alone.
            top_k: how many of the hits were asked for; all by default.
        """
        ranks = np.arange(1, len(hits.ids) + 1)
        scored = None if scores is None else (hits.ids, scores)
        searched = SearchedTiles(gallery, query, options)
        every = cls(searched, hits.ids, hits.distances, scores, ranks, scored)
        return every.take(slice(top_k))

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

    @property
    def gallery(self) -> Gallery:
        """What was searched."""
        return self.searched.gallery

    @property
    def query(self) -> Query:
        """What it was searched with."""
        return self.searched.query

    @property
    def options(self) -> SearchOptions:
        """How it was searched."""
        return self.searched.options

    @cached_property
    def hits(self) -> list[Hit]:
        """The found tiles one by one."""
        unknown = [None] * len(self)
        items = self.gallery.table.take(self.rows, ["id", "class"])
        columns = (
            self.rows.tolist(),
            self.ranks.tolist(),
            self.distances.tolist(),
            unknown if self.scores is None else self.scores.tolist(),
            self._verdicts(),
            self.tie_groups.tolist(),
            map(str, items["id"]),
            map(str, items["class"]),
        )
        return list(map(Hit._make, zip(*columns, strict=True)))

    @property
    def has_labels(self) -> bool:
        """Whether visitors gave a class to any tile of the gallery."""
        return bool(self.gallery.annotations.state.given.names)

    @property
    def name(self) -> str:
        """Id of the query's tile, or name of its image."""
        return self.query.name(self.gallery)

    @property
    def class_name(self) -> str:
        """Class of the query's tile; empty for an image, or if it is unknown."""
        row = self.query.row
        return "" if row is None else self.gallery.class_name(row)

    @property
    def code(self) -> str:
        """The query's code as hexadecimal digits."""
        return to_hex(self.query.packed(self.gallery), self.gallery.num_bits)

    @property
    def class_left_out(self) -> bool:
        """Whether the filter leaves out all other tiles with a label of the query."""
        return self.searched.class_left_out

    @property
    def left_out(self) -> str:
        """Say that the filter leaves out all relevant tiles, with the class of the query."""
        words = self.gallery.relevance.left_out
        return words if self.gallery.has_several else f"{words}, {humanize(self.class_name)}"

    @property
    def has_verdicts(self) -> bool:
        """Whether tiles are relevant or not: the query has a label, and the filter leaves it in."""
        return self.query.label_set(self.gallery) != UNLABELED and not self.class_left_out

    @cached_property
    def relevant(self) -> NDArray[np.bool_] | None:
        """Whether each tile has a label of the query, (k,); None unless `has_verdicts`.

        False for a tile without a label, too: see `judged`.
        """
        if not self.has_verdicts:
            return None
        return self.gallery.shares_label(self.query.label_set(self.gallery), self.rows)

    @cached_property
    def judged(self) -> NDArray[np.bool_]:
        """Whether each tile has a label, (k,); False for all unless `has_verdicts`."""
        return np.asarray(self.gallery.has_label[self.rows] & self.has_verdicts)

    def _verdicts(self) -> list[bool | None]:
        if self.relevant is None:
            return [None] * len(self)
        pairs = zip(self.relevant.tolist(), self.judged.tolist(), strict=True)
        return [right if known else None for right, known in pairs]

    @cached_property
    def tie_groups(self) -> Rows:
        """Number of each tile's group of equal distances, or of equal scores, from 0, (k,)."""
        keys = self.distances if self.scores is None else self.scores
        return np.cumsum(np.diff(keys, prepend=keys[:1]) != 0)

    @property
    def counts(self) -> DistanceCounts:
        """Numbers of all other tiles at each distance, found or not, (1, num_bits + 1)."""
        return self.searched.counts

    @property
    def labeled_counts(self) -> DistanceCounts:
        """The same of the tiles with a label: precision and recall are over these."""
        return self.searched.labeled_counts

    @property
    def order(self) -> Measure | Literal["bits", "feedback"]:
        """What the tiles are ordered by."""
        return "feedback" if self.query.has_feedback else self.options.rerank or "bits"

    @property
    def num_relevant(self) -> int:
        """How many tiles have a label of the query; 0 unless `has_verdicts`."""
        return 0 if self.relevant is None else int(self.relevant.sum())

    @property
    def num_judged(self) -> int:
        """How many tiles have a label; 0 unless `has_verdicts`."""
        return int(self.judged.sum())

    @property
    def farthest(self) -> int:
        """The largest distance found, bits; -1 without any tile."""
        return int(self.distances.max(initial=-1))

    @property
    def precision(self) -> float | None:
        """Share of the judged tiles with a label of the query; None if no tile is judged.

        It is the expectation over all orders of ties, of a ranking of the tiles with a label.
        Leaving out those without judgment is the condensed list of Sakai 2007, "Alternatives to
        Bpref", https://doi.org/10.1145/1277741.1277756
        """
        if self.scored is None or not self.num_judged:
            return self.precision_by_bits
        rows, scores = self.scored
        known = self.gallery.has_label[rows]
        relevant = self.gallery.shares_label(self.query.label_set(self.gallery), rows[known])
        counts = counts_from_scores(scores[known], relevant)
        return float(precision_at(counts, top_k=self.num_judged)[0])

    @property
    def precision_by_bits(self) -> float | None:
        """Precision of equally many judged tiles ranked by distance alone."""
        if not self.num_judged:
            return None
        return float(precision_at(self.labeled_counts, top_k=self.num_judged)[0])

    @cached_property
    def tied(self) -> int | None:
        """How many tiles are as far as the last one, or have its score; None without any tile."""
        if not len(self):
            return None
        if self.scored is None or self.scores is None:
            return int(self.counts.items[0, self.distances[-1]])
        return int((self.scored[1] == self.scores[-1]).sum())

    @property
    def cutoff_ties(self) -> tuple[int, int] | None:
        """How many tiles tie for the last places, and how many places; None if all have one."""
        places = int((self.tie_groups == self.tie_groups.max(initial=0)).sum())
        return (self.tied, places) if self.tied and self.tied > places else None

    @cached_property
    def pool(self) -> int:
        """How many tiles were ranked by a score; 0 if by distance alone."""
        return 0 if self.scored is None else len(self.scored[0])

    @property
    def recall(self) -> float | None:
        """Measured recall@20 of the gallery's index; None where the search was exact."""
        if self.options.filter or self.query.has_feedback:
            return None
        return self.gallery.searcher.recall

    def feedback(self) -> dict[str, list[str]]:
        """Return the ids of the positive and of the negative tiles."""
        marks = {"positive": self.query.positive, "negative": self.query.negative}
        return {name: [self.gallery.ids[row] for row in rows] for name, rows in marks.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return what `rsh search --json` prints."""
        names = ("rank", "distance", "id", "class_name", "score")
        gallery = self.gallery

        def labels(row: int | None) -> dict[str, list[str]]:
            if row is None or not gallery.has_several:
                return {}
            return {SEVERAL: gallery.list_labels(row)}

        return {
            "query": self.name,
            "class_name": self.class_name,
            **labels(self.query.row),
            "code": self.code,
            "num_bits": gallery.num_bits,
            "precision": self.precision,
            "hits": [
                {name: getattr(hit, name) for name in names} | labels(hit.row) for hit in self
            ],
            **self.feedback(),
            "recall": self.recall,
            "tied": self.tied,
        }

    def _label_text(self, row: int) -> str:
        return SEPARATOR.join(self.gallery.list_labels(row))

    def __str__(self) -> str:
        """Return what `rsh search` prints."""
        code = f"code {self.code} ({plural(self.gallery.num_bits, 'bit')})"
        own = "" if self.query.row is None else self._label_text(self.query.row)
        lines = ["  ".join(filter(None, ("query", self.name, own, code)))]
        lines += [f"{name}  {', '.join(ids)}" for name, ids in self.feedback().items() if ids]
        labels = {hit.row: self._label_text(hit.row) for hit in self}
        heading = "labels" if self.gallery.has_several else "class"
        width = max(map(len, [heading, *labels.values()]))
        by_score = self.scores is not None and len(self) > 0
        column = f"{heading:{width}}  " if self.gallery.label_names else ""
        lines.append(f"rank  bits  {'score  ' if by_score else ''}{column}id")
        for hit in self:
            score = "" if hit.score is None else f"{hit.score:5.2f}  "
            name = f"{labels[hit.row]:{width}}  " if column else ""
            lines.append(f"{hit.rank:4}  {hit.distance:4}  {score}{name}{hit.id}")
        if self.precision is not None:
            mean = "" if by_score and not self.cutoff_ties else " (mean over all orders of ties)"
            label = self.gallery.relevance.label
            among = "" if self.num_judged == len(self) else f" of the tiles with a {label}"
            lines.append(f"precision@{self.num_judged}{among} = {self.precision:.2f}{mean}")
        if self.class_left_out:
            lines.append(f"no precision: {self.left_out}")
        if self.cutoff_ties:
            tied, shown = self.cutoff_ties
            far = f"are {plural(self.farthest, 'bit')} away"
            far = f"have the score {self.scores[-1]:.2f}" if self.scores is not None else far
            which = "one listed has" if shown == 1 else f"{shown} listed have"
            lines.append(f"{tied:,} tiles {far}: the {which} the most similar features")
        if self.recall is not None:
            lines.append(
                f"approximate: such a search finds {self.recall:.1%} of the nearest 20, less beyond"
            )
        return "\n".join(map(escape_control_chars, lines))
