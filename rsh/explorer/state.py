"""What the page shows, without any widget: the query, its history, and the answer to it."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from rsh.codes import hamming
from rsh.engines import Hits
from rsh.errors import InputError
from rsh.gallery import Gallery
from rsh.search import neighbours

Mode = Literal["top_k", "radius"]
MAX_CARDS = 200  # a ball may hold the whole gallery; nobody reads further than this
MAX_TOP_K = 100


@dataclass(frozen=True)
class Hit:
    """One found tile.

    Attributes:
        row: its row in `Gallery.items`.
        rank: 1 for the nearest; tiles at equal distance are ranked by row.
        distance: bits that differ from the query's code.
        relevant: whether it has the query's class.
        tie: number of its group of equal distances, from 0.
    """

    row: int
    rank: int
    distance: int
    relevant: bool
    tie: int


@dataclass(frozen=True)
class Answer:
    """The ranked tiles for one query; the query itself is never among them.

    Attributes:
        query: row of the query.
        hits: nearest first, at most MAX_CARDS.
        total: how many were found, those beyond MAX_CARDS included.
    """

    query: int
    hits: tuple[Hit, ...]
    total: int

    @property
    def num_relevant(self) -> int:
        """How many of the hits have the query's class."""
        return sum(hit.relevant for hit in self.hits)

    @property
    def precision(self) -> float | None:
        """Fraction of the hits with the query's class; None without hits."""
        return self.num_relevant / len(self.hits) if self.hits else None

    @property
    def tie_sizes(self) -> list[int]:
        """How many hits share each distance, nearest first."""
        return list(Counter(hit.tie for hit in self.hits).values())

    @property
    def num_ties(self) -> int:
        """How many groups of two or more hits share a distance."""
        return sum(size > 1 for size in self.tie_sizes)


class ExplorerState:
    """The page's logic: one current query, a history like a browser's, and a way to search.

    Attributes:
        gallery: what is searched.
        query: row of the current query.
        mode: "top_k" for the nearest few, "radius" for all within some bits.
        top_k: how many are wanted, 1 to `max_top_k`.
        radius: Hamming radius, bits, 0 to num_bits.
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
        self.top_k = min(20, self.max_top_k)
        self.radius = max(gallery.num_bits // 16, 1)
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
    def max_top_k(self) -> int:
        """The most tiles one can ask for: all but the query, at most MAX_TOP_K, at least 1."""
        return min(max(len(self.gallery.searchable) - 1, 1), MAX_TOP_K)

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

    def search_by(self, mode: str, *, top_k: int, radius: int) -> None:
        """Set how to search; numbers out of range are brought to the nearest end.

        Raises:
            InputError: no such mode.
        """
        if mode not in get_args(Mode):
            raise InputError(f"search mode {mode!r}: choose {' or '.join(get_args(Mode))}")
        self.mode = cast(Mode, mode)
        self.top_k = min(max(int(top_k), 1), self.max_top_k)
        self.radius = min(max(int(radius), 0), self.gallery.num_bits)

    def hits(self) -> Answer:
        """Search with the current query; ties keep the order of rows."""
        ids, distances = self._found(self.query, mode=self.mode)
        same = self.gallery.labels[ids] == self.gallery.labels[self.query]
        ties = np.cumsum(np.diff(distances, prepend=distances[:1]) > 0)
        rows = zip(ids, distances, same, ties, strict=True)
        hits = tuple(
            Hit(int(row), rank, int(distance), bool(relevant), int(tie))
            for rank, (row, distance, relevant, tie) in enumerate(rows, start=1)
            if rank <= MAX_CARDS
        )
        return Answer(self.query, hits, total=len(ids))

    def histogram(self) -> NDArray[np.int64]:
        """Count all searchable tiles but the query by distance from it.

        Returns:
            (2, num_bits + 1): tiles of the query's class, then of the others.
        """
        rows = self.gallery.searchable[self.gallery.searchable != self.query]
        packed = self.gallery.packed
        distances = hamming(packed[[self.query]], packed[rows])[0]
        same = self.gallery.labels[rows] == self.gallery.labels[self.query]
        length = self.gallery.num_bits + 1
        return np.stack([np.bincount(distances[who], minlength=length) for who in (same, ~same)])

    def tiles_of(self, name: str, *, limit: int = 24) -> list[int]:
        """Rows of one class to choose a query from, those unseen in training first.

        Raises:
            InputError: no such class.
        """
        if name not in self.gallery.classes:
            raise InputError(f"there is no class {name!r}: choose one from the list")
        rows = np.flatnonzero(self.gallery.labels == self.gallery.classes.index(name))
        unseen = self._splits[rows] == "query"
        return [int(row) for row in rows[np.argsort(~unseen, kind="stable")][:limit]]

    @property
    def _splits(self) -> NDArray[np.object_]:
        return self.gallery.items["split"].to_numpy(dtype=object)

    def _unseen_first(self) -> NDArray[np.int64]:
        """Rows of the query split, or all rows where there are none."""
        unseen = np.flatnonzero(self._splits == "query")
        return unseen if len(unseen) else np.arange(len(self.gallery))

    def _first_query(self) -> int:
        """Of a few unseen tiles, one near to others whose neighbours lie at many distances.

        A list of equal distances explains nothing, nor does a tile that is like no other. The
        choice never looks at classes: to choose by precision would show the model better than it
        is. Among equals the tile with the most detail is taken, judged by the size of its JPEG.
        """
        rows = self._unseen_first()
        sample = self._rng.choice(rows, size=min(len(rows), 48), replace=False)

        def worth(row: int) -> tuple[bool, int, int]:
            distances = self._found(row, mode="top_k").distances
            near = bool((distances[:3] <= self.radius).all())
            return near, len(np.unique(distances)), len(self.gallery.thumb(row))

        return max((int(row) for row in sample), key=worth)

    def _found(self, row: int, *, mode: Mode) -> Hits:
        """Search with a tile, which is left out of its own answer."""
        gallery = self.gallery
        others = len(gallery.searchable) - int(row in gallery.searchable)
        if not others:
            return Hits(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32))
        radius = self.radius if mode == "radius" else None
        top_k = min(self.top_k, others)
        return neighbours(gallery, gallery.packed[[row]], row, top_k=top_k, radius=radius)
