"""What the page shows, without any widget: the query, its history, and the answer to it."""

from dataclasses import dataclass, field
from typing import Literal, cast, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsh.counts import Counts
from rsh.engines import Hits
from rsh.errors import InputError
from rsh.explorer.selection import Selection
from rsh.gallery import Gallery
from rsh.metrics import precision_at
from rsh.neighbours import count_others, look_again, neighbours
from rsh.protocols import USUAL
from rsh.reranking import POOL

Mode = Literal["top_k", "radius"]
Order = Literal["bits", "features", "asymmetric"]  # the last two are `rsh.protocols.Measure`
MAX_CARDS = 200  # a ball may hold the whole gallery; nobody reads further than this
MAX_TOP_K = 100


@dataclass(frozen=True)
class RankedTile:
    """One found tile.

    Attributes:
        row: its row in `Gallery.items`.
        rank: 1 for the first; tiles that tie are ranked by row, which a hash of the id has
            shuffled, so that the rank says nothing of their classes.
        distance: bits that differ from the query's code.
        relevant: whether it has the query's class.
        tie: number of its group of equal distances, or of equal scores, from 0.
        score: how alike it is by the finer measure, -1 to 1; None in the order of bits.
    """

    row: int
    rank: int
    distance: int
    relevant: bool
    tie: int
    score: float | None


@dataclass(frozen=True)
class Ranking:
    """The ranked tiles for one query; the query itself is never among them.

    Attributes:
        query: row of the query.
        order: what the tiles are ordered by.
        hits: in that order, at most MAX_CARDS.
        total: how many were found, those beyond MAX_CARDS included.
        num_relevant: how many of all that were found have the query's class.
        farthest: the largest distance that was found, bits; -1 without any.
        counts: how many tiles lie at each distance, found or not, (1, num_bits + 1).
    """

    query: int
    order: Order
    hits: tuple[RankedTile, ...]
    total: int
    num_relevant: int
    farthest: int
    counts: Counts = field(compare=False, repr=False)

    @property
    def precision(self) -> float | None:
        """Share of the found with the query's class, or None; by bits as `precision_by_bits`."""
        if self.order == "bits" or not self.total:
            return self.precision_by_bits
        return self.num_relevant / self.total

    @property
    def precision_by_bits(self) -> float | None:
        """The same of as many tiles in the order of bits, mean over all orders of ties."""
        return float(precision_at(self.counts, top_k=self.total)[0]) if self.total else None

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


class ExplorerState:
    """The page's logic: one current query, a history like a browser's, and a way to search.

    Attributes:
        gallery: what is searched.
        query: row of the current query.
        mode: "top_k" for the nearest few, "radius" for all within some bits.
        top_k: how many are wanted, 1 to `max_top_k`.
        radius: Hamming radius, bits, 0 to num_bits.
        order: "bits", or the finer measure by which the nearest are looked at again.
        selection: tiles that were drawn around.
    """

    def __init__(self, gallery: Gallery, *, seed: int = 0) -> None:
        """Start with a query that is worth looking at; `seed` fixes it and the random ones.

        Raises:
            InputError: the gallery has no items.
        """
        if not len(gallery):
            raise InputError(f"{gallery.folder} holds no tiles: encode some with `rsh encode`")
        self.gallery = gallery
        self.mode: Mode = "top_k"
        self.order: Order = "bits"
        self.top_k = min(USUAL, self.max_top_k)
        self.radius = max(gallery.num_bits // 16, 1)
        self.selection = Selection([], num_tiles=len(gallery))
        self._rng = np.random.default_rng(seed)
        self._past: list[int] = []
        self._future: list[int] = []
        self.query = self._first_query()

    @property
    def can_go_back(self) -> bool:
        """Whether there is an earlier query."""
        return bool(self._past)

    @property
    def can_go_forward(self) -> bool:
        """Whether `back` was the last move."""
        return bool(self._future)

    @property
    def query_was_trained_on(self) -> bool:
        """Whether the model has seen the query with its class."""
        return bool(self._splits[self.query] == "train")

    @property
    def max_top_k(self) -> int:
        """The most tiles one can ask for: all but the query, at most MAX_TOP_K, at least 1."""
        return min(max(len(self.gallery.searchable) - 1, 1), MAX_TOP_K)

    @property
    def pool(self) -> int:
        """How many of the nearest tiles a finer measure looks at again, unless in a radius."""
        return min(max(self.top_k, POOL), self._others(self.query))

    def choose(self, row: int) -> None:
        """Make a tile the query and forget what lay ahead in the history.

        Raises:
            InputError: the gallery has no such row.
        """
        if not isinstance(row, int) or not 0 <= row < len(self.gallery):
            raise InputError(f"there is no tile {row}: choose 0 to {len(self.gallery) - 1}")
        if row != self.query:
            self._past.append(self.query)
            self._future.clear()
            self.query = row

    def select(self, rows: ArrayLike) -> None:
        """Select these tiles instead of those before.

        Raises:
            InputError: the gallery has no such row, or they are too many.
        """
        self.selection = Selection(rows, num_tiles=len(self.gallery))

    def back(self) -> None:
        """Return to the query before this one, if there is one."""
        if self._past:
            self._future.append(self.query)
            self.query = self._past.pop()

    def forward(self) -> None:
        """Undo `back`."""
        if self._future:
            self._past.append(self.query)
            self.query = self._future.pop()

    def choose_random(self) -> None:
        """Choose another tile, one that training has not seen if there is any."""
        others = self._unseen_first()
        others = others[others != self.query]
        if len(others):
            self.choose(int(self._rng.choice(others)))

    def search_by(self, mode: str, *, top_k: int, radius: int, order: str = "bits") -> None:
        """Set how to search; numbers out of range are brought to the nearest end.

        Raises:
            InputError: no such mode or order.
        """
        if order not in get_args(Order):
            raise InputError(f"order {order!r}: choose one of {', '.join(get_args(Order))}")
        if mode not in get_args(Mode):
            raise InputError(f"search mode {mode!r}: choose {' or '.join(get_args(Mode))}")
        self.mode, self.order = cast(Mode, mode), cast(Order, order)
        self.top_k = min(max(int(top_k), 1), self.max_top_k)
        self.radius = min(max(int(radius), 0), self.gallery.num_bits)

    def ranking(self) -> Ranking:
        """Search with the current query; ties keep the order of rows."""
        (ids, distances), scores = self._answer()
        same = self.gallery.labels[ids] == self.gallery.labels[self.query]
        keys = distances if scores is None else scores
        ties = np.cumsum(np.diff(keys, prepend=keys[:1]) != 0).tolist()
        known = [None] * len(ids) if scores is None else scores.tolist()
        columns = (ids.tolist(), distances.tolist(), same.tolist(), ties, known)
        shown = zip(*(column[:MAX_CARDS] for column in columns), strict=True)
        return Ranking(
            query=self.query,
            order=self.order,
            hits=tuple(
                RankedTile(row, rank, distance, relevant, tie, score)
                for rank, (row, distance, relevant, tie, score) in enumerate(shown, start=1)
            ),
            total=len(ids),
            num_relevant=int(same.sum()),
            farthest=int(distances.max(initial=-1)),
            counts=count_others(self.gallery, self.query),
        )

    def tiles_of(self, name: str) -> list[int]:
        """Rows of one class to choose a query from, those unseen in training first.

        Raises:
            InputError: no such class.
        """
        if name not in self.gallery.classes:
            raise InputError(f"there is no class {name!r}: choose one from the list")
        rows = np.flatnonzero(self.gallery.labels == self.gallery.classes.index(name))
        unseen = self._splits[rows] == "query"
        return [int(row) for row in rows[np.argsort(~unseen, kind="stable")]]

    @property
    def _splits(self) -> NDArray[np.object_]:
        return self.gallery.items["split"].to_numpy(dtype=object)

    def _unseen_first(self) -> NDArray[np.int64]:
        """Rows of the query split, or all rows where there are none."""
        unseen = np.flatnonzero(self._splits == "query")
        return unseen if len(unseen) else np.arange(len(self.gallery))

    def _first_query(self) -> int:
        """Of a few unseen tiles, one whose answer is neither among their best nor their worst.

        The page should open on what the model mostly does. Of the middle third, by precision, one
        with neighbours at many distances is taken, since a list of equal distances explains
        nothing, and then the one with the most detail, judged by the size of its JPEG.
        """
        labels, rows = self.gallery.labels, self._unseen_first()
        drawn: list[int] = self._rng.choice(rows, size=min(len(rows), 48), replace=False).tolist()
        answers = {row: self._found(row, mode="top_k") for row in drawn}
        drawn.sort(key=lambda row: int((labels[answers[row].ids] == labels[row]).sum()))
        middle = drawn[len(drawn) // 3 : len(drawn) - len(drawn) // 3]

        def worth(row: int) -> tuple[int, int]:
            return len(np.unique(answers[row].distances)), len(self.gallery.thumb(row))

        return max(middle, key=worth)

    def _answer(self) -> tuple[Hits, NDArray[np.float32] | None]:
        """Search as the visitor wants it; with scores where a finer measure orders the hits."""
        gallery, row = self.gallery, self.query
        if self.order == "bits" or not self._others(row):
            return self._found(row, mode=self.mode), None
        top_k, radius = self._reach(row, self.mode)
        asked = gallery.encoded(row)
        return look_again(gallery, asked, row, by=self.order, top_k=top_k, radius=radius)

    def _found(self, row: int, *, mode: Mode) -> Hits:
        """Search by bits with a tile, which is left out of its own answer."""
        if not self._others(row):
            return Hits(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32))
        top_k, radius = self._reach(row, mode)
        packed = self.gallery.packed[[row]]
        return neighbours(self.gallery, packed, row, top_k=top_k, radius=radius)

    def _reach(self, row: int, mode: Mode) -> tuple[int | None, int | None]:
        """Return how many tiles are wanted, or the radius."""
        if mode == "radius":
            return None, self.radius
        return min(self.top_k, self._others(row)), None

    def _others(self, row: int) -> int:
        """Count the tiles that a search with this one can find."""
        return len(self.gallery.searchable) - int(row in self.gallery.searchable)
