"""Class confusion: the margin between two classes, and the tiles on their boundary.

**A margin is how many bits farther the third-nearest tile of the other class lies than the
third-nearest of the own class, on average over the tiles of a class.** With d_k(x, C) the distance
from tile x to the k-th nearest tile of class C, x itself left out,

    m(x, B) = d_k(x, B) - d_k(x, A)  for x in A,    k = 3, or fewer if A or B has fewer tiles
    margin(A, B) = mean of m(x, B) over the tiles x of A

Near 0 a search cannot tell B from A; below 0 it confuses A with B. The third tile is used so that
up to two wrong labels have no effect. Only tiles that a search may find are neighbors; all tiles
are queries. Tiles without a class are neither.

Source: the difference of the distances to the nearest tiles of the other and of the own class is
the hypothesis margin of Crammer et al. 2002, "Margin analysis of the LVQ algorithm", but for its
factor of a half
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import MAX_BITS, as_words
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.labels import UNLABELED

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
NEIGHBORS = 3  # the last of so many nearest tiles defines the margin
MAX_DISTANCES = 10**9  # computed at most, in two seconds; beyond them tiles are sampled
BLOCK = 2**18  # distances in memory at a time: they fit into the processor's cache


class ClassPair(NamedTuple):
    """Two classes.

    Attributes:
        one: the first in alphabetical order.
        other: the second.
        margin: mean of both directions, bits; NaN where neither can be measured.
    """

    one: str
    other: str
    margin: float


@dataclass(frozen=True, eq=False)
class ClassMargins:
    """How far all classes of a gallery lie apart; row A, column B is about the tiles of A.

    Attributes:
        classes: names, in alphabetical order; none without labels.
        margin: (classes, classes) float32, bits. NaN on the diagonal, and where A or B has no other
            tile that can be found.
        share: of the tiles of A, how many have a tile of B as near as one of A, or nearer,
            (classes, classes) float32, 0 to 1; NaN as above. Where most of A have one code, a
            single tile of B with that code ties with all of them.
        evaluated: how many tiles of each class were evaluated, (classes,).
        tiles: how many each class has, (classes,).
    """

    classes: list[str]
    margin: Floats
    share: Floats
    evaluated: Ints
    tiles: Ints

    @property
    def sampled(self) -> bool:
        """Whether only a sample of the tiles was evaluated."""
        return bool((self.evaluated < self.tiles).any())

    @property
    def pairs(self) -> list[ClassPair]:
        """All pairs of classes, the narrowest margin first; those without one last."""
        one, other = np.triu_indices(len(self.classes), 1)
        margins = _mean(np.stack([self.margin[one, other], self.margin[other, one]]))
        return [
            ClassPair(self.classes[one[i]], self.classes[other[i]], float(margins[i]))
            for i in np.argsort(margins, kind="stable")  # NaN last
        ]


@dataclass(frozen=True, eq=False)
class BoundaryTiles:
    """The tiles of two classes that are at least as near to the other class as to their own.

    They are sorted by (difference of both distances, distance to the other class, row): the worst
    first.

    Attributes:
        one: name of a class.
        other: name of another.
        rows: tiles of either, (m,).
        own_distance: bits to the nearest other tile of its own class, (m,) int64.
        other_distance: bits to the nearest tile of the other class, (m,) int64.
        nearest_other: that tile, the first by row if there are several, (m,).
        total: how many boundary tiles there are, of which these are the first m.
        evaluated: how many tiles were evaluated.
        tiles: how many the two classes have.
    """

    one: str
    other: str
    rows: Ints
    own_distance: Ints
    other_distance: Ints
    nearest_other: Ints
    total: int
    evaluated: int
    tiles: int


def class_margins(gallery: Gallery) -> ClassMargins:
    """Return the margins between all classes of a gallery.

    Where that would take more than a billion distances, from about 30,000 tiles on, only the first
    tiles of each class are evaluated, equally many of each. Galleries are ordered by a hash of the
    ids, so these are a random sample. They are always compared with all tiles that can be found.
    """
    classes = np.arange(len(gallery.classes))
    if not len(classes):
        nothing, none = np.empty((0, 0), np.float32), np.empty(0, np.int64)
        return ClassMargins([], nothing, nothing, none, none)
    index, evaluated = _ClassIndex(gallery, classes), np.zeros(len(classes), dtype=np.int64)
    margin, share = (np.full((len(classes), len(classes)), np.nan, np.float32) for _ in range(2))
    for number in classes:  # row by row of the matrix: all at once would not fit
        rows = index.sample(number)
        others, evaluated[number] = classes != number, len(rows)
        near = index.nearest(rows).distances
        own = near[:, [number]]
        margin[number, others] = _mean(_differences(near, own))[others]
        known = np.isfinite(near[:, :, 0]) & np.isfinite(own[:, :, 0])
        crossed = near[:, :, 0] <= own[:, :, 0]  # ties count: a search may show either first
        share[number, others] = _mean(np.where(known, crossed, np.nan))[others]
    tiles = np.bincount(gallery.labels[gallery.labels != UNLABELED], minlength=len(classes))
    return ClassMargins(gallery.classes, margin, share, evaluated, tiles)


def boundary_tiles(
    gallery: Gallery, one: str, other: str, *, count: int | None = None
) -> BoundaryTiles:
    """Return the boundary tiles of two classes, the worst first.

    A tile whose class has no other tile that can be found is left out. In a large gallery the tiles
    are sampled, see `class_margins`.

    Args:
        gallery: an opened gallery.
        one: name of a class.
        other: name of another.
        count: how many tiles at most; all by default.

    Raises:
        InputError: there is no such class, both are the same, or count is below 1.
    """
    if count is not None and count < 1:
        raise InputError("choose 1 or more", parameter="count", value=count)
    pair = np.array([_number(gallery, "one", one), _number(gallery, "other", other)])
    if one == other:
        raise InputError(
            "a class has no boundary with itself, choose another", parameter="other", value=other
        )
    index = _ClassIndex(gallery, pair)
    rows = np.concatenate([index.sample(number) for number in pair])
    near, each = index.nearest(rows), np.arange(len(rows))
    side = (gallery.labels[rows] == pair[1]).astype(np.int64)  # 0 or 1
    own, other_distance = near.distances[each, side, 0], near.distances[each, 1 - side, 0]
    crossed = np.flatnonzero(np.isfinite(own) & (other_distance <= own))
    farther = other_distance[crossed] - own[crossed]
    order = np.lexsort((rows[crossed], other_distance[crossed], farther))  # the last key first
    shown = crossed[order[:count]]
    return BoundaryTiles(
        one=one,
        other=other,
        rows=rows[shown],
        own_distance=own[shown].astype(np.int64),
        other_distance=other_distance[shown].astype(np.int64),
        nearest_other=near.first[shown, 1 - side[shown]],
        total=len(crossed),
        evaluated=len(rows),
        tiles=int(np.isin(gallery.labels, pair).sum()),
    )


class _Nearest(NamedTuple):
    """The nearest tiles of some queries in each class."""

    distances: Floats  # (a, classes, NEIGHBORS), bits, ascending; infinite beyond the last tile
    first: Ints  # (a, classes), row of the nearest, the first of several; -1 where there is none


class _ClassIndex:
    """The tiles of some classes that a search may find, class by class.

    A distance and the position of its tile are one key, distance * tiles + position: the smallest
    key of a class is that of its nearest tile, the first of several.
    """

    def __init__(self, gallery: Gallery, classes: Ints) -> None:
        self._labels, self._packed = gallery.labels, gallery.packed
        labels = self._labels[gallery.searchable]
        by_class = [gallery.searchable[labels == number] for number in classes]
        sizes = np.array([len(rows) for rows in by_class])
        self._filled = np.flatnonzero(sizes)  # reduceat cannot reduce empty parts
        self._starts = (np.cumsum(sizes) - sizes)[self._filled]
        self._rows = np.concatenate(by_class)
        self._columns = np.ascontiguousarray(as_words(self._packed[self._rows]).T)  # (words, n)
        self._position = np.full(len(self._labels), -1)
        self._position[self._rows] = np.arange(len(self._rows))
        self._num_classes = len(classes)
        self._sample_size = max(1, MAX_DISTANCES // max(1, len(self._rows)) // len(classes))

    def sample(self, number: np.int64) -> Ints:
        """Return the tiles of a class that are evaluated."""
        return np.flatnonzero(self._labels == number)[: self._sample_size]

    def nearest(self, rows: Ints) -> _Nearest:
        """Return the nearest tiles of each class; a tile is not its own neighbor."""
        shape = (len(rows), self._num_classes)
        distances = np.full((*shape, NEIGHBORS), np.inf, dtype=np.float32)
        first = np.full(shape, -1, dtype=np.int64)
        size = max(1, min(len(rows), BLOCK // max(1, len(self._rows))))
        room = _Room.of(size, len(self._rows), self._columns.dtype)
        for start in range(0, len(rows) if len(self._filled) else 0, size):
            block = slice(start, start + size)
            self._fill(rows[block], distances[block], first[block], room)
        return _Nearest(distances, first)

    def _fill(self, rows: Ints, distances: Floats, first: Ints, room: "_Room") -> None:
        tiles = len(self._rows)
        keys, bits, differing = (array[: len(rows)] for array in room[:3])
        keys[:] = 0
        for word, column in zip(as_words(self._packed[rows]).T, self._columns, strict=True):
            np.bitwise_xor(word[:, None], column, out=differing)
            keys += np.bitwise_count(differing, out=bits)
        keys *= tiles
        keys += room.positions
        removed = np.iinfo(keys.dtype).max  # larger than any key
        itself = self._position[rows]
        keys[itself >= 0, itself[itself >= 0]] = removed
        for rank in range(NEIGHBORS):
            least = np.minimum.reduceat(keys, self._starts, axis=1)
            query, number = np.nonzero(least != removed)
            distance, position = np.divmod(least[query, number], keys.dtype.type(tiles))
            distances[query, self._filled[number], rank] = distance
            if not rank:
                first[query, self._filled[number]] = self._rows[position]
            keys[query, position] = removed


class _Room(NamedTuple):
    """Memory for one block of queries, taken once: a kernel gives large blocks back at once."""

    keys: NDArray[np.unsignedinteger]
    bits: NDArray[np.uint8]
    differing: NDArray[np.unsignedinteger]
    positions: NDArray[np.unsignedinteger]

    @classmethod
    def of(cls, rows: int, tiles: int, word: np.dtype[Any]) -> "_Room":
        """Take room for some rows of keys, from words of a type."""
        kind, shape = np.min_scalar_type((MAX_BITS + 2) * tiles), (rows, tiles)
        return cls(
            keys=np.empty(shape, kind),
            bits=np.empty(shape, np.uint8),
            differing=np.empty(shape, word),
            positions=np.arange(tiles, dtype=kind),
        )


def _differences(near: Floats, own: Floats) -> Floats:
    """Return how much farther each class is than the own one at the last rank of both, else NaN.

    From distances (a, classes, NEIGHBORS) and (a, 1, NEIGHBORS) to (a, classes), all in bits.
    """
    known = np.isfinite(near) & np.isfinite(own)
    last = np.maximum(known.sum(axis=2, keepdims=True) - 1, 0)
    with np.errstate(invalid="ignore"):  # infinity less infinity
        farther = np.take_along_axis(near - own, last, axis=2)[..., 0]
    return np.where(known.any(axis=2), farther, np.float32(np.nan))


def _mean(values: Floats) -> Floats:
    """Return the mean of each column, NaN ignored; NaN where nothing is left."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):  # 0 / 0
        means = np.where(known, values, 0).sum(axis=0, dtype=np.float64) / known.sum(axis=0)
    return np.asarray(means, dtype=np.float32)


def _number(gallery: Gallery, name: str, wanted: str) -> int:
    if wanted not in gallery.classes:
        one = (
            f"has no such class; one is {gallery.classes[0]}"
            if gallery.classes
            else "has no labels"
        )
        message = f"{gallery.folder} {one}"
        raise InputError(message, parameter=name, value=wanted)
    return gallery.classes.index(wanted)
