"""Tiles that are images: in folders, zips, shards, and scenes."""

import hashlib
import io
import warnings
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from rsh.data import twins
from rsh.data.backgrounds import Background
from rsh.data.band_values import FileKind, Values, decode_bands, find_kind, settle_bands
from rsh.data.bands import ALL, IMAGE, NO_BANDS, BandOptions, Bands, find_composites
from rsh.data.catalog import CATALOG
from rsh.data.dataset import Dataset
from rsh.data.images import read_image
from rsh.data.published.check import check_published
from rsh.data.raster import HEAD, Raster, find_driver, open_tile, settle_rendering
from rsh.data.rendering import AS_IS, Composite, Rendering
from rsh.data.sample import SAMPLE, sample_path
from rsh.data.sources.base import Source
from rsh.data.sources.open import open_source
from rsh.data.sources.raster import RasterSource, open_all
from rsh.data.sources.webdataset import RANGE
from rsh.data.tile_grid import DEFAULT_TILING, TilingOptions
from rsh.data.units import check_tile
from rsh.errors import InputError, NoData, RshWarning
from rsh.labels import LabelSource, check_label_source, describe_labels
from rsh.text import plural

SAMPLED = 64  # tiles, whose values decide the stretch of all
SKIP_HINT = "or skip such images with --skip-unreadable"


@dataclass(frozen=True, eq=False, kw_only=True)
class TileDataset(Dataset):
    """A table of tiles, and the source of their images.

    `TileDataset.open` reads a folder of images, any torchvision ImageFolder (one folder per class),
    a zip of either, and the other sources that it lists.

    Attributes:
        source: reads the images; an id is a path inside it.
        tiling: how scenes were cut; else its crs alone is of use.
    """

    source: Source
    tiling: TilingOptions = DEFAULT_TILING

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
        bands: BandOptions = NO_BANDS,
        like_bands: Bands = IMAGE,
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
            tiling: how to cut scenes into tiles; its crs is also that of places in the table of
                a folder, a zip or shards: geometries, or columns x, y and footprint.
            rendering: which bands of rasters are shown, and what becomes 0 and 255. By default
                red, green and blue as each raster names them, or its first three bands or its
                first; 8-bit values unchanged, and others from the 2nd to the 98th percentile of a
                sample of the tiles.
            like: rendering of a run or gallery, which holds where `rendering` says nothing.
            labels: "none" drops all classes, such as those of folders that are dates or places;
                "multi" takes several labels a tile, see `Dataset.labeled_by`.
            bands: what a network sees of rasters; by default what is shown.
            like_bands: those of a network, whose names and units the tiles must have.

        Raises:
            InputError: the path is missing or holds no images, items.csv does not fit them, a
                raster lacks a band or has it in another unit than a network takes, or a data set
                differs from the published one.
        """
        check_label_source(labels)
        entry = CATALOG.get(where) if isinstance(where, str) else None  # a Path is never a name
        if entry:
            path = entry.require()
        else:
            path = sample_path() if str(where) == SAMPLE else Path(where)
        if like_bands.names:
            bands = replace(bands, names=like_bands.names)
        source = open_source(path, tiling, rendering, like, whole=bool(bands.names))
        items = source.items()
        if entry:
            if entry.has_classes:  # no images beside their folders
                items = items[items["class"] != ""].reset_index(drop=True)
            hint = f"move it away, then run `rsh data fetch {where}`"
            check_published(entry, source, items, where=str(path), hint=hint)
        items.insert(2, "split", "")
        name = path.name if path.is_dir() else RANGE.sub("", path.stem).rstrip("-_.")
        found = source.rendering
        if not isinstance(source, RasterSource):
            like = found.over(like)
            found = _settle_rendering(source, items["id"], rendering, like)
        if found.stretch and found.stretch not in (rendering.stretch, like.stretch):
            _tell_stretch(path, found)
        dataset = cls(name=name, source=source, items=items, rendering=found, tiling=tiling)
        dataset = dataset._with_bands(bands, like_bands).labeled_by(labels)
        dataset.tell_labels()
        return dataset.drop_unreadable() if skip_unreadable else dataset

    def _with_bands(self, options: BandOptions, like: Bands) -> "TileDataset":
        """Return the same tiles, of which a network sees bands."""
        if not options.names:
            _refuse_options(options)
            return self
        with closing(self._sampled_rasters()) as rasters:
            bands, options = settle_bands(rasters, options, like)
        dataset = replace(self, bands=bands, band_options=options)
        return replace(dataset, composites=dataset._find_composites())

    @property
    def has_rasters(self) -> bool:
        """Whether there is a raster among the scenes or sampled tiles."""
        with closing(self._sampled_rasters()) as rasters:
            return next(rasters, None) is not None

    def find_bands(self) -> Bands:
        """Return names and units of all bands of the rasters.

        Raises:
            InputError: there is no raster, not all have the same bands and units, or digital
                numbers need an offset first.
        """
        with closing(self._sampled_rasters()) as rasters:
            return settle_bands(rasters, BandOptions((ALL,)))[0]

    def with_all_bands(self) -> "TileDataset":
        """Return the same tiles, where files of those of scenes hold all bands."""
        if not isinstance(self.source, RasterSource):
            return self
        return replace(self, source=replace(self.source, whole=True))

    def _sampled_rasters(self) -> Generator[Raster]:
        """Return the scenes, or rasters among some tiles, opened one after the other."""
        if isinstance(self.source, RasterSource):
            return open_all(plan.scene for plan in self.source.plans.values())
        return _rasters(self.source, _sample_ids(self.items["id"]))

    def _find_composites(self) -> tuple[Composite, ...]:
        """Return the ways to show the bands, each with one stretch for all tiles."""
        with closing(self._sampled_rasters()) as rasters:
            first = next(rasters)
            count, shown = first.source.count, first.choose_bands(self.rendering)
            titles, found = first.band_names, find_composites(first.band_names)
        names: dict[tuple[int, ...], str] = {bands: name for name, bands in found.items()}
        own = names.get(shown, f"bands {', '.join(map(str, shown))}")
        composites = [Composite(own, tuple(titles[band - 1] for band in shown), self.rendering)]
        for name, bands in found.items():
            if name != own:
                shown_bands = tuple(titles[band - 1] for band in bands)
                wanted = Rendering(bands, count, names=shown_bands)
                with closing(self._sampled_rasters()) as rasters:
                    rendering = settle_rendering(rasters, wanted, of=SAMPLED, skip_unreadable=True)
                composites.append(Composite(name, shown_bands, rendering))
        return tuple(composites)

    def __repr__(self) -> str:
        words = describe_labels(
            len(self), self.num_labeled, len(self.label_names), several=self.has_several
        )
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

    def stamps(self, rows: range) -> Iterator[str]:
        """Yield a text for each tile that changes whenever the image does, which is not read."""
        return map(self.source.stamp, self.items["id"].iloc[rows.start : rows.stop])

    @property
    def pixel_key(self) -> str:
        """A text that changes whenever what a network sees of a tile does."""
        how = "" if self.rendering == AS_IS else f" {self.rendering}"
        zeros = " zeros hold no data" * bool(self.band_options.offset)
        return self.fingerprint + (f" {self.band_options}{zeros}" if self.bands else how)

    def backgrounds(self) -> list[Background]:
        """Return overviews of the scenes that the tiles were cut from, as far as they are known."""
        try:
            return self.source.backgrounds()
        except InputError as error:
            warnings.warn(f"{error}: maps have no background", RshWarning, stacklevel=2)
            return []

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

    def _near_pairs(self) -> list[tuple[int, int]]:
        rows = [row for row, digest in enumerate(self.digests) if digest]
        pairs = twins.near_pairs(twins.look(self.read(row) for row in rows))
        return [(rows[first], rows[second]) for first, second in pairs]

    def decode(self, row: int, content: bytes, rendering: Rendering | None = None) -> Image.Image:
        """Decode the file of one tile as 8-bit RGB.

        Args:
            row: of the tile.
            content: of its file.
            rendering: another one than that of the data set.

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
            rendering=rendering or self.rendering,
        )

    def decode_bands(self, row: int, content: bytes) -> Values:
        """Decode the file of one tile as the values of its bands: see `rsh.data.band_values`.

        Raises:
            InputError: it cannot be read, or lacks a band; the message names it.
        """
        name = str(self.items["id"].iloc[row])
        values = decode_bands(content, self.band_options, name, self._file_kind)
        if wrong := check_tile(values, self.bands):
            raise InputError(f"{name}: {wrong}: bring it to their unit, or leave it out")
        return values

    @cached_property
    def _file_kind(self) -> FileKind | None:
        """Of the files of tiles; scenes were all looked at when they were opened."""
        if isinstance(self.source, RasterSource):
            return None
        with closing(self._sampled_rasters()) as rasters:
            first = next(rasters, None)
            return find_kind(first, self.band_options) if first else None

    def drop_unreadable(self) -> "TileDataset":
        """Decode every image, and return the readable tiles; warnings name the others.

        Raises:
            InputError: no image can be read.
        """
        rows, empty = [], 0
        for row in range(len(self)):
            try:
                content = self.read_bytes(row)
                self.decode(row, content)
                if self.bands:
                    self.decode_bands(row, content)
                rows.append(row)
            except NoData:
                empty += 1
            except InputError as error:
                warnings.warn(f"left out: {error}", RshWarning, stacklevel=3)
        if empty:
            told = f"left out: {plural(empty, 'tile')} without data"
            warnings.warn(told, RshWarning, stacklevel=3)
        if not rows:
            raise InputError(f"no image in {self.path} can be read: download or save them again")
        return replace(self.select(np.array(rows, dtype=np.int64)), skip_unreadable=True)


def _settle_rendering(
    source: Source, ids: "pd.Series[str]", given: Rendering, like: Rendering
) -> Rendering:
    """Complete a rendering by a sample of the tiles."""
    sampled = _sample_ids(ids)
    with closing(_rasters(source, sampled)) as rasters:
        return settle_rendering(rasters, given, like=like, of=len(sampled), skip_unreadable=True)


def _sample_ids(ids: "pd.Series[str]") -> "pd.Series[str]":
    """Return some ids, whose tiles stand for all."""
    return ids.iloc[np.unique(np.linspace(0, len(ids) - 1, SAMPLED).astype(int))]


def _refuse_options(options: BandOptions) -> None:
    """Refuse a scale, an offset or a unit where a network sees images."""
    for name in ("scale", "offset", "unit"):
        if (value := getattr(options, name)) != getattr(NO_BANDS, name):
            raise InputError(
                "it applies to a network of bands, and this one sees images: omit it",
                parameter=name,
                value=value,
            )


def _rasters(source: Source, ids: Iterable[str]) -> Generator[Raster]:
    """Yield those of the tiles that are rasters, opened; unreadable ones are left out.

    Close the generator, as that of `open_all`.
    """
    for tile in ids:
        with suppress(InputError):
            content = source.read(tile)
            if driver := find_driver(content[:HEAD]):
                with open_tile(io.BytesIO(content), driver, tile) as raster:
                    yield raster


def _tell_stretch(path: Path, rendering: Rendering) -> None:
    stretch = ", ".join(f"{low:g} to {high:g}" for low, high in rendering.stretch)
    warnings.warn(
        f"{path} has values of more than 8 bits: images show {stretch} as 0 to 255, choose "
        "otherwise with --stretch",
        RshWarning,
        stacklevel=3,
    )
