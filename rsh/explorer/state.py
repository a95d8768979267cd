"""What the page shows, without any widget: the question, its history, and the answer to it."""

from dataclasses import replace
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsh.config import DEFAULT_TOP_K
from rsh.errors import InputError
from rsh.explorer.question import Image, Mode, Order, Question, Way
from rsh.explorer.ranking import Ranking, find, num_others, pool_of, rank
from rsh.explorer.selection import Selection
from rsh.gallery.filters import Filter
from rsh.gallery.gallery import Gallery

MAX_TOP_K = 100
MAX_MARKED = 50  # more than anybody marks by hand, few enough for an address
SUGGESTED = 12


class ExplorerState:
    """The page's logic: one current question, a history like a browser's, and a way to search.

    Attributes:
        gallery: what is searched.
        question: what is asked with; marks are a part of it, so that Back takes them away again.
        way: how to search.
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
        self.way = Way(
            top_k=min(DEFAULT_TOP_K, self.max_top_k), radius=max(gallery.num_bits // 16, 1)
        )
        self.selection = Selection([], num_tiles=len(gallery))
        self._rng = np.random.default_rng(seed)
        self._past: list[Question] = []
        self._future: list[Question] = []
        self.question = Question(self._first_query())

    @property
    def query(self) -> int | None:
        """Row of the current query, None for an image from elsewhere."""
        return self.question.row

    @property
    def can_go_back(self) -> bool:
        """Whether there is an earlier question."""
        return bool(self._past)

    @property
    def can_go_forward(self) -> bool:
        """Whether `back` was the last move."""
        return bool(self._future)

    @property
    def query_was_trained_on(self) -> bool:
        """Whether the model has seen the query with its class."""
        splits = self.gallery.items["split"]
        return self.query is not None and bool(splits.iloc[self.query] == "train")

    @property
    def max_top_k(self) -> int:
        """The most tiles one can ask for: all but the query, at most MAX_TOP_K, at least 1."""
        return min(max(len(self.gallery.searchable) - 1, 1), MAX_TOP_K)

    @property
    def pool(self) -> int:
        """How many of the nearest tiles a finer measure looks at again, unless in a radius."""
        return pool_of(self.gallery, self.question, self.way)

    def ask(self, question: Question) -> None:
        """Ask with something else, and forget what lay ahead in the history."""
        if question != self.question:
            self._past.append(self.question)
            self._future.clear()
            self.question = question

    def choose(self, row: int) -> None:
        """Make a tile the query, without marks, and forget what lay ahead in the history.

        Raises:
            InputError: the gallery has no such row.
        """
        self._check_row(row)
        self.ask(Question(row))

    def choose_image(self, image: Image) -> None:
        """Make an image from elsewhere the query."""
        self.ask(Question(None, image))

    def select(self, rows: ArrayLike) -> None:
        """Select these tiles instead of those before.

        Raises:
            InputError: the gallery has no such row, or they are too many.
        """
        self.selection = Selection(rows, num_tiles=len(self.gallery))

    def choose_random(self) -> None:
        """Choose another tile, one that training has not seen if there is any."""
        others = self._unseen_first()
        others = others[others != self.query]
        if len(others):
            self.choose(int(self._rng.choice(others)))

    def mark(self, row: int, sign: str) -> None:
        """Mark a tile that the answer shall be "like" or "unlike", or take the mark away.

        Raises:
            InputError: there is no such tile or mark, it is the query, or too many are marked.
        """
        self._check_row(row)
        question = self.question.mark(row, sign)
        if len(question.like) + len(question.unlike) > MAX_MARKED:
            raise InputError(f"{MAX_MARKED} tiles are marked: take one away first")
        self.ask(question)

    def clear_marks(self) -> None:
        """Ask with the query alone."""
        self.ask(replace(self.question, like=(), unlike=()))

    def back(self) -> None:
        """Return to the question before this one, if there is one."""
        if self._past:
            self._future.append(self.question)
            self.question = self._past.pop()

    def forward(self) -> None:
        """Undo `back`."""
        if self._future:
            self._past.append(self.question)
            self.question = self._future.pop()

    def search_by(self, mode: str, *, top_k: int, radius: int, order: str = "bits") -> None:
        """Set how to search; numbers out of range are brought to the nearest end.

        Args:
            mode: see `Way`.
            top_k: how many.
            radius: Hamming radius, bits.
            order: see `Way`.

        Raises:
            InputError: no such mode or order.
        """
        self.way = replace(
            self.way,
            mode=cast(Mode, mode),
            top_k=min(max(int(top_k), 1), self.max_top_k),
            radius=min(max(int(radius), 0), self.gallery.num_bits),
            order=cast(Order, order),
        )

    def filter_by(self, where: Filter) -> None:
        """Find only tiles of which the conditions hold.

        Raises:
            InputError: they make no sense, or no tile meets them.
        """
        way = replace(self.way, where=where)
        num_others(self.gallery, self.question, way)
        self.way = way

    def ranking(self) -> Ranking:
        """Answer the current question."""
        return rank(self.gallery, self.question, self.way)

    def tiles_of(self, name: str) -> list[int]:
        """Rows of one class to choose a query from, those unseen in training first.

        Raises:
            InputError: no such class.
        """
        if name not in self.gallery.classes:
            raise InputError(f"there is no class {name!r}: choose one from the list")
        rows = np.flatnonzero(self.gallery.labels == self.gallery.classes.index(name))
        return [int(row) for row in rows[np.argsort(~self._unseen[rows], kind="stable")]]

    def matching(self, text: str) -> list[str]:
        """Ids of the first tiles that hold a text, letters of either case; none for no text."""
        if not text.strip():
            return []
        ids = self.gallery.items["id"]
        held = ids.str.contains(text.strip(), case=False, regex=False).to_numpy(dtype=bool)
        return [str(name) for name in ids[np.flatnonzero(held)[:SUGGESTED]]]

    def row_of(self, name: str) -> int:
        """Return the row of the tile of an id, or of the first tile whose id holds the text.

        Raises:
            InputError: there is none.
        """
        rows = np.flatnonzero((self.gallery.items["id"] == name).to_numpy())
        found = rows if len(rows) else self.gallery.items["id"].isin(self.matching(name)[:1])
        rows = np.flatnonzero(found) if not len(rows) else rows
        if not len(rows):
            raise InputError(f"no tile's name holds {name!r}: try a part of it")
        return int(rows[0])

    @cached_property
    def _unseen(self) -> NDArray[np.bool_]:
        return np.asarray(self.gallery.items["split"] == "query", dtype=bool)

    def _check_row(self, row: Any) -> None:
        if not isinstance(row, int) or not 0 <= row < len(self.gallery):
            raise InputError(f"there is no tile {row}: choose 0 to {len(self.gallery) - 1}")

    def _unseen_first(self) -> NDArray[np.int64]:
        """Rows of the query split, or all rows where there are none."""
        unseen = np.flatnonzero(self._unseen)
        return unseen if len(unseen) else np.arange(len(self.gallery))

    def _first_query(self) -> int:
        """Of a few unseen tiles, one whose answer is neither among their best nor their worst.

        The page should open on what the model mostly does. Of the middle third, by precision, one
        with neighbors at many distances is taken, since a list of equal distances explains
        nothing, and then the one with the most detail, judged by the size of its JPEG.
        """
        rows = self._unseen_first()
        drawn: list[int] = self._rng.choice(rows, size=min(len(rows), 48), replace=False).tolist()
        labels = self.gallery.labels
        answers = {row: find(self.gallery, Question(row), self.way)[0] for row in drawn}
        drawn.sort(key=lambda row: int((labels[answers[row].ids] == labels[row]).sum()))
        middle = drawn[len(drawn) // 3 : len(drawn) - len(drawn) // 3]

        def worth(row: int) -> tuple[int, int]:
            return len(np.unique(answers[row].distances)), len(self.gallery.thumbnail(row))

        return max(middle, key=worth)
