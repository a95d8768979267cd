"""Scenes: a set of labelled tiles, from a folder, a zip, or the built-in sample."""

import hashlib
import io
import warnings
import zipfile
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from rsh import splits
from rsh.datasets import DATASETS
from rsh.errors import InputError
from rsh.files import is_text
from rsh.pictures import SUFFIXES, read_picture
from rsh.places import add_places
from rsh.zips import open_zip, picture_paths, read_member

SAMPLE = "bluemarble"


@dataclass(frozen=True, eq=False)
class Scenes:
    """Labelled tiles in one table, with the pictures behind it.

    Any torchvision ImageFolder (one folder a class) opens, and any zip of one.

    Attributes:
        name: what to call the set.
        source: the folder or zip.
        items: one row a tile: id (path inside the source), class, split (empty until `split`),
            and where known longitude and latitude in degrees, and block.
        prefix: folder inside a zip that holds the class folders, "" or ending in "/".
        skip_unreadable: whether pictures that cannot be read were left out.
    """

    name: str
    source: Path
    items: pd.DataFrame
    prefix: str = ""
    skip_unreadable: bool = False

    @classmethod
    def open(cls, where: str | Path, *, skip_unreadable: bool = False) -> "Scenes":
        """Open a data set.

        Args:
            where: "bluemarble", the name of a data set fetched by `rsh data fetch`, a folder with
                one folder a class, or a zip of such a folder.
            skip_unreadable: decode every picture now and leave out those that cannot be read.

        Raises:
            InputError: nothing there, no pictures, a table that does not fit them, or a data set
                that is not as published.
        """
        known = DATASETS.get(where) if isinstance(where, str) else None  # a Path is a path
        source = known.require() if known else _place(where)
        paths, prefix = _pictures(source, where)
        classes = [path.split("/")[0] for path in paths]
        if known:
            way_out = f"move it away, then run `rsh data fetch {where}`"
            known.check(classes, where=str(source), way_out=way_out)
        name = source.name if source.is_dir() else source.stem
        items = pd.DataFrame({"id": paths, "class": classes})
        items = add_places(items.assign(split=""), source, prefix)
        scenes = cls(name, source, items, prefix, skip_unreadable)
        return scenes._readable() if skip_unreadable else scenes

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        return f"Scenes({self.name!r}, {len(self)} tiles, {len(self.classes)} classes)"

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
        """A sha256 over every id, class, block and picture byte, wherever the data lies."""
        digest = hashlib.sha256()
        decisive = self.items[["id", "class", *(["block"] if "block" in self.items else [])]]
        for row, words in enumerate(decisive.itertuples(index=False)):
            digest.update("\0".join(map(str, words)).encode())
            digest.update(hashlib.sha256(self.read_bytes(row)).digest())
        return digest.hexdigest()

    def read_bytes(self, row: int) -> bytes:
        """Return the file of one tile as it is stored."""
        path = str(self.items["id"].iloc[row])
        try:
            if self.source.is_dir():
                return (self.source / path).read_bytes()
        except OSError as error:
            raise InputError(
                f"{path} in {self.source} cannot be read ({error.strerror}): fetch it again"
            ) from None
        return read_member(self._archive, self.prefix + path)

    def read(self, row: int) -> Image.Image:
        """Read one tile as 8-bit RGB.

        Raises:
            InputError: it cannot be read; the message names it.
        """
        try:
            return self._decode(row)
        except InputError as error:
            way_out = "or leave such pictures out with --skip-unreadable"
            raise InputError(f"{error}, {way_out}") from None

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
            by: "block" keeps neighbouring tiles together, "class" draws at random within each
                class, "auto" takes blocks where the data has them.
            query: share of the tiles that become queries.
            val: share of the rest that becomes validation.
            seed: of the draw.

        Raises:
            InputError: too few classes, tiles or blocks, or by="block" without blocks.
        """
        if by not in get_args(splits.SplitBy):
            raise InputError(f"by={by}: choose one of {', '.join(get_args(splits.SplitBy))}")
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

    def take(self, rows: NDArray[np.int64]) -> "Scenes":
        """Return the tiles of these rows, in this order."""
        items = self.items.iloc[rows].reset_index(drop=True)
        return replace(self, items=items)

    @cached_property
    def _archive(self) -> zipfile.ZipFile:
        return open_zip(self.source)  # threads may read from it side by side

    def _decode(self, row: int) -> Image.Image:
        path = str(self.items["id"].iloc[row])
        content = self.read_bytes(row)
        if not content:
            raise InputError(f"{path} is empty (0 bytes): fetch or save it again")
        return read_picture(io.BytesIO(content), name=path, noted_as=f"a tile of {self.name}")

    def _readable(self) -> "Scenes":
        rows = []
        for row in range(len(self)):
            try:
                self._decode(row)
                rows.append(row)
            except InputError as error:
                warnings.warn(f"left out: {error}", stacklevel=3)
        if not rows:
            raise InputError(f"no picture in {self.source} can be read: fetch or save them again")
        return self.take(np.array(rows, dtype=np.int64))


@dataclass(frozen=True)
class Split:
    """Scenes cut for the protocol "disjoint": no query is in the gallery.

    Attributes:
        scenes: all tiles, with the column `split` filled.
        how: the arguments of `Scenes.split` that gave it.
    """

    scenes: Scenes
    how: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> str:
        """A sha256 over which tile is in which split."""
        pairs = self.scenes.items[["id", "split"]].itertuples(index=False)
        return hashlib.sha256("\n".join(map("\0".join, pairs)).encode()).hexdigest()

    @cached_property
    def train(self) -> Scenes:
        """What the model learns from."""
        return self._part("train")

    @cached_property
    def val(self) -> Scenes:
        """What settings are chosen on; it never trains."""
        return self._part("val")

    @cached_property
    def query(self) -> Scenes:
        """What figures are measured with; neither trained on nor chosen on."""
        return self._part("query")

    @cached_property
    def gallery(self) -> Scenes:
        """What is searched: train and val."""
        return self._part("train", "val")

    def rows(self, *names: str) -> NDArray[np.int64]:
        """Return the rows of `scenes` that are in one of these splits."""
        return np.flatnonzero(self.scenes.items["split"].isin(names))

    def _part(self, *names: str) -> Scenes:
        return self.scenes.take(self.rows(*names))


def sample_path() -> Path:
    """Find the built-in sample: in the checkout, or in the installed package."""
    package = Path(__file__).parent
    places = [package.parent / "data" / f"{SAMPLE}.zip", package / "assets" / f"{SAMPLE}.zip"]
    for place in places:
        if place.is_file():
            return place
    raise InputError(f"the built-in sample is missing at {places[0]}: install rsh again")


def _place(where: str | Path) -> Path:
    return sample_path() if str(where) == SAMPLE else Path(where)


def _pictures(source: Path, where: str | Path) -> tuple[list[str], str]:
    """List the pictures of a folder or zip, and what stands before the class folders in a zip."""
    if source.is_dir():
        paths, prefix = _folder_paths(source), ""
    elif source.is_file() and zipfile.is_zipfile(source):
        paths, prefix = picture_paths(source)
    else:
        raise InputError(
            f"{where} is neither a folder nor a zip file: give {SAMPLE!r}, "
            "a folder with one folder a class, or a zip of such a folder"
        )
    if not paths:
        raise InputError(f"{source} holds no pictures: need one folder a class, pictures inside")
    return paths, prefix


def _folder_paths(source: Path) -> list[str]:
    paths = sorted(
        path.relative_to(source).as_posix()
        for path in source.glob("*/**/*")
        if path.suffix.lower() in SUFFIXES and path.is_file()
    )
    for path in paths:
        if not is_text(path):
            raise InputError(f"{path!a} in {source} is not UTF-8: rename it")
    return paths
