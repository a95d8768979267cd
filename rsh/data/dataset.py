"""A data set of tiles, labeled or not, and its split into train, val and query."""

import hashlib
import io
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from rsh.config import SplitBy
from rsh.data import twins
from rsh.data.catalog import CATALOG
from rsh.data.images import read_image
from rsh.data.listing import warn_of_twins
from rsh.data.raster import HEAD, Raster, find_driver, open_tile, settle_rendering
from rsh.data.rendering import AS_IS, Rendering
from rsh.data.sample import SAMPLE, sample_path
from rsh.data.sources.base import Source
from rsh.data.sources.open import open_source
from rsh.data.sources.raster import RasterSource
from rsh.data.sources.webdataset import RANGE
from rsh.data.splits import SPLIT_COLUMNS, assign_splits
from rsh.data.tile_grid import DEFAULT_TILING, TilingOptions
from rsh.errors import InputError, NoData, RshWarning
from rsh.labels import UNLABELED, Labeled, LabelSource, describe_labels
from rsh.text import plural

SAMPLED = 64  # tiles, whose values decide the stretch of all
SKIP_HINT = "or skip such images with --skip-unreadable"


@dataclass(frozen=True, eq=False)
class TileDataset(Labeled):
    """Tiles in one table, and the source of their images.

    `TileDataset.open` reads a folder of images, any torchvision ImageFolder (one folder per class),
    a zip of either, and the other sources that it lists.

    Attributes:
        name: of the data set.
        source: reads the images.
        items: one row per tile: id (path inside the source), class ("" where it is unknown), split
            (empty until `split`), and, if known, longitude and latitude in degrees, block,
            footprint, and the scene, if there are several.
        skip_unreadable: whether unreadable images were skipped.
        rendering: how rasters become 8-bit RGB.
        label_source: "none" if the labels were dropped.
    """

    name: str
    source: Source
    items: pd.DataFrame
    skip_unreadable: bool = False
    rendering: Rendering = AS_IS
    label_source: LabelSource = "auto"

    @classmethod
    def open(
        cls,
        where: str | Path,
        *,
        skip_unreadable: bool = False,
        tiling: TilingOptions = DEFAULT_TILING,
        rendering: Rendering = AS_IS,
        like: Rendering = AS_IS,
        labels: LabelSource = "auto",
    ) -> "TileDataset":
        """Open a data set.

        A tile's class comes from the column class of items.csv, the sample of a shard, or else the
        folder, where there are at least two folders of classes. It may be unknown: a note says of
        how many tiles.

        Args:
            where: "bluemarble", the name of a data set downloaded by `rsh data fetch`, or the path
                of a folder of images, with one folder per class if they have classes, of a zip of
                such a folder, of WebDataset shards (a .tar, a folder of them, or
                x-{0000..0003}.tar), or of a georeferenced scene or a folder of scenes.
            skip_unreadable: decode every image now, and skip those that cannot be read.
            tiling: how to cut scenes into tiles.
            rendering: which bands of rasters are shown, and what becomes 0 and 255. By default
                red, green and blue as each raster names them, or its first three bands or its
                first; 8-bit values unchanged, and others from the 2nd to the 98th percentile of a
                sample of the tiles.
            like: rendering of a run or gallery, which holds where `rendering` says nothing.
            labels: "none" drops all classes, such as those of folders that are dates or places.

        Raises:
            InputError: the path is missing or holds no images, items.csv does not fit them, a
                raster lacks a band, or a data set differs from the published one.
        """
        if labels not in get_args(LabelSource):
            choices = ", ".join(get_args(LabelSource))
            raise InputError(f"choose one of {choices}", parameter="labels", value=labels)
        entry = CATALOG.get(where) if isinstance(where, str) else None  # a Path is never a name
        if entry:
            path = entry.require()
        else:
            path = sample_path() if str(where) == SAMPLE else Path(where)
        source = open_source(path, tiling, rendering, like)
        items = source.items()
        if entry:
            items = items[items["class"] != ""].reset_index(drop=True)  # no images beside folders
            hint = f"move it away, then run `rsh data fetch {where}`"
            entry.check(items["class"].tolist(), where=str(path), hint=hint)
        items.insert(2, "split", "")
        name = path.name if path.is_dir() else RANGE.sub("", path.stem).rstrip("-_.")
        found = source.rendering
        if not isinstance(source, RasterSource):
            like = found.over(like)
            found = _settle_rendering(source, items["id"], rendering, like)
        if found.stretch and found.stretch not in (rendering.stretch, like.stretch):
            _tell_stretch(path, found)
        dataset = cls(name, source, items, rendering=found)
        if labels == "none":
            dataset = dataset.without_labels()
        dataset._tell_labels()
        return dataset.drop_unreadable() if skip_unreadable else dataset

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        words = describe_labels(len(self), self.num_labeled, len(self.classes))
        return f"TileDataset({self.name!r}, {len(self)} tiles, {words})"

    @property
    def path(self) -> Path:
        """The path to open this data set from."""
        return self.source.path

    @cached_property
    def digests(self) -> list[bytes]:
        """Sha256 of the image file of each tile; empty for tiles without data."""
        return [self._digest(row) for row in range(len(self))]

    def _digest(self, row: int) -> bytes:
        try:
            return hashlib.sha256(self.read_bytes(row)).digest()
        except NoData:
            return b""

    @cached_property
    def fingerprint(self) -> str:
        """Sha256 of the id, class, block and image bytes of every tile, but not of the path."""
        return fingerprint_tiles(self.items, self.digests)

    @property
    def pixel_key(self) -> str:
        """A text that changes whenever the 8-bit RGB pixels of a tile do."""
        how = "" if self.rendering == AS_IS else f" {self.rendering}"
        return self.fingerprint + how

    def read_bytes(self, row: int) -> bytes:
        """Return the bytes of one tile's image file."""
        return self.source.read(str(self.items["id"].iloc[row]))

    def read(self, row: int) -> Image.Image:
        """Read one tile as 8-bit RGB.

        Raises:
            InputError: the image cannot be read; the message names it.
        """
        try:
            return self.decode(row, self.read_bytes(row))
        except NoData:
            raise
        except InputError as error:
            raise InputError(f"{error}, {SKIP_HINT}") from None

    def split(
        self,
        *,
        by: SplitBy = "auto",
        query: float = 0.2,
        val: float = 0.15,
        seed: int = 0,
        near_duplicates: bool = False,
    ) -> "Split":
        """Split the tiles into train, val and query for the protocol "disjoint".

        Equal images stay on one side. Tiles without a class are split at random, like one more
        class; beside them, a class that is too small for every part stays in train.

        Args:
            by: "given" takes the split that folders such as train and test name, or the column
                split of items.csv; "block" keeps neighboring tiles together; "class" samples at
                random, within each class if it is known; "auto" takes the first of these
                that the data allows.
            query: fraction of the tiles that become queries.
            val: fraction of the other tiles that become validation tiles.
            seed: of the random sampling.
            near_duplicates: nearly equal images stay on one side, too, see `rsh.data.twins`; every
                tile is decoded to find them.

        Raises:
            InputError: too few tiles or blocks, of a class or at all, or the data has no such
                blocks or split.
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
        names = assign_splits(
            self.items["class"].to_numpy(str),
            **{name: values for name, values in stated.items() if name == chosen},
            twins=self._twins(near_duplicates),
            query=query,
            val=val,
            seed=seed,
        )
        how = {"by": by, "query": query, "val": val, "seed": seed}
        how |= {"near_duplicates": near_duplicates}
        dataset = replace(self, items=self.items.assign(split=names))
        # The same tiles: no need to read them all again.
        for name in {"digests", "fingerprint"} & vars(self).keys():
            vars(dataset)[name] = getattr(self, name)
        return Split(dataset, how)

    def _twins(self, near: bool) -> NDArray[np.int64]:
        """Return groups of equal, or also of nearly equal, tiles."""
        digests = self.digests
        groups = twins.join([digest.hex() or f"row {row}" for row, digest in enumerate(digests)])
        if near:
            rows = [row for row, digest in enumerate(digests) if digest]
            pairs = twins.near_pairs(twins.look(self.read(row) for row in rows))
            pairs = [(rows[first], rows[second]) for first, second in pairs]
            groups = twins.join_pairs(groups, pairs)
        return groups

    def without_labels(self) -> "TileDataset":
        """Return the same tiles without classes."""
        items = self.items.assign(**{"class": ""})
        dataset = replace(self, items=items, label_source="none")
        if "digests" in vars(self):  # the same images: no need to read them all again
            vars(dataset)["digests"] = self.digests
        return dataset

    def _tell_labels(self) -> None:
        """Warn of tiles without a class beside others, and of names that are nearly equal."""
        warn_of_twins(self.classes, self.path)
        unknown = self.items["id"][self.labels == UNLABELED]
        if self.classes and len(unknown):
            warnings.warn(
                f"{self.path}: {len(unknown):,} of {plural(len(self), 'tile')} have no class, such "
                f"as {unknown.iloc[0]}",
                RshWarning,
                stacklevel=3,
            )

    def select(self, rows: NDArray[np.int64]) -> "TileDataset":
        """Return the tiles of these rows, in this order."""
        return replace(self, items=self.items.iloc[rows].reset_index(drop=True))

    def decode(self, row: int, content: bytes) -> Image.Image:
        """Decode the file of one tile as 8-bit RGB.

        Raises:
            InputError: the image cannot be read; the message names it.
        """
        path = str(self.items["id"].iloc[row])
        if not content:
            raise InputError(f"{path} is empty (0 bytes): download or save it again")
        return read_image(
            io.BytesIO(content),
            name=path,
            noted_as=f"a tile of {self.name}",
            rendering=self.rendering,
        )

    def drop_unreadable(self) -> "TileDataset":
        """Decode every image, and return the readable tiles; warnings name the others.

        Raises:
            InputError: no image can be read.
        """
        rows = []
        for row in range(len(self)):
            try:
                self.decode(row, self.read_bytes(row))
                rows.append(row)
            except InputError as error:
                warnings.warn(f"left out: {error}", RshWarning, stacklevel=3)
        if not rows:
            raise InputError(f"no image in {self.path} can be read: download or save them again")
        return replace(self.select(np.array(rows, dtype=np.int64)), skip_unreadable=True)


@dataclass(frozen=True)
class Split:
    """A data set split for the protocol "disjoint": no query is in the gallery.

    Attributes:
        dataset: all tiles, with the column `split` filled.
        how: the arguments of `TileDataset.split`.
    """

    dataset: TileDataset
    how: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> str:
        """Sha256 of the ids and their splits."""
        pairs = self.dataset.items[["id", "split"]].itertuples(index=False)
        return hashlib.sha256("\n".join(map("\0".join, pairs)).encode()).hexdigest()

    @cached_property
    def train(self) -> TileDataset:
        """Tiles to train on."""
        return self._select("train")

    @cached_property
    def val(self) -> TileDataset:
        """Validation tiles, to choose settings on; not trained on."""
        return self._select("val")

    @cached_property
    def query(self) -> TileDataset:
        """Held-out queries, for results only."""
        return self._select("query")

    @cached_property
    def gallery(self) -> TileDataset:
        """Tiles to search: train and val."""
        return self._select("train", "val")

    def rows(self, *names: str) -> NDArray[np.int64]:
        """Return the rows of `dataset` in any of these splits."""
        return np.flatnonzero(self.dataset.items["split"].isin(names))

    def _select(self, *names: str) -> TileDataset:
        return self.dataset.select(self.rows(*names))


def fingerprint_tiles(items: pd.DataFrame, digests: Iterable[bytes]) -> str:
    """Return the sha256 of id, class, block and image of every tile.

    Args:
        items: the tiles.
        digests: sha256 of the image file of each tile.
    """
    digest = hashlib.sha256()
    columns = items[["id", "class", *(["block"] if "block" in items else [])]]
    for values, image_digest in zip(columns.itertuples(index=False), digests, strict=True):
        digest.update("\0".join(map(str, values)).encode())
        digest.update(image_digest)
    return digest.hexdigest()


def _settle_rendering(
    source: Source, ids: "pd.Series[str]", given: Rendering, like: Rendering
) -> Rendering:
    """Complete a rendering by a sample of the tiles."""
    rows = np.unique(np.linspace(0, len(ids) - 1, SAMPLED).astype(int))
    rasters = _rasters(source, ids.iloc[rows])
    return settle_rendering(rasters, given, like=like, of=len(rows), skip_unreadable=True)


def _rasters(source: Source, ids: Iterable[str]) -> Iterator[Raster]:
    """Yield those of the tiles that are rasters, opened; unreadable ones are left out."""
    for tile in ids:
        with suppress(InputError):
            content = source.read(tile)
            if driver := find_driver(content[:HEAD]):
                with open_tile(io.BytesIO(content), driver, tile) as raster:
                    yield raster


def _tell_stretch(path: Path, rendering: Rendering) -> None:
    stretch = ", ".join(f"{low:g} to {high:g}" for low, high in rendering.stretch)
    warnings.warn(
        f"{path} has values of more than 8 bits: {stretch} become 0 to 255, choose otherwise with "
        "--stretch",
        RshWarning,
        stacklevel=3,
    )
