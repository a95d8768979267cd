"""WebDataset shards: tars in which files with equal names up to the first dot form a sample.

    shards-0000.tar
      forest/0001.jpg     the image, recognized by its suffix
      forest/0001.cls     its class; else "class" or "label" in the .json; else the folder, if no
                          sample has any of these
      forest/0001.json    {"longitude": 9.5, "latitude": 38.4, "block": ..., "footprint": ...}

A tar has no table of contents, so each is scanned once. Then images are read at random access.
"""

import json
import re
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import pandas as pd

from rsh.data.archive import MAX_BYTES, class_prefix
from rsh.data.backgrounds import Background
from rsh.data.images import SUFFIXES
from rsh.data.label_sets import join_labels
from rsh.data.listing import HIDDEN, TABLES, is_hidden, warn_left_out
from rsh.data.metadata import check_metadata
from rsh.data.rendering import AS_IS
from rsh.data.sources.base import file_stamp, table_from_paths
from rsh.errors import InputError
from rsh.io.files import is_utf8
from rsh.labels import SEVERAL
from rsh.text import first_sentence

SHARD = ".tar"
COMPRESSED = (".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst")
RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
TAR_BLOCK = 512  # bytes; a tar ends with blocks of zeros
MAX_SHARDS = 1_000_000  # of a pattern
MAX_COLUMNS = 1000  # different keys in all .json files
TEXT_COLUMNS = ("longitude", "latitude", "block", "footprint")  # `check_metadata` parses them
FILTER_TYPES = (str, int, float)  # values that filters can use
Metadata = dict[str, Any]  # of a tile, from its .cls and .json
# tarfile and the json module raise these for damaged or hostile files.
SHARD_ERRORS = (
    *(tarfile.TarError, OSError, EOFError, ValueError, IndexError),
    *(MemoryError, OverflowError, RecursionError),
)


class Location(NamedTuple):
    """A tile's image in the shards: number of the shard, offset of the first byte, and bytes."""

    shard: int
    start: int
    size: int


@dataclass(frozen=True)
class WebDatasetSource:
    """One or several tars; an id is the name of a sample, without the name of its shard.

    Attributes:
        path: a tar, a folder of tars, or a pattern such as x-{0000..0003}.tar.
        files: the tars.
        crs: coordinate system of x, y and footprint in .json files; "" for degrees.
    """

    path: Path
    files: tuple[Path, ...]
    crs: str = ""
    rendering = AS_IS

    def items(self) -> pd.DataFrame:
        """See `rsh.data.sources.base.Source`."""
        locations, metadata = self._listed
        if not locations:
            raise InputError(f"{self.path} holds no images: give a tar with .jpg or .png files")
        if len({key for values in metadata.values() for key in values}) > MAX_COLUMNS:
            raise InputError(f"{self.path} has more than {MAX_COLUMNS} names in its .json files")
        table = pd.DataFrame([metadata[tile] for tile in locations], index=pd.Index(locations))
        if "class" not in table:
            by_folder = _classes_by_folder(list(locations), self.path)
            table = table.loc[by_folder.index].assign(**by_folder)
        columns = check_metadata(table, f"{self.path}", self.crs)
        arrays = {name: column.to_numpy() for name, column in columns.items()}
        if "given_split" in table:
            arrays["given_split"] = table["given_split"].to_numpy()
        return pd.DataFrame(
            {"id": table.index, "class": table["class"].fillna("").to_numpy(), **arrays}
        )

    def read(self, tile: str) -> bytes:
        """See `rsh.data.sources.base.Source`."""
        shard, start, size = self._listed[0][tile]
        file = self.files[shard]
        try:
            with file.open("rb") as stream:
                stream.seek(start)
                content = stream.read(size)
        except OSError as error:
            raise InputError(f"{tile} in {file} cannot be read ({error.strerror})") from None
        if len(content) < size:
            raise InputError(f"{tile} in {file} was cut short: download the shard again")
        return content

    def backgrounds(self) -> list[Background]:
        """See `rsh.data.sources.base.Source`; shards have none."""
        return []

    def stamp(self, tile: str) -> str:
        """See `rsh.data.sources.base.Source`."""
        shard, start, size = self._listed[0][tile]
        return f"{file_stamp(self.files[shard])} {start} {size}"

    @cached_property
    def _listed(self) -> tuple[dict[str, Location], dict[str, Metadata]]:
        locations: dict[str, Location] = {}
        metadata: dict[str, Metadata] = {}
        for number, file in enumerate(self.files):
            for tile, location, values in _samples(file, number):
                if tile in locations:
                    other = self.files[locations[tile].shard]
                    where = f"twice in {file}" if other == file else f"in {other} and in {file}"
                    raise InputError(f"{tile} is {where}: rename one of them")
                locations[tile], metadata[tile] = location, values
        return locations, metadata


def _classes_by_folder(tiles: list[str], path: Path) -> pd.DataFrame:
    """Return class and, if stated, split of tiles by their folders, as for a folder or a zip."""
    prefix = class_prefix(tiles)
    table = table_from_paths([tile.removeprefix(prefix) for tile in tiles], path)
    return table.set_index(prefix + table["id"]).drop(columns="id")


def shard_files(path: Path) -> tuple[Path, ...]:
    """Return the tars of a path, which may be a folder or a pattern; none for other paths.

    Raises:
        InputError: a tar is missing or compressed.
    """
    if path.name.endswith(COMPRESSED):
        raise InputError(f"{path} is compressed, which prevents random access: decompress it")
    if path.is_dir():
        return tuple(sorted(file for file in path.glob(f"*{SHARD}") if file.is_file()))
    if path.suffix != SHARD:
        return ()
    files = tuple(map(Path, _expand(str(path))))
    for file in files:
        if not file.is_file():
            raise InputError(f"{file} does not exist: check the path")
    return files


def _expand(pattern: str) -> Iterator[str]:
    """Yield all paths of a pattern, as a shell expands {0000..0003}."""
    pieces = RANGE.split(pattern)  # text, first, last, text, ...
    ends = list(zip(pieces[1::3], pieces[2::3], strict=True))
    if prod(max(int(last) - int(first) + 1, 0) for first, last in ends) > MAX_SHARDS:
        raise InputError(f"{pattern} matches more than {MAX_SHARDS} files: give a smaller range")
    choices = [
        [f"{number:0{len(first)}}" for number in range(int(first), int(last) + 1)]
        for first, last in ends
    ]
    for chosen in product(*choices):
        yield pieces[0] + "".join(map("".join, zip(chosen, pieces[3::3], strict=True)))


def _samples(file: Path, shard: int) -> Iterator[tuple[str, Location, Metadata]]:
    """Yield id, location of the image, and metadata of each sample with an image."""
    locations: dict[str, Location] = {}
    sidecars: dict[str, dict[str, bytes]] = {}  # contents of .cls and .json
    hidden: list[str] = []
    tables: list[str] = []
    with _open_tar(file) as tar:
        for member in _members(tar, file):
            _check_member(member, file)
            path = PurePosixPath(member.name)
            if not path.name:
                continue
            if is_hidden(member.name):
                hidden += [member.name] if path.suffix.lower() in SUFFIXES else []
                continue
            stem, _, kind = path.name.partition(".")
            tile, suffix = str(path.with_name(stem)), PurePosixPath(f"x.{kind}").suffix.lower()
            if path.name in TABLES:
                tables.append(member.name)
            elif suffix in SUFFIXES:
                if tile in locations:
                    raise InputError(f"{tile} in {file} has two images: remove one of them")
                locations[tile] = Location(shard, member.offset_data, member.size)
            elif suffix in (".cls", ".json"):
                sidecars.setdefault(tile, {})[suffix] = _read_member(tar, member, file)
    warn_left_out(file, hidden, HIDDEN)
    warn_left_out(file, tables, "shards state metadata in .json files")
    for tile, location in locations.items():
        yield tile, location, _parse_metadata(sidecars.get(tile, {}), tile, file)


def _open_tar(file: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(file, "r:")
    except SHARD_ERRORS as error:
        raise InputError(
            f"{file} is not a readable tar ({first_sentence(error)}): create or download it again"
        ) from None


def _members(tar: tarfile.TarFile, file: Path) -> Iterator[tarfile.TarInfo]:
    """Yield the regular files of a tar, and check that its end is there."""
    before = -1
    try:
        while (member := tar.next()) and tar.offset > before:  # a negative size would loop forever
            before = tar.offset
            tar.members.clear()  # type: ignore[attr-defined]  # saves memory
            if member.isreg() and not member.issparse():
                yield member
        tar.fileobj.seek(tar.offset)
        ending = tar.fileobj.read(TAR_BLOCK)
    except SHARD_ERRORS as error:
        raise InputError(
            f"{file} cannot be read ({first_sentence(error)}): create or download it again"
        ) from None
    if ending != bytes(TAR_BLOCK):  # tarfile stops at any block that it does not understand
        raise InputError(f"{file} is damaged or cut short: create or download it again")


def _check_member(member: tarfile.TarInfo, file: Path) -> None:
    name = member.name
    if not is_utf8(name):
        raise InputError(f"{name!a} in {file} is not UTF-8: rename it and create the tar again")
    if name.startswith("/") or ".." in PurePosixPath(name).parts:
        raise InputError(f"{file} names a path outside itself ({name}): create it again")
    if not 0 <= member.size <= MAX_BYTES:
        megabytes = member.size // 10**6
        raise InputError(f"{name} in {file} has {megabytes} MB: cut it into tiles first")


def _read_member(tar: tarfile.TarFile, member: tarfile.TarInfo, file: Path) -> bytes:
    stream, content = tar.extractfile(member), b""
    with suppress(*SHARD_ERRORS):
        content = stream.read() if stream else b""
    if len(content) < member.size:
        raise InputError(f"{member.name} in {file} was cut short: download the shard again")
    return content


def _parse_metadata(sidecars: dict[str, bytes], tile: str, file: Path) -> Metadata:
    """Return the class and the other metadata of a tile from its .cls and .json."""
    where = f"of {tile} in {file}"
    try:
        entries = json.loads(sidecars.get(".json", b"{}"))
        json.dumps(entries, ensure_ascii=False).encode()  # raises for lone surrogates
        name = sidecars[".cls"].decode().strip() if ".cls" in sidecars else None
    except SHARD_ERRORS as error:
        raise InputError(f"the .json or .cls {where} cannot be read ({error}): fix it") from None
    if not isinstance(entries, dict):
        raise InputError(f"the .json {where} holds no JSON object: fix it")
    choices = [name, entries.get("class"), entries.get("label")]
    label = next((choice for choice in choices if choice is not None), None)
    if isinstance(label, dict | list | bool):
        raise InputError(f"the class {where} is {label!r}: write a word or a number")
    metadata = {
        key: str(value) if key in TEXT_COLUMNS else value
        for key, value in entries.items()
        if (key in TEXT_COLUMNS and value is not None)
        or (key != "label" and isinstance(value, FILTER_TYPES))
    }
    if isinstance(entries.get(SEVERAL), list):
        metadata[SEVERAL] = join_labels(entries[SEVERAL], f"the .json {where}")
    return metadata | ({} if label is None else {"class": str(label).strip()})
