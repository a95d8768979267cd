"""Reads the original image of a tile again, long after its gallery was made.

The file may have been changed or moved since, and of two data sets in one gallery both may have a
file of that name. So an image is only taken for the original if it shrinks to the thumbnail that
the gallery holds.
"""

import io
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol

import numpy as np
from PIL import Image

from rsh.data.dataset import Dataset
from rsh.data.embeddings import Embeddings
from rsh.data.image_source import ImageSource
from rsh.data.images import read_image, read_thumbnail, to_jpeg
from rsh.data.linked_images import read_linked_image
from rsh.data.raster import DRIVERS
from rsh.data.rendering import Rendering
from rsh.data.sources.base import Source
from rsh.data.sources.folder import FolderSource
from rsh.data.sources.raster import RasterSource
from rsh.data.sources.webdataset import WebDatasetSource, shard_files
from rsh.data.sources.zip import ZipSource
from rsh.data.tiles import TileDataset
from rsh.errors import InputError

LONGEST_SIDE = 2048  # pixels of an enlarged tile: more than most screens show
LARGEST_DIFFERENCE = (
    0.5  # mean over all pixels, of 255: other versions of libraries round otherwise
)


@dataclass(frozen=True)
class Original:
    """The original image of a tile.

    Attributes:
        jpeg: the image, shrunk if it is larger than asked for.
        width: of the original, pixels.
        height: of the original, pixels.
        where: its file, and where it is inside an archive or a scene. Not for visitors.
    """

    jpeg: bytes
    width: int
    height: int
    where: str


class FoundImage(NamedTuple):
    """An original image in full, and where it lies."""

    image: Image.Image
    where: str

    def as_jpeg(self, *, side: int | None = None) -> Original:
        """Return it as `Originals.load` does."""
        jpeg = to_jpeg(self.image, side=side or LONGEST_SIDE, detailed=True)
        return Original(jpeg, *self.image.size, where=self.where)


def find_image_source(dataset: Dataset) -> ImageSource | None:
    """Return where the images of a data set lie; None if it has none."""
    if isinstance(dataset, Embeddings):
        place = str(dataset.where.absolute())
        return ImageSource("table", place, column=dataset.image) if dataset.image else None
    assert isinstance(dataset, TileDataset)
    source, path = dataset.source, str(dataset.path.absolute())
    bands = dataset.band_options
    if isinstance(source, FolderSource):
        return ImageSource("folder", path, bands=bands)
    if isinstance(source, ZipSource):
        return ImageSource("zip", path, prefix=source.prefix, bands=bands)
    if isinstance(source, RasterSource):
        size = next(iter(source.plans.values())).size
        return ImageSource("scenes", path, size=size, bands=bands)
    return ImageSource("shards", path, bands=bands)


class Originals:
    """Reads the originals of tiles, one at a time; archives are opened once."""

    def __init__(self, sources: Iterable[tuple[ImageSource, Rendering]]) -> None:
        """Read from sources.

        Args:
            sources: where tiles may come from, and how rasters of each become 8-bit RGB; another
                kind than `SourceKind` is left out.
        """
        self._readers = [
            _READERS[source.kind](source, rendering)
            for source, rendering in sources
            if source.kind in _READERS
        ]

    def load(
        self, tile: str, thumbnail: bytes, *, image: str = "", side: int | None = None
    ) -> Original | None:
        """Load the original of a tile.

        Args:
            tile: its id.
            thumbnail: JPEG that the gallery holds of it.
            image: what a table of embeddings names as its image, if it comes from one.
            side: longest side of the result, pixels; by default `LONGEST_SIDE`.

        Returns:
            None if it is gone, cannot be read, or is no longer what was encoded.
        """
        found = self.find(tile, thumbnail, image=image)
        return found.as_jpeg(side=side) if found else None

    def find(self, tile: str, thumbnail: bytes, *, image: str = "") -> FoundImage | None:
        """Find the original of a tile, with all of its pixels: see `load`."""
        for reader in self._readers:
            name = image if isinstance(reader, _TableReader) else tile
            with suppress(InputError, OSError, LookupError, ValueError):  # it is not there, or bad
                with warnings.catch_warnings(action="ignore"):  # of how it is converted
                    found = reader.read(name)
                if shrinks_to(found, thumbnail):
                    return FoundImage(found, reader.place(name))
        return None


def shrinks_to(image: Image.Image, thumbnail: bytes) -> bool:
    """Whether an image gives this thumbnail, up to the rounding of other versions of libraries."""
    small = read_thumbnail(thumbnail)
    ours = read_thumbnail(to_jpeg(image, side=max(small.size)))
    if ours.size != small.size:
        return False
    difference = np.asarray(ours, np.int16) - np.asarray(small, np.int16)
    return bool(np.abs(difference).mean() <= LARGEST_DIFFERENCE)


class _Reader(Protocol):
    """Reads the images of one source."""

    def read(self, name: str) -> Image.Image:
        """Return an image; any of the errors that `Originals.load` names if there is none."""

    def place(self, name: str) -> str:
        """Return where it lies."""


class _FileReader:
    """Reads images of a folder, a zip or tars; an id is the path inside."""

    def __init__(self, source: ImageSource, rendering: Rendering) -> None:
        self._source, self._rendering = source, rendering

    @cached_property
    def _files(self) -> Source:
        path = Path(self._source.path)
        if self._source.kind == "zip":
            return ZipSource(path, self._source.prefix, ())
        if self._source.kind == "shards":
            return WebDatasetSource(path, shard_files(path))
        return FolderSource(path, ())

    def read(self, name: str) -> Image.Image:
        """See `_Reader`."""
        if self._source.kind == "folder" and _leads_out(name):
            raise InputError(f"{name} lies outside the data set: rebuild the gallery")
        content = io.BytesIO(self._files.read(name))
        return read_image(content, name=name, rendering=self._rendering)

    def place(self, name: str) -> str:
        """See `_Reader`."""
        return f"{self._source.path}/{self._source.prefix}{name}"


class _SceneReader:
    """Reads tiles out of scenes; an id is the name of a scene, and the place of the tile in it."""

    def __init__(self, source: ImageSource, rendering: Rendering) -> None:
        self._source, self._rendering = source, rendering

    def read(self, name: str) -> Image.Image:
        """See `_Reader`."""
        scene, place = name.rsplit("/", 1)
        opened = RasterSource.for_scene(self._find(scene), self._source.size, self._rendering)
        return read_image(io.BytesIO(opened.read(f"{scene}/{place}")), name=name)

    def place(self, name: str) -> str:
        """See `_Reader`."""
        scene, place = name.rsplit("/", 1)
        return f"{self._find(scene)}, {place}"

    def _find(self, scene: str) -> Path:
        """Return the file of a scene, by its name without suffix."""
        path = Path(self._source.path)
        found = [path] if path.is_file() else sorted(path.iterdir())
        for file in found:
            if file.stem == scene and file.suffix.lower() in DRIVERS:
                return file
        raise InputError(f"{path} holds no scene {scene}: check the path")


class _TableReader:
    """Reads images that a table of embeddings names, below the folder of the table."""

    def __init__(self, source: ImageSource, rendering: Rendering) -> None:
        path = Path(source.path)
        self._folder = path if path.is_dir() else path.parent

    def read(self, name: str) -> Image.Image:
        """See `_Reader`."""
        if not (image := read_linked_image(name, self._folder, fetch=False)):
            raise InputError(f"{name} cannot be read")
        return image

    def place(self, name: str) -> str:
        """See `_Reader`."""
        return str(self._folder / name)


_READERS: dict[str, Callable[[ImageSource, Rendering], _Reader]] = {
    **dict.fromkeys(("folder", "zip", "shards"), _FileReader),
    "scenes": _SceneReader,
    "table": _TableReader,
}


def _leads_out(name: str) -> bool:
    """Whether a path would leave the folder that it is to be in."""
    return name.startswith("/") or ".." in PurePosixPath(name).parts
