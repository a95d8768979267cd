"""Scenes: a set of labeled tiles, wherever their images lie."""

import hashlib
import io
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from rsh.data import splits
from rsh.data.catalog import CATALOG
from rsh.data.images import read_image
from rsh.data.sample import _place
from rsh.data.sources.base import Source
from rsh.data.sources.open import open_source
from rsh.data.sources.webdataset import RANGE
from rsh.data.tile_grid import DEFAULT_TILING, TilingOptions
from rsh.errors import InputError, NoData, RshWarning

LEAVE_OUT = "or leave such images out with --skip-unreadable"


@dataclass(frozen=True, eq=False)
class TileDataset:
    """Labeled tiles in one table, with the images behind it.

    Any torchvision ImageFolder (one folder a class) opens, and any zip of one.

    Attributes:
        name: what to call the set.
        source: where the images lie.
        items: one row a tile: id (path inside the source), class, split (empty until `split`),
            and where known longitude and latitude in degrees, block and footprint.
        skip_unreadable: whether images that cannot be read were left out.
    """

    name: str
    source: Source
    items: pd.DataFrame
    skip_unreadable: bool = False

    @classmethod
    def open(
        cls,
        where: str | Path,
        *,
        skip_unreadable: bool = False,
        tiling: TilingOptions = DEFAULT_TILING,
    ) -> "TileDataset":
        """Open a data set.

        Args:
            where: "bluemarble", the name of a data set fetched by `rsh data fetch`, a folder with
                one folder a class, a zip of such a folder, WebDataset shards (a .tar, a folder of
                them, or x-{0000..0003}.tar), or a georeferenced scene or a folder of them.
            skip_unreadable: decode every image now and leave out those that cannot be read.
            tiling: how scenes are cut into tiles.

        Raises:
            InputError: nothing there, no images, a table that does not fit them, or a data set
                that is not as published.
        """
        known = CATALOG.get(where) if isinstance(where, str) else None  # a Path is a path
        path = known.require() if known else _place(where)
        source = open_source(path, tiling)
        items = source.items()
        if known:
            hint = f"move it away, then run `rsh data fetch {where}`"
            known.check(items["class"].tolist(), where=str(path), hint=hint)
        items.insert(2, "split", "")
        name = path.name if path.is_dir() else RANGE.sub("", path.stem).rstrip("-_.")
        dataset = cls(name, source, items)
        return dataset.readable() if skip_unreadable else dataset

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        return f"Scenes({self.name!r}, {len(self)} tiles, {len(self.classes)} classes)"

    @property
    def path(self) -> Path:
        """What to open to have the images again."""
        return self.source.path

    @cached_property
    def classes(self) -> list[str]:
        """Class names in alphabetical order."""
        return sorted(self.items["class"].unique())

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Class numbers in the order of `classes`, (n,) int64."""
        numbers = {name: number for number, name in enumerate(self.classes)}
        return np.array([numbers[name] for name in self.items["class"]], dtype=np.int64)

    @cached_property
    def fingerprint(self) -> str:
        """A sha256 over every id, class, block and image byte, wherever the data lies."""
        digests = (hashlib.sha256(self.read_bytes(row)).digest() for row in range(len(self)))
        return fingerprint_tiles(self.items, digests)

    def read_bytes(self, row: int) -> bytes:
        """Return the file of one tile as it is stored."""
        return self.source.read(str(self.items["id"].iloc[row]))

    def read(self, row: int) -> Image.Image:
        """Read one tile as 8-bit RGB.

        Raises:
            InputError: it cannot be read; the message names it.
        """
        try:
            return self.decode(row, self.read_bytes(row))
        except NoData:
            raise
        except InputError as error:
            raise InputError(f"{error}, {LEAVE_OUT}") from None

    def split(
        self,
        *,
        by: splits.SplitBy = "auto",
        query: float = 0.2,
        val: float = 0.15,
        seed: int = 0,
    ) -> "Split":
        """Cut the tiles into train, val and query for the protocol "disjoint".

        Args:
            by: "block" keeps neighboring tiles together, "class" draws at random within each
                class, "auto" takes blocks where the data has them.
            query: share of the tiles that become queries.
            val: share of the rest that becomes validation.
            seed: of the draw.

        Raises:
            InputError: too few classes, tiles or blocks, or by="block" without blocks.
        """
        if by not in get_args(splits.SplitBy):
            raise InputError(
                f"choose one of {', '.join(get_args(splits.SplitBy))}", parameter="by", value=by
            )
        if by == "block" and "block" not in self.items:
            raise InputError(f"{self.name} has no blocks: split by class, or add a block column")
        labels = self.items["class"].to_numpy(str)
        if by == "class" or "block" not in self.items:
            names = splits.stratified(labels, query=query, val=val, seed=seed)
        else:
            blocks = self.items["block"].to_numpy(str)
            names = splits.by_block(labels, blocks, query=query, val=val, seed=seed)
        how = {"by": by, "query": query, "val": val, "seed": seed}
        cut = replace(self, items=self.items.assign(split=names))
        if "fingerprint" in self.__dict__:  # the same tiles: reading them all again tells nothing
            cut.__dict__["fingerprint"] = self.fingerprint
        return Split(cut, how)

    def take(self, rows: NDArray[np.int64]) -> "TileDataset":
        """Return the tiles of these rows, in this order."""
        items = self.items.iloc[rows].reset_index(drop=True)
        return replace(self, items=items)

    def decode(self, row: int, content: bytes) -> Image.Image:
        """Decode the file of one tile as 8-bit RGB.

        Raises:
            InputError: it is no image that can be read; the message names it.
        """
        path = str(self.items["id"].iloc[row])
        if not content:
            raise InputError(f"{path} is empty (0 bytes): fetch or save it again")
        return read_image(io.BytesIO(content), name=path, noted_as=f"a tile of {self.name}")

    def readable(self) -> "TileDataset":
        """Decode every image, and return the tiles that can be read; a warning names the others.

        Raises:
            InputError: none can.
        """
        rows = []
        for row in range(len(self)):
            try:
                self.decode(row, self.read_bytes(row))
                rows.append(row)
            except InputError as error:
                warnings.warn(f"left out: {error}", RshWarning, stacklevel=3)
        if not rows:
            raise InputError(f"no image in {self.path} can be read: fetch or save them again")
        return replace(self.take(np.array(rows, dtype=np.int64)), skip_unreadable=True)


@dataclass(frozen=True)
class Split:
    """Scenes cut for the protocol "disjoint": no query is in the gallery.

    Attributes:
        dataset: all tiles, with the column `split` filled.
        how: the arguments of `Scenes.split` that gave it.
    """

    dataset: TileDataset
    how: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> str:
        """A sha256 over which tile is in which split."""
        pairs = self.dataset.items[["id", "split"]].itertuples(index=False)
        return hashlib.sha256("\n".join(map("\0".join, pairs)).encode()).hexdigest()

    @cached_property
    def train(self) -> TileDataset:
        """What the model learns from."""
        return self._part("train")

    @cached_property
    def val(self) -> TileDataset:
        """What settings are chosen on; it never trains."""
        return self._part("val")

    @cached_property
    def query(self) -> TileDataset:
        """What figures are measured with; neither trained on nor chosen on."""
        return self._part("query")

    @cached_property
    def gallery(self) -> TileDataset:
        """What is searched: train and val."""
        return self._part("train", "val")

    def rows(self, *names: str) -> NDArray[np.int64]:
        """Return the rows of `dataset` that are in one of these splits."""
        return np.flatnonzero(self.dataset.items["split"].isin(names))

    def _part(self, *names: str) -> TileDataset:
        return self.dataset.take(self.rows(*names))


def fingerprint_tiles(items: pd.DataFrame, digests: Iterable[bytes]) -> str:
    """Return a sha256 over id, class, block and image of each tile.

    Args:
        items: the tiles.
        digests: sha256 of the file of each.
    """
    digest = hashlib.sha256()
    decisive = items[["id", "class", *(["block"] if "block" in items else [])]]
    for words, image in zip(decisive.itertuples(index=False), digests, strict=True):
        digest.update("\0".join(map(str, words)).encode())
        digest.update(image)
    return digest.hexdigest()
