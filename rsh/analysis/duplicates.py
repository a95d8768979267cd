"""Groups of near duplicates in a gallery.

Two tiles are near duplicates if their codes are at most `radius` bits apart and the pair passes a
check. **A group is a connected component**: all tiles that a chain of near duplicates connects. So
every near duplicate is in a group, whatever the order of the tiles. The ends of a chain may differ
more than a pair may; each group therefore has a center, the tile with the most near duplicates, and
states how far its tiles lie from it. Tiles to keep are chosen so that each other tile is a near
duplicate of one of them: the center alone, or several tiles of a chain.
"""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import DTypeLike, NDArray

from rsh.analysis.near_tiles import Items, near_items
from rsh.analysis.pair_checks import Check, Scores, make_check
from rsh.codes.binary import Ids, Packed, as_words
from rsh.config import PairCheck, default_radius
from rsh.errors import RshWarning
from rsh.gallery.gallery import Gallery
from rsh.labels import UNLABELED
from rsh.text import plural

MOST_FOUND = 0.25  # share of the tiles with a near duplicate by features, above which rsh warns


@dataclass(frozen=True, eq=False)
class DuplicateGroup:
    """Tiles that a chain of near duplicates connects: the center first, then the most similar.

    Attributes:
        rows: of the gallery, (n,) int64, n at least 2.
        distances: of each code from that of the center, bits, (n,) int64.
        similarities: of each tile to the center, (n,) float32; NaN without a check.
        kept: (n,) bool; each other tile is a near duplicate of one of these.
    """

    rows: Ids
    distances: NDArray[np.int64]
    similarities: Scores
    kept: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def farthest(self) -> int:
        """The largest distance from the center, bits."""
        return int(self.distances.max())

    @property
    def least_similarity(self) -> float | None:
        """The lowest similarity to the center; None without a check."""
        least = float(self.similarities.min())
        return None if np.isnan(least) else least

    @property
    def is_chain(self) -> bool:
        """Whether a tile is no near duplicate of the center, so that more than one is kept."""
        return int(self.kept.sum()) > 1

    @property
    def num_removable(self) -> int:
        """How many tiles can be removed without losing what is only there."""
        return len(self) - int(self.kept.sum())


@dataclass(frozen=True, eq=False)
class Duplicates:
    """The near duplicates of a gallery.

    Attributes:
        gallery: where they are.
        radius: largest distance of their codes, bits.
        check: what the pairs passed.
        measure: what similarities are: "cosine", "pixels", or "" without a check.
        threshold: least similarity of a pair that passed; None unless features were checked.
        groups: the most similar first: by the lowest similarity to the center, then by distance.
        num_pairs: how many pairs of tiles are near duplicates.
    """

    gallery: Gallery
    radius: int
    check: PairCheck
    measure: str
    threshold: float | None
    groups: list[DuplicateGroup]
    num_pairs: int

    @property
    def num_tiles(self) -> int:
        """How many tiles have a near duplicate."""
        return sum(map(len, self.groups))

    @property
    def num_removable(self) -> int:
        """How many tiles can be removed if each is to keep a near duplicate in the gallery."""
        return sum(group.num_removable for group in self.groups)

    @cached_property
    def disagreeing(self) -> list[DuplicateGroup]:
        """Groups with tiles of different classes: one of the labels may be wrong."""
        return [group for group in self.groups if len(self.classes(group)) > 1]

    def splits(self, group: DuplicateGroup) -> dict[str, int]:
        """Return how many tiles of a group are of each split; "" for tiles without one."""
        return self._count("split", group)

    def classes(self, group: DuplicateGroup) -> dict[str, int]:
        """Return how many tiles of a group are of each class; tiles without one do not count."""
        counts = self._count("class", group)
        counts.pop("", None)
        return counts

    def table(self) -> pd.DataFrame:
        """Return the tiles of all groups, group by group.

        Returns:
            One row per tile: group (from 1), id, class, split, keep (whether it is one to keep),
            distance from the group's center (bits), similarity to it (NaN without a check), and
            labels_disagree; without class and labels_disagree if the gallery has no classes. The
            index holds rows of the gallery.
        """
        sizes = list(map(len, self.groups))
        disagree = [len(self.classes(group)) > 1 for group in self.groups]
        columns = {
            "group": np.repeat(np.arange(1, len(sizes) + 1), sizes),
            "id": None,
            "class": None,
            "split": None,
            "keep": _join([group.kept for group in self.groups], bool),
            "distance": _join([group.distances for group in self.groups], np.int64),
            "similarity": round_similarities(
                _join([group.similarities for group in self.groups], np.float32)
            ),
            "labels_disagree": np.repeat(np.array(disagree, bool), sizes),
        }
        rows = _join([group.rows for group in self.groups], np.int64)
        items = self.gallery.table.take(rows)
        table = pd.DataFrame(
            columns | {name: items[name] for name in ("id", "class", "split")}, index=rows
        )
        return table if self.gallery.classes else table.drop(columns=["class", "labels_disagree"])

    def to_dict(self) -> dict[str, Any]:
        """Return what `rsh duplicates --json` prints."""
        names = ("id", "class", "split", "keep", "distance", "similarity")
        table = self.table()
        records = to_records(table[[name for name in names if name in table]])
        ends = np.cumsum([0, *map(len, self.groups)])
        return {
            "gallery": self.gallery.provenance(),
            "radius": self.radius,
            "check": self.check,
            "threshold": self.threshold,
            "num_pairs": self.num_pairs,
            "num_tiles": self.num_tiles,
            "num_removable": self.num_removable,
            "groups": [
                {
                    "splits": self.splits(group),
                    "classes": self.classes(group),
                    "is_chain": group.is_chain,
                    "tiles": records[start:stop],
                }
                for group, (start, stop) in zip(self.groups, pairwise(ends.tolist()), strict=True)
            ],
        }

    def _count(self, column: str, group: DuplicateGroup) -> dict[str, int]:
        values, counts = np.unique(self._columns[column][group.rows], return_counts=True)
        return dict(zip(values.tolist(), counts.tolist(), strict=True))

    @cached_property
    def _columns(self) -> dict[str, NDArray[np.object_]]:
        """Columns as arrays, since a table is slow for a few rows at a time."""
        items = self.gallery.items
        return {name: items[name].to_numpy(dtype=object) for name in ("class", "split")}


def find_duplicates(
    gallery: Gallery,
    *,
    radius: int | None = None,
    check: PairCheck | None = None,
    threshold: float | None = None,
    progress: bool = True,
) -> Duplicates:
    """Find the near duplicates of a gallery, held-out tiles included.

    Args:
        gallery: an opened gallery.
        radius: largest distance of their codes, bits; by default one bit for every 16 of the code.
        check: what a pair must pass: "pixels" compares thumbnails, "features" cosines, "none"
            nothing; by default pixels, or features if no tile has an image.
        threshold: least cosine, with "features" only.
        progress: show a bar.

    Raises:
        InputError: the radius, check or threshold is out of range, a tile is damaged, or nothing
            can be compiled.
    """
    chosen = make_check(gallery, check, threshold)
    bits = default_radius(gallery.num_bits) if radius is None else radius
    # A tile with a class stands for those that are equal to it.
    rows = np.argsort(gallery.labels == UNLABELED, kind="stable")
    items = Items.fold(gallery.packed, rows, chosen)
    graph = _Graph.find(gallery, items, chosen, bits, progress)
    groups = [
        _describe(gallery, items, chosen, members, graph.degrees, bits)
        for members in graph.groups()
    ]
    groups.sort(key=_rank)
    warn_of_many(chosen, sum(map(len, groups)), len(gallery))
    return Duplicates(
        gallery,
        bits,
        chosen.name,
        chosen.measure,
        chosen.threshold,
        groups,
        graph.num_pairs,
    )


def to_records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table of tiles for JSON; unknown values are None."""
    known = table.astype(object).where(table.notna() & (table != ""), None)
    return [dict(zip(known.columns, row, strict=True)) for row in known.itertuples(index=False)]


def round_similarities(values: Iterable[float | None]) -> NDArray[np.float64]:
    """Return similarities with the decimals that a float32 has; None becomes NaN."""
    return np.array(list(values), dtype=np.float64).round(6)


def warn_of_many(check: Check, found: int, total: int) -> None:
    """Note that features do not tell duplicates apart, if so many tiles pass the check."""
    if check.name == "features" and found > MOST_FOUND * total:
        warnings.warn(
            f"{found:,} of {plural(total, 'tile')} pass the check: these features hardly differ "
            "within a class, so check pixels, or choose a higher threshold",
            RshWarning,
            stacklevel=3,
        )


def _join(parts: list[NDArray[Any]], dtype: DTypeLike) -> NDArray[Any]:
    """Return arrays one after the other; of this type if there are none."""
    return np.concatenate([np.empty(0, dtype), *parts])


def _rank(group: DuplicateGroup) -> tuple[float, int, int]:
    least = group.least_similarity
    return (0.0 if least is None else -least, group.farthest, int(group.rows[0]))


@dataclass(frozen=True, eq=False)
class _Graph:
    """Which items near duplicates connect.

    Attributes:
        labels: component of each item, (i,).
        sizes: tiles of each item, (i,).
        degrees: near duplicates of a tile of each item, (i,).
        num_pairs: pairs of tiles.
    """

    labels: Ids
    sizes: NDArray[np.int64]
    degrees: NDArray[np.int64]
    num_pairs: int

    @classmethod
    def find(
        cls, gallery: Gallery, items: Items, check: Check, radius: int, progress: bool
    ) -> "_Graph":
        """Find the pairs, of which only this is kept."""
        portions = near_items(
            items, None, check, num_bits=gallery.num_bits, radius=radius, progress=progress
        )
        from rsh.index.components import Components  # numba

        components, sizes = Components(len(items)), items.sizes
        degrees = sizes - 1
        num_pairs = int((sizes * degrees).sum()) // 2
        for first, second, _, _ in portions:
            components.join(first, second)
            np.add.at(degrees, first, sizes[second])
            np.add.at(degrees, second, sizes[first])
            num_pairs += int((sizes[first] * sizes[second]).sum())
        return cls(components.labels(), sizes, degrees, num_pairs)

    def groups(self) -> list[Ids]:
        """Return the items of each component that has at least two tiles."""
        order = np.argsort(self.labels, kind="stable")
        _, starts = np.unique(self.labels[order], return_index=True)
        tiles = np.add.reduceat(self.sizes[order], starts) if len(order) else starts
        members = np.split(order, starts[1:])
        return [members[number] for number in np.flatnonzero(tiles > 1)]


def _describe(
    gallery: Gallery,
    items: Items,
    check: Check,
    members: Ids,
    degrees: NDArray[np.int64],
    radius: int,
) -> DuplicateGroup:
    """Return a group with its center and the tiles to keep."""
    rows = items.rows[members]
    order = np.lexsort((rows, gallery.labels[rows] == UNLABELED, -degrees[members]))
    members, rows = members[order], rows[order]
    differing = np.bitwise_count(gallery.packed[rows] ^ gallery.packed[rows[0]])
    distances = differing.sum(axis=1, dtype=np.int64)
    similarities, alike = check.compare(np.full(len(rows), rows[0]), rows)
    kept = _choose_kept(gallery.packed, check, rows, alike & (distances <= radius), radius)
    order = np.lexsort((rows, distances, -similarities))
    order = np.append(0, order[order != 0])  # the center, also of others that are equal to it
    tiles = items.members(members[order])
    number = np.repeat(order, items.sizes[members[order]])
    first = np.append(True, number[1:] != number[:-1])
    return DuplicateGroup(tiles, distances[number], similarities[number], kept[number] & first)


def _choose_kept(
    packed: Packed, check: Check, rows: Ids, covered: NDArray[np.bool_], radius: int
) -> NDArray[np.bool_]:
    """Return which tiles to keep: the first, then each that is no near duplicate of a kept one.

    Args:
        packed: codes of the gallery.
        check: what near duplicates pass.
        rows: of the group, those with most near duplicates first, (n,).
        covered: which of them are near duplicates of the first, itself among them, (n,).
        radius: largest distance of near duplicates, bits.
    """
    kept = np.zeros(len(rows), dtype=bool)
    kept[0] = True
    if covered.all():
        return kept
    from rsh.codes.hamming import measure  # numba

    columns = np.ascontiguousarray(as_words(packed[rows]).T)
    distances = np.empty(len(rows), np.uint16)
    for place in range(1, len(rows)):
        if covered[place]:
            continue
        kept[place] = True
        measure(columns, np.ascontiguousarray(columns[:, place]), 0, distances)
        near = np.flatnonzero((distances <= radius) & ~covered)
        alike = check.compare(np.full(len(near), rows[place]), rows[near]).alike
        covered[near[alike]] = True
    return kept
