"""WebDataset shards: tars whose files belong together where their names are equal up to a dot.

    shards-0000.tar
      forest/0001.jpg     the image, by its suffix
      forest/0001.cls     its class; else "class" or "label" in the .json; else the folder
      forest/0001.json    {"longitude": 9.5, "latitude": 38.4, "block": ..., "footprint": ...}

A tar has no table of contents: it is gone through once, and then read at any place.
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

from rsh.data.archive import MAX_BYTES
from rsh.data.images import SUFFIXES
from rsh.data.metadata import check_metadata
from rsh.errors import InputError
from rsh.io.files import is_utf8
from rsh.text import first_sentence

SHARD = ".tar"
COMPRESSED = (".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst")
RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
BLOCK = 512  # bytes; a tar ends with blocks of zeros
MOST_SHARDS, MOST_WORDS = 1_000_000, 1000  # of a pattern; of names in .json files
PLACES = ("longitude", "latitude", "block", "footprint")
SIMPLE = (str, int, float)  # what a condition can be about
_Seen = dict[str, Any]  # of a tile, by its .cls and .json
# What tarfile and the json module raise for files that are damaged or were made to do harm.
CANNOT_READ = (
    *(tarfile.TarError, OSError, EOFError, ValueError, IndexError),
    *(MemoryError, OverflowError, RecursionError),
)


class Location(NamedTuple):
    """Where the image of a tile lies.

    Attributes:
        shard: its number.
        start: byte it begins with.
        size: bytes.
    """

    shard: int
    start: int
    size: int


@dataclass(frozen=True)
class WebDatasetSource:
    """One tar or several; an id is the name of a sample, whichever shard it lies in.

    Attributes:
        path: as it was given: a tar, a folder of them, or a pattern such as x-{0000..0003}.tar.
        files: the tars.
    """

    path: Path
    files: tuple[Path, ...]

    def items(self) -> pd.DataFrame:
        """See `rsh.data.sources.base.Source`."""
        places, told = self._listed
        if not places:
            raise InputError(f"{self.path} holds no images: need .jpg, .png or the like in a tar")
        if len({name for words in told.values() for name in words}) > MOST_WORDS:
            raise InputError(f"{self.path} has more than {MOST_WORDS} names in its .json files")
        table = pd.DataFrame([told[tile] for tile in places], index=pd.Index(places))
        classes = table["class"] if "class" in table else pd.Series("", index=table.index)
        if classes.isna().any():
            raise InputError(
                f"{classes.index[classes.isna()][0]} in {self.path} has no class, others have: "
                'give it a .cls or a "class" in its .json'
            )
        columns = check_metadata(table, f"{self.path}")
        found = {name: column.to_numpy() for name, column in columns.items()}
        return pd.DataFrame({"id": list(places), "class": classes.to_numpy(), **found})

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
            raise InputError(f"{tile} in {file} was cut short: fetch the shard again")
        return content

    def stamp(self, tile: str) -> str:
        """See `rsh.data.sources.base.Source`."""
        shard, start, size = self._listed[0][tile]
        return f"{self._stamps[shard]} {start} {size}"

    @cached_property
    def _stamps(self) -> list[str]:
        found = [file.stat() for file in self.files]
        return [f"{each.st_size} {each.st_mtime_ns}" for each in found]

    @cached_property
    def _listed(self) -> tuple[dict[str, Location], dict[str, _Seen]]:
        places: dict[str, Location] = {}
        told: dict[str, _Seen] = {}
        for number, file in enumerate(self.files):
            for tile, place, words in _samples(file, number):
                if tile in places:
                    other = self.files[places[tile].shard]
                    where = f"twice in {file}" if other == file else f"in {other} and in {file}"
                    raise InputError(f"{tile} is {where}: give one of them another name")
                places[tile], told[tile] = place, words
        return places, told


def shard_files(path: Path) -> tuple[Path, ...]:
    """Return the tars that a path stands for; none if it stands for none.

    Raises:
        InputError: one of them is missing, or compressed.
    """
    if path.name.endswith(COMPRESSED):
        raise InputError(f"{path} is compressed, which forbids to read it at any place: unpack it")
    if path.is_dir():
        return tuple(sorted(file for file in path.glob(f"*{SHARD}") if file.is_file()))
    if path.suffix != SHARD:
        return ()
    files = tuple(map(Path, _expanded(str(path))))
    for file in files:
        if not file.is_file():
            raise InputError(f"{file} does not exist: check the path")
    return files


def _expanded(pattern: str) -> Iterator[str]:
    """Yield all names of a pattern, as a shell writes {0000..0003} out."""
    words = RANGE.split(pattern)  # text, first, last, text, ...
    ends = list(zip(words[1::3], words[2::3], strict=True))
    if prod(max(int(last) - int(first) + 1, 0) for first, last in ends) > MOST_SHARDS:
        raise InputError(f"{pattern} stands for more than {MOST_SHARDS} files: give fewer")
    choices = [
        [f"{number:0{len(first)}}" for number in range(int(first), int(last) + 1)]
        for first, last in ends
    ]
    for chosen in product(*choices):
        yield words[0] + "".join(map("".join, zip(chosen, words[3::3], strict=True)))


def _samples(file: Path, shard: int) -> Iterator[tuple[str, Location, _Seen]]:
    """Yield name, place of the image, and what is told of it, of each sample with an image."""
    places: dict[str, Location] = {}
    told: dict[str, _Seen] = {}
    with _opened(file) as tar:
        for member in _members(tar, file):
            path = PurePosixPath(member.name)
            if not path.name:
                continue
            stem, _, kind = path.name.partition(".")
            tile, suffix = str(path.with_name(stem)), PurePosixPath(f"x.{kind}").suffix.lower()
            if suffix in SUFFIXES:
                if tile in places:
                    raise InputError(f"{tile} in {file} has two images: leave one of them")
                places[tile] = Location(shard, member.offset_data, member.size)
            elif suffix in (".cls", ".json"):
                told.setdefault(tile, {})[suffix] = _content(tar, member, file)
    for tile, place in places.items():
        yield tile, place, _words(told.get(tile, {}), tile, file)


def _opened(file: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(file, "r:")
    except CANNOT_READ as error:
        raise InputError(
            f"{file} is no tar that can be read ({first_sentence(error)}): pack or fetch it again"
        ) from None


def _members(tar: tarfile.TarFile, file: Path) -> Iterator[tarfile.TarInfo]:
    """Yield the files of a tar up to its end, which has to be there."""
    before = -1
    try:
        while (member := tar.next()) and tar.offset > before:  # a size below 0 would lead back
            before = tar.offset
            tar.members.clear()  # type: ignore[attr-defined]  # or it would keep them all
            hidden = PurePosixPath(member.name).name.startswith(".")
            if not member.isreg() or member.issparse() or hidden:
                continue
            _check_member(member, file)
            yield member
        tar.fileobj.seek(tar.offset)
        ending = tar.fileobj.read(BLOCK)
    except CANNOT_READ as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{file} cannot be read ({first_sentence(error)}): pack or fetch it again"
        ) from None
    if ending != bytes(BLOCK):  # tarfile takes what it does not understand for the end
        raise InputError(f"{file} is damaged or cut short: pack or fetch it again")


def _check_member(member: tarfile.TarInfo, file: Path) -> None:
    name = member.name
    if not is_utf8(name):
        raise InputError(f"{name!a} in {file} is not UTF-8: rename it and pack again")
    if name.startswith("/") or ".." in PurePosixPath(name).parts:
        raise InputError(f"{file} names a path outside itself ({name}): pack it again")
    if not 0 <= member.size <= MAX_BYTES:
        megabytes = member.size // 10**6
        raise InputError(f"{name} in {file} has {megabytes} MB: cut it into tiles first")


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo, file: Path) -> bytes:
    stream, content = tar.extractfile(member), b""
    with suppress(*CANNOT_READ):
        content = stream.read() if stream else b""
    if len(content) < member.size:
        raise InputError(f"{member.name} in {file} was cut short: fetch the shard again")
    return content


def _words(files: dict[str, bytes], tile: str, file: Path) -> _Seen:
    """Read class and place of a tile."""
    where = f"of {tile} in {file}"
    try:
        words = json.loads(files.get(".json", b"{}"))
        json.dumps(words, ensure_ascii=False).encode()  # halves of characters are no text
        name = files[".cls"].decode().strip() if ".cls" in files else None
    except CANNOT_READ as error:
        raise InputError(f"the .json or .cls {where} cannot be read ({error}): mend it") from None
    if not isinstance(words, dict):
        raise InputError(f"the .json {where} holds no JSON object: mend it")
    folder = str(PurePosixPath(tile).parent)
    given = [name, words.get("class"), words.get("label"), folder if folder != "." else None]
    found = next((each for each in given if each is not None), None)
    told = {
        key: str(value) if key in PLACES else value  # a table of places is read as text
        for key, value in words.items()
        if (key in PLACES and value is not None) or (key != "label" and isinstance(value, SIMPLE))
    }
    if isinstance(found, dict | list | bool):
        raise InputError(f"the class {where} is {found!r}: write a word or a number")
    return told | ({} if found is None else {"class": str(found)})
