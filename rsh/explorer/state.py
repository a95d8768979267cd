"""The state of the dashboard, without any widget: query, history and search settings."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args
from urllib.parse import quote

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsh.config import DEFAULT_TOP_K, Measure
from rsh.errors import InputError
from rsh.explorer.selection import select_rows
from rsh.gallery.filters import NO_FILTER, Filter
from rsh.gallery.gallery import Gallery
from rsh.index.base import Hits
from rsh.search.nearest import neighbors_kept, num_others
from rsh.search.query import Query, QueryImage, SearchOptions, Sign, check_row
from rsh.search.rerank import check_measure
from rsh.search.results import SearchResult
from rsh.search.retrieve import retrieve

MAX_TOP_K = 100
BRIGHTEST, BRIGHTNESS_STEP = 8, 0.5  # times as bright, as in `panels/lib/brightness.js`
MAX_MARKED = 50  # more than people mark by hand, few enough for an address
MAX_CONDITIONS = 6000  # characters in a link, which has room for 8,000 in all
SUGGESTED = 12
NO_HITS = Hits(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32))
Mode = Literal["top_k", "radius"]
# All but the first are of `rsh.config.Measure`.
Order = Literal["bits", "features", "asymmetric", "class-bits", "look-bits"]


@dataclass(frozen=True)
class SearchSettings:
    """The search controls; top_k and radius are both kept while the other one is in use.

    Attributes:
        mode: which of the two numbers applies.
        top_k: number of tiles.
        radius: Hamming radius, bits.
        order: "bits", or the finer measure that the nearest tiles are re-ranked by.
        filter: conditions on the tiles that may be found.
        include_held_out: whether tiles of the query split may be found, too.
    """

    mode: Mode = "top_k"
    top_k: int = DEFAULT_TOP_K
    radius: int = 2
    order: Order = "bits"
    filter: Filter = NO_FILTER
    include_held_out: bool = False

    def __post_init__(self) -> None:
        if self.order not in get_args(Order):
            choice = ", ".join(get_args(Order))
            raise InputError(f"choose one of {choice}", parameter="order", value=self.order)
        if self.mode not in get_args(Mode):
            raise InputError(f"search mode {self.mode!r}: choose {' or '.join(get_args(Mode))}")


class ExplorerState:
    """The dashboard's logic: the current query with a history like a browser's, and the settings.

    Attributes:
        gallery: what is searched.
        query: with its feedback, so that Back takes that away again.
        settings: how to search.
        selection: rows of the tiles selected in a map, ascending.
        stacked: whether results with equal codes are shown as one stack.
        brightness: how many times as bright images are drawn; 1 as they are.
        compared: name of the side that results are compared with, or "".
        sides: names of all such sides.
        takes_words: whether the page searches with words.
        awaited: a query of words from a link, which are not encoded yet.
    """

    def __init__(self, gallery: Gallery, *, seed: int = 0) -> None:
        """Start with a typical query; `seed` fixes it and the random ones.

        Raises:
            InputError: the gallery has no items.
        """
        if not len(gallery):
            raise InputError(f"{gallery.folder} holds no tiles: encode some with `rsh encode`")
        self.gallery = gallery
        self.settings = SearchSettings()
        radius = max(gallery.num_bits // 16, 1)
        self.search_by("top_k", top_k=DEFAULT_TOP_K, radius=radius)
        self.selection = select_rows([], num_tiles=len(gallery))
        self.stacked, self.brightness = False, 1.0
        self.compared = ""
        self.sides: Collection[str] = ()
        self.takes_words = False
        self.awaited: Query | None = None
        self._kept: tuple[Any, tuple[float, int] | None] = (None, None)
        self._rng = np.random.default_rng(seed)
        self._past: list[Query] = []
        self._future: list[Query] = []
        self.query = Query(self._first_query())

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
        """The largest top_k: all tiles but the query, at most MAX_TOP_K, at least 1."""
        return min(max(self.num_searched - 1, 1), MAX_TOP_K)

    @property
    def num_searched(self) -> int:
        """How many tiles a search without a filter may find, the query included."""
        held_out = 0 if self.settings.include_held_out else self.gallery.num_held_out
        return len(self.gallery) - held_out

    @property
    def options(self) -> SearchOptions:
        """The settings that apply to the current query; feedback scores all tiles."""
        return self._options(self.query)

    def brighten(self, factor: float) -> None:
        """Draw images brighter.

        Raises:
            InputError: there is no such brightness, or images are no composites.
        """
        if not self.gallery.composites:
            raise InputError(
                "its tiles are images, and only composites of bands are drawn brighter",
                parameter="brightness",
                value=f"{factor:g}",
            )
        if not 1 <= factor <= BRIGHTEST or factor % BRIGHTNESS_STEP:
            raise InputError(
                f"choose a number from 1 to {BRIGHTEST} in steps of {BRIGHTNESS_STEP}",
                parameter="brightness",
                value=f"{factor:g}",
            )
        self.brightness = float(factor)

    def search_with(self, query: Query) -> None:
        """Search with another query; this clears the way forward in the history."""
        if query != self.query:
            self._past.append(self.query)
            self._future.clear()
            self.query = query

    def choose(self, row: int) -> None:
        """Search with a tile, without feedback.

        Raises:
            InputError: the gallery has no such row.
        """
        check_row(self.gallery, row)
        self.search_with(Query(row))

    def choose_image(self, image: QueryImage) -> None:
        """Search with an image."""
        self.search_with(Query(image=image))

    def select(self, rows: ArrayLike) -> None:
        """Select these tiles instead of those before.

        Raises:
            InputError: the gallery has no such row, or they are too many.
        """
        self.selection = select_rows(rows, num_tiles=len(self.gallery))

    def choose_random(self) -> None:
        """Search with another tile, a held-out query if there are any."""
        others = self._held_out_rows()
        others = others[others != self.query.row]
        if len(others):
            self.choose(int(self._rng.choice(others)))

    def mark(self, row: int, sign: str) -> None:
        """Mark a tile as "positive" or "negative"; the same mark again removes it.

        Raises:
            InputError: there is no such tile or sign, it is the query, or too many are marked.
        """
        check_row(self.gallery, row)
        query = self.query.mark(row, cast(Sign, sign))
        if len(query.positive) + len(query.negative) > MAX_MARKED:
            raise InputError(f"{MAX_MARKED} tiles are marked: unmark one first")
        self.search_with(query)

    def clear_feedback(self) -> None:
        """Search with the query alone."""
        self.search_with(replace(self.query, positive=(), negative=()))

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

    def search_by(
        self,
        mode: str,
        *,
        top_k: int,
        radius: int,
        order: str = "bits",
        include_held_out: bool = False,
    ) -> None:
        """Change the settings; numbers out of range are clipped.

        Args:
            mode: see `SearchSettings`.
            top_k: number of tiles.
            radius: Hamming radius, bits.
            order: see `SearchSettings`; by parts of the codes only if they have these parts.
            include_held_out: see `SearchSettings`.

        Raises:
            InputError: no such mode or order, or no tile passes the filter without the held-out
                ones; the settings are as before.
        """
        wanted = replace(
            self.settings,
            mode=cast(Mode, mode),
            radius=min(max(int(radius), 0), self.gallery.num_bits),
            order=cast(Order, order),
            include_held_out=bool(include_held_out),
        )
        if wanted.order != "bits":
            check_measure(wanted.order, self.gallery.num_bits, self.gallery.look_bits)
        self.gallery.can_find(wanted.filter, include_held_out=wanted.include_held_out)
        self.settings = wanted
        self.settings = replace(wanted, top_k=min(max(int(top_k), 1), self.max_top_k))

    def filter_by(self, filter: Filter) -> None:
        """Find only tiles that pass a filter.

        Raises:
            InputError: a condition makes no sense, no tile passes, or they do not fit into a link.
        """
        length = sum(len(quote(str(condition))) for condition in filter.conditions)
        if length > MAX_CONDITIONS:
            raise InputError(
                f"these filters have {length:,} characters, and at most {MAX_CONDITIONS:,} fit "
                "into a link: remove one, or draw polygons with fewer corners"
            )
        included = self.settings.include_held_out
        self.gallery.can_find(filter, include_held_out=included)  # refuses it
        self.settings = replace(self.settings, filter=filter)

    def results(self, query: Query | None = None) -> SearchResult:
        """Search with a query, by default the current one.

        Without any other tile to find, the result is empty.

        Raises:
            InputError: a feature or code of the gallery was altered.
        """
        query = self.query if query is None else query
        options = self._options(query)
        if not num_others(self.gallery, query, options):
            return SearchResult.of_hits(self.gallery, query, options, NO_HITS)
        return retrieve(self.gallery, query, options)

    def neighbors_kept(self) -> tuple[float, int] | None:
        """Return what the code keeps of the query's neighbors: see `nearest.neighbors_kept`.

        None with feedback, which moves the query. The last figure is kept: it reads all features.
        """
        if self.query.has_feedback:
            return None
        filter = self.settings.filter
        labels = self.gallery.annotations.version if filter else 0  # which a filter may be on
        wanted = self.query, filter, labels, self.settings.include_held_out
        if self._kept[0] != wanted:
            self._kept = wanted, neighbors_kept(self.gallery, self.query, self.options)
        return self._kept[1]

    def list_tiles(self, name: str) -> NDArray[np.int64]:
        """Return the rows with one class or label to choose a query from, held-out queries first.

        Args:
            name: of the class or label; "" for the tiles without one.

        Raises:
            InputError: no such class or label.
        """
        gallery, has = self.gallery, ~self.gallery.has_label
        if name in gallery.label_names:
            has = gallery.holds_label(gallery.label_names.index(name))
        rows = np.flatnonzero(has)
        if (name and name not in gallery.label_names) or not len(rows):
            what = gallery.relevance.label
            raise InputError(f"there is no {what} {name!r}: choose one from the list")
        return rows[np.argsort(~self.gallery.is_held_out[rows], kind="stable")]

    def matching(self, text: str) -> list[str]:
        """Return the ids of the first tiles that contain a text, ignoring case."""
        if not text.strip():
            return []
        return self.gallery.ids.containing(text.strip(), most=SUGGESTED)

    def count_matching(self, text: str) -> int:
        """Return how many ids contain a text, ignoring case; 1 for the id of a tile."""
        if text in self.gallery.ids:
            return 1
        return self.gallery.ids.count_containing(text.strip())

    def find_row(self, name: str) -> int:
        """Return the row of the tile with an id, or of the first tile whose id contains the text.

        Raises:
            InputError: there is none.
        """
        ids = [name] if name in self.gallery.ids else self.matching(name)[:1]
        if not ids:
            raise InputError(f"no tile's name holds {name!r}: try a part of it")
        return self.gallery.find_row(ids[0])

    def _options(self, query: Query) -> SearchOptions:
        settings = self.settings
        among = SearchOptions(filter=settings.filter, include_held_out=settings.include_held_out)
        top_k = min(settings.top_k, num_others(self.gallery, query, among))
        if query.has_feedback:
            return replace(among, top_k=top_k)
        rerank: Measure | None = None if settings.order == "bits" else settings.order
        if settings.mode == "radius":
            return replace(among, radius=settings.radius, rerank=rerank)
        return replace(among, top_k=top_k, rerank=rerank)

    def _held_out_rows(self) -> NDArray[np.int64]:
        """Rows of the query split, or all rows where there are none."""
        rows = np.flatnonzero(self.gallery.is_held_out)
        return rows if len(rows) else np.arange(len(self.gallery))

    def _first_query(self) -> int:
        """Return one of a few held-out queries, whose results are neither the best nor the worst.

        A query with a label if there is one, since its results can be judged.

        The dashboard should open on typical results. Of the middle third by precision, it takes the
        query with results at the most distances, since a list of equal distances explains nothing,
        and among these the one with the most detail, judged by the size of its JPEG.
        """
        rows = self._held_out_rows()
        labeled = rows[self.gallery.has_label[rows]]
        rows = labeled if len(labeled) else rows
        drawn: list[int] = self._rng.choice(rows, size=min(len(rows), 48), replace=False).tolist()
        found = self._nearest(drawn)

        def num_relevant(row: int) -> int:
            label_set = int(self.gallery.label_sets[row])
            return int(self.gallery.shares_label(label_set, found[row].ids).sum())

        drawn.sort(key=num_relevant)
        middle = drawn[len(drawn) // 3 : len(drawn) - len(drawn) // 3]

        def worth(row: int) -> tuple[int, int]:
            return len(np.unique(found[row].distances)), len(self.gallery.thumbnail(row))

        return max(middle, key=worth)

    def _nearest(self, rows: list[int]) -> dict[int, Hits]:
        """Return the nearest tiles of several queries, without the order of ties by features."""
        most = len(self.gallery) - self.gallery.num_held_out
        if not most:
            return dict.fromkeys(rows, NO_HITS)
        top_k = self.settings.top_k
        wanted = min(top_k + 1, most)
        found = self.gallery.search(self.gallery.packed[rows], top_k=wanted)
        others = (hits.ids != row for row, hits in zip(rows, found, strict=True))
        return {
            row: Hits(hits.ids[keep][:top_k], hits.distances[keep][:top_k])
            for row, hits, keep in zip(rows, found, others, strict=True)
        }
