"""Leaks between the splits of a gallery: near duplicates on both sides of one.

A query whose near duplicate is searchable is found whatever the model has learned, and a validation
tile whose near duplicate was trained on favors settings that memorize. Near duplicates are those of
`rsh.analysis.duplicates`, but here pairs count, not chains of them.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from rsh.analysis.duplicates import round_similarities, to_records, warn_of_many
from rsh.analysis.near_tiles import Items, NearItems, near_items
from rsh.analysis.pair_checks import Check, make_check
from rsh.codes.binary import Ids
from rsh.config import PairCheck, default_radius
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery

JUDGES = ("query", "val")  # splits that judge a model, which is not fitted to them


class Leak(NamedTuple):
    """A query or validation tile, and the most similar of its near duplicates on the other side.

    Attributes:
        row: of the tile.
        match: row of its near duplicate.
        distance: of their codes, bits.
        similarity: by the check, at most 1; None without one.
        num_matches: how many near duplicates it has on the other side.
    """

    row: int
    match: int
    distance: int
    similarity: float | None
    num_matches: int


@dataclass(frozen=True, eq=False)
class Leaks:
    """The leaks of a gallery.

    Attributes:
        gallery: where they are.
        radius: largest distance of the codes, bits.
        check: what the pairs passed.
        measure: what similarities are: "cosine", "pixels", or "" without a check.
        threshold: least similarity of a pair that passed; None unless features were checked.
        leaks: the most similar first; queries against all tiles that a search finds, validation
            tiles against those of the split "train".
    """

    gallery: Gallery
    radius: int
    check: PairCheck
    measure: str
    threshold: float | None
    leaks: list[Leak]

    def of_split(self, split: str) -> list[Leak]:
        """Return the leaks of the tiles of one split."""
        splits = self.gallery.table["split"].to_numpy(dtype=object)
        return [leak for leak in self.leaks if splits[leak.row] == split]

    def sides(self, split: str) -> tuple[int, int]:
        """Return how many tiles a split has, and with how many they were compared."""
        return tuple(map(len, _sides(self.gallery, split)))  # type: ignore[return-value]

    def table(self) -> pd.DataFrame:
        """Return the tiles that leak, most similar first.

        Returns:
            One row per tile: id, class, split, match (id of its near duplicate), match_class,
            match_split, distance (bits), similarity (NaN without a check), and matches (how many
            near duplicates it has); without classes if the gallery has none. The index holds rows
            of the gallery.
        """
        rows, matches = [leak.row for leak in self.leaks], [leak.match for leak in self.leaks]
        columns = ("id", "class", "split")
        items = self.gallery.table.take(rows, columns)
        found = self.gallery.table.take(matches, columns)
        names = {"id": "match", "class": "match_class", "split": "match_split"}
        items = items.assign(**{new: found[old].to_numpy() for old, new in names.items()})
        items["distance"] = np.array([leak.distance for leak in self.leaks], np.int64)
        items["similarity"] = round_similarities([leak.similarity for leak in self.leaks])
        items["matches"] = np.array([leak.num_matches for leak in self.leaks], np.int64)
        return items if self.gallery.classes else items.drop(columns=["class", "match_class"])

    def to_dict(self) -> dict[str, Any]:
        """Return what `rsh leaks --json` prints."""
        sides = {split: self.sides(split) for split in JUDGES}
        return {
            "gallery": self.gallery.provenance(),
            "radius": self.radius,
            "check": self.check,
            "threshold": self.threshold,
            "splits": {
                split: {"tiles": tiles, "compared_with": others, "leaks": len(self.of_split(split))}
                for split, (tiles, others) in sides.items()
            },
            "leaks": to_records(self.table()),
        }


def find_leaks(
    gallery: Gallery,
    *,
    radius: int | None = None,
    check: PairCheck | None = None,
    threshold: float | None = None,
    progress: bool = True,
) -> Leaks:
    """Find queries and validation tiles that have a near duplicate on the other side.

    Args:
        gallery: an opened gallery.
        radius: as for `find_duplicates`.
        check: as for `find_duplicates`.
        threshold: as for `find_duplicates`.
        progress: show a bar.

    Raises:
        InputError: there are none, or as for `find_duplicates`.
    """
    chosen = make_check(gallery, check, threshold)
    bits = default_radius(gallery.num_bits) if radius is None else radius
    if not any(len(_sides(gallery, split)[0]) for split in JUDGES):
        raise InputError(
            f"{gallery.folder} has no queries and no validation tiles, so nothing can leak: encode "
            "the data set that the run was trained on, whose splits are known"
        )
    leaks = [
        leak
        for split in JUDGES
        for leak in _between(gallery, _sides(gallery, split), chosen, bits, progress)
    ]
    warn_of_many(chosen, len(leaks), sum(len(_sides(gallery, split)[0]) for split in JUDGES))
    leaks.sort(key=lambda leak: (-(leak.similarity or 0), leak.distance, leak.row))
    return Leaks(gallery, bits, chosen.name, chosen.measure, chosen.threshold, leaks)


def _sides(gallery: Gallery, split: str) -> tuple[Ids, Ids]:
    """Return the rows of a split of `JUDGES`, and of the tiles that it must not share."""
    splits = gallery.table["split"].to_numpy(dtype=object)
    judges = np.flatnonzero(splits == split)
    others = gallery.searchable if split == "query" else np.flatnonzero(splits == "train")
    return judges, others


def _between(
    gallery: Gallery, sides: tuple[Ids, Ids], check: Check, radius: int, progress: bool
) -> list[Leak]:
    """Return the leaks between two sides."""
    judges, others = (Items.fold(gallery.packed, rows, check) for rows in sides)
    best = _Best(len(judges))
    for portion in near_items(
        judges, others, check, num_bits=gallery.num_bits, radius=radius, progress=progress
    ):
        best.update(portion, others)
    found = np.flatnonzero(best.counts)
    return [
        Leak(
            int(row),
            int(best.matches[item]),
            int(best.distances[item]),
            float(best.similarities[item]) if check.measure else None,
            int(best.counts[item]),
        )
        for item in found
        for row in judges.members(np.array([item]))
    ]


class _Best:
    """The most similar match of each item so far, and how many it has."""

    def __init__(self, count: int) -> None:
        self.counts = np.zeros(count, np.int64)
        self.matches = np.full(count, -1)
        self.distances = np.zeros(count, np.int64)
        self.similarities = np.full(count, -np.inf)

    def update(self, pairs: NearItems, others: Items) -> None:
        """Take in some pairs."""
        np.add.at(self.counts, pairs.first, others.sizes[pairs.second])
        rows, distances = others.rows[pairs.second], pairs.distances.astype(np.int64)
        similarities = np.nan_to_num(pairs.similarities.astype(np.float64))
        order = np.lexsort((rows, distances, -similarities, pairs.first))
        item, place = np.unique(pairs.first[order], return_index=True)
        new = order[place]
        old = -self.similarities[item], self.distances[item], self.matches[item]
        better = np.zeros(len(item), bool)
        tied = np.ones(len(item), bool)
        for one, other in zip((-similarities[new], distances[new], rows[new]), old, strict=True):
            better |= tied & (one < other)
            tied &= one == other
        item, new = item[better], new[better]
        self.matches[item], self.distances[item] = rows[new], distances[new]
        self.similarities[item] = similarities[new]
