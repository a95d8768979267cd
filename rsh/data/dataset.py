"""What all data sets have in common: a table of items, and its split into train, val and query."""

import hashlib
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.config import SplitBy
from rsh.data import twins
from rsh.data.backgrounds import Background
from rsh.data.bands import IMAGE, NO_BANDS, BandOptions, Bands
from rsh.data.label_sets import has_label_sets, read_label_sets
from rsh.data.listing import warn_of_twins
from rsh.data.rendering import AS_IS, Composite, Rendering
from rsh.data.splits import SPLIT_COLUMNS, assign_splits, draw_unseen
from rsh.errors import InputError, RshWarning
from rsh.labels import SEVERAL, Labeled, LabelSource
from rsh.text import plural


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset(Labeled, ABC):
    """Tiles in one table, labeled or not: images (`TileDataset`), or vectors (`Embeddings`).

    Attributes:
        name: of the data set.
        items: one row per tile: id, class ("" where it is unknown), split (empty until `split`),
            and, if known, longitude and latitude in degrees, block and footprint.
        skip_unreadable: whether unreadable tiles were skipped.
        label_source: "auto" if the classes count, "multi" if the column `labels` does, several a
            tile, and "none" if the labels were dropped.
        rendering: how rasters become 8-bit RGB.
        bands: what a network sees of rasters; `IMAGE` for images, rasters as images, and vectors.
        band_options: how these are read.
        composites: ways to show the bands, the first as `rendering` says; none of images.
    """

    name: str
    items: pd.DataFrame = field(repr=False)
    skip_unreadable: bool = False
    label_source: LabelSource = "auto"
    rendering: Rendering = AS_IS
    bands: Bands = IMAGE
    band_options: BandOptions = NO_BANDS
    composites: tuple[Composite, ...] = ()

    @property
    @abstractmethod
    def path(self) -> Path:
        """The path to open this data set from."""

    @cached_property
    @abstractmethod
    def digests(self) -> list[bytes]:
        """Sha256 of the content of each tile; empty for tiles without data."""

    @abstractmethod
    def stamps(self, rows: range) -> Iterator[str]:
        """Yield a text for each of successive tiles that changes whenever its content does."""

    def backgrounds(self) -> list[Background]:
        """Return overviews of the scenes that the tiles were cut from; none of other tiles."""
        return []

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def fingerprint(self) -> str:
        """Sha256 of the id, class, block and content of every tile, but not of the path.

        Several labels a tile are part of it, if they count.
        """
        return fingerprint_tiles(self.items, self.digests, several=self.has_several)

    @property
    def has_several(self) -> bool:
        """Whether a tile may have several labels, which count instead of its class."""
        return self.label_source == "multi"

    def split(
        self,
        *,
        by: SplitBy = "auto",
        query: float = 0.2,
        val: float = 0.15,
        seed: int = 0,
        near_duplicates: bool = False,
        unseen: float = 0.0,
    ) -> "Split":
        """Split the tiles into train, val and query for the protocol "disjoint".

        Equal images stay on one side. Tiles without a class are split at random, like one more
        class; beside them, a class that is too small for every part stays in train.

        Args:
            by: "given" takes the split that folders such as train and test name, or the column
                split of items.csv; "block" keeps neighboring tiles together; "class" samples at
                random, within each class if it is known, or so that each label keeps its share;
                "auto" takes the first of these that the data allows.
            query: fraction of the tiles that become queries.
            val: fraction of the other tiles that become validation tiles.
            seed: of the random sampling.
            near_duplicates: nearly equal images stay on one side, too, see `rsh.data.twins`; every
                tile is decoded to find them.
            unseen: fraction of the classes that are not learned, for the protocol "unseen": all
                their tiles are in a split of this name.

        Raises:
            InputError: too few tiles or blocks, of a class or at all, the data has no such blocks
                or split, or too few classes for some to be unseen.
        """
        if by not in get_args(SplitBy):
            choices = ", ".join(get_args(SplitBy))
            raise InputError(f"choose one of {choices}", parameter="by", value=by)
        stated = {
            name: self.items[column].to_numpy(str)
            for name, column in SPLIT_COLUMNS.items()
            if column in self.items
        }
        if by in SPLIT_COLUMNS and by not in stated:
            what = {"given": "no folders such as train and test", "block": "no blocks"}[by]
            raise InputError(f"{self.name} has {what}: split by class")
        chosen = next(iter(stated), "class") if by == "auto" else by
        labels = self.items["class"].to_numpy(str)
        if unseen and self.has_several:
            raise InputError(
                "classes that are not learned need one class a tile: leave it out, or take classes "
                "with --labels auto",
                parameter="unseen",
                value=unseen,
            )
        left_out = draw_unseen(labels, unseen, seed) if unseen else np.zeros(len(labels), bool)
        names = np.full(len(labels), "unseen", dtype=object)
        names[~left_out] = assign_splits(
            labels[~left_out],
            **{name: values[~left_out] for name, values in stated.items() if name == chosen},
            twins=self._twins(near_duplicates)[~left_out],
            label_matrix=self.label_matrix if self.has_several else None,
            query=query,
            val=val,
            seed=seed,
        )
        how = {"by": by, "query": query, "val": val, "seed": seed}
        how |= {"near_duplicates": near_duplicates, "unseen": unseen}
        dataset = replace(self, items=self.items.assign(split=names))
        # The same tiles: no need to read them all again.
        for name in {"digests", "fingerprint"} & vars(self).keys():
            vars(dataset)[name] = getattr(self, name)
        return Split(dataset, how)

    def _twins(self, near: bool) -> NDArray[np.int64]:
        """Return groups of equal, or also of nearly equal, tiles."""
        digests = enumerate(self.digests)
        groups = twins.join([digest.hex() or f"row {row}" for row, digest in digests])
        return twins.join_pairs(groups, self._near_pairs()) if near else groups

    @abstractmethod
    def _near_pairs(self) -> list[tuple[int, int]]:
        """Return pairs of rows that look nearly the same."""

    def labeled_by(self, source: LabelSource) -> Self:
        """Return the same tiles, with their classes, with several labels, or without labels.

        Args:
            source: "multi" takes several labels a tile from the columns that `rsh.data.label_sets`
                describes; "none" drops all labels; "auto" keeps the classes, if there are any, and
                else takes several labels, if there are such columns.

        Raises:
            InputError: "multi", and there are no such columns, or they hold an invalid value.
        """
        if source == "none":
            return self.without_labels()
        if source == "auto" and (self.classes or not has_label_sets(self.items)):
            return self
        items = self.items.assign(**{SEVERAL: read_label_sets(self.items, str(self.path))})
        return self._relabeled(items, "multi")

    def without_labels(self) -> Self:
        """Return the same tiles without classes."""
        return self._relabeled(self.items.assign(**{"class": ""}), "none")

    def _relabeled(self, items: pd.DataFrame, source: LabelSource) -> Self:
        dataset = replace(self, items=items, label_source=source)
        if "digests" in vars(self):  # the same content: no need to read them all again
            vars(dataset)["digests"] = self.digests
        return dataset

    def select(self, rows: NDArray[np.int64]) -> Self:
        """Return the tiles of these rows, in this order."""
        return replace(self, items=self.items.iloc[rows].reset_index(drop=True))

    def tell_labels(self) -> None:
        """Warn of tiles without a label beside others, and of names that are nearly equal."""
        warn_of_twins(self.label_names, self.path, "labels" if self.has_several else "classes")
        unknown = self.items["id"][~self.has_label]
        if self.label_names and len(unknown):
            what = "label" if self.has_several else "class"
            warnings.warn(
                f"{self.path}: {len(unknown):,} of {plural(len(self), 'tile')} have no {what}, "
                f"such as {unknown.iloc[0]}",
                RshWarning,
                stacklevel=3,
            )


@dataclass(frozen=True)
class Split:
    """A data set split for the protocol "disjoint": no query is in the gallery.

    Attributes:
        dataset: all tiles, with the column `split` filled.
        how: the arguments of `Dataset.split`.
    """

    dataset: Dataset
    how: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> str:
        """Sha256 of the ids and their splits."""
        pairs = self.dataset.items[["id", "split"]].itertuples(index=False)
        return hashlib.sha256("\n".join(map("\0".join, pairs)).encode()).hexdigest()

    @cached_property
    def train(self) -> Dataset:
        """Tiles to train on."""
        return self._select("train")

    @cached_property
    def val(self) -> Dataset:
        """Validation tiles, to choose settings on; not trained on."""
        return self._select("val")

    @cached_property
    def query(self) -> Dataset:
        """Held-out queries, for results only."""
        return self._select("query")

    @cached_property
    def gallery(self) -> Dataset:
        """Tiles to search: train and val."""
        return self._select("train", "val")

    def rows(self, *names: str) -> NDArray[np.int64]:
        """Return the rows of `dataset` in any of these splits."""
        return np.flatnonzero(self.dataset.items["split"].isin(names))

    def _select(self, *names: str) -> Dataset:
        return self.dataset.select(self.rows(*names))


def fingerprint_tiles(
    items: pd.DataFrame, digests: Iterable[bytes], *, several: bool = False
) -> str:
    """Return the sha256 of id, class, block and content of every tile.

    Args:
        items: the tiles.
        digests: sha256 of the content of each tile.
        several: whether several labels a tile count, which are then part of it.
    """
    digest = hashlib.sha256()
    others = [*(["block"] if "block" in items else []), *([SEVERAL] if several else [])]
    columns = items[["id", "class", *others]]
    for values, content in zip(columns.itertuples(index=False), digests, strict=True):
        digest.update("\0".join(map(str, values)).encode())
        digest.update(content)
    return digest.hexdigest()
