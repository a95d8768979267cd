"""What the catalog knows of a published data set: its files, its terms, and what they hold."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rsh.errors import InputError

# How a data set is made of its files: see `rsh.data.published`. A zip is kept as it is.
Recipe = Literal["zip", "bands", "labels", "mlrsnet", "bigearthnet"]


@dataclass(frozen=True)
class RemoteFile:
    """A file on a server.

    Attributes:
        url: of the file.
        checksum: as published: the algorithm, a colon and the digits, such as "sha256:06c5...".
            The algorithm is sha256, md5, or git for the id of the file in a Git repository.
        size: bytes; None if unpublished.
    """

    url: str
    checksum: str
    size: int | None = None


@dataclass(frozen=True)
class CatalogEntry:
    """A published data set.

    Attributes:
        name: on the command line.
        title: the name that its authors use.
        files: that are downloaded.
        home: web page of the authors, with the terms of use.
        license: summary of the terms.
        is_open: whether the license permits every use; otherwise the user must accept it.
        counts: number of tiles of each class, by class name, or of each part of the split.
        labels: all labels, in the order of the publication, if a tile may have several.
        bands: names of the bands, where a network can see more than red, green and blue.
        images: name of the data set that the images are from, "" for images of its own.
        recipe: how the data set is made of the files.
        download_size: of all files, bytes, about; None for the sum of their sizes.
    """

    name: str
    title: str
    files: tuple[RemoteFile, ...]
    home: str
    license: str
    is_open: bool
    counts: Mapping[str, int]
    labels: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    images: str = ""
    recipe: Recipe = "zip"
    download_size: int | None = None

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        return sum(self.counts.values())

    @property
    def size(self) -> int | None:
        """Of the download, bytes; None if unpublished."""
        if self.download_size:
            return self.download_size
        sizes = [file.size for file in self.files if file.size]
        return sum(sizes) if len(sizes) == len(self.files) else None

    @property
    def has_classes(self) -> bool:
        """Whether each tile has one class; else `counts` is of the parts of the split."""
        return self.recipe != "bigearthnet"

    def paths(self, folder: Path | None = None) -> tuple[Path, Path]:
        """Return the path of the zip, and that of the folder that may replace it.

        Args:
            folder: of all data sets; $RSH_DATA_HOME or data/ by default.
        """
        folder = folder or data_home()
        return folder / f"{self.name}.zip", folder / self.name

    def target(self, folder: Path) -> Path:
        """Return where the fetched data set belongs: half a million tiles are no zip."""
        return self.paths(folder)[self.recipe == "bigearthnet"]

    def find(self, folder: Path | None = None) -> Path | None:
        """Return the path of the data set, or None if it has not been downloaded.

        Args:
            folder: as for `paths`.
        """
        return next((path for path in self.paths(folder) if path.exists()), None)

    def require(self) -> Path:
        """Return the path of the data set.

        Raises:
            InputError: it has not been downloaded.
        """
        if path := self.find():
            return path
        raise InputError(
            f"{self.name} is not in {data_home()}: fetch it with `rsh data fetch {self.name}`, set "
            f"RSH_DATA_HOME to its folder, or write ./{self.name} for a data set of your own"
        )

    def check(self, groups: Iterable[str], *, where: str, hint: str) -> None:
        """Compare the number of tiles of each class, or part of the split, with the published one.

        Args:
            groups: the class or part of each tile.
            where: path or URL of the tiles, for the message.
            hint: how to fix it, for the message.

        Raises:
            InputError: a class or part has another number of tiles; the message names it.
        """
        found = Counter(groups)
        for name in sorted({*self.counts, *found}):
            published = self.counts.get(name, 0)
            if found[name] != published:
                raise InputError(
                    f"{where} is not {self.title} as published, "
                    f"{'class' if self.has_classes else 'part'} {name!r} has {found[name]} "
                    f"tiles and not {published}: {hint}"
                )


def data_home() -> Path:
    """Return the folder of data sets: $RSH_DATA_HOME, or data/ in the current folder."""
    return Path(os.environ.get("RSH_DATA_HOME") or "data")
