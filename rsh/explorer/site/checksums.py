"""Checksums of the files of a site: those of many numbered files lie beside them.

In `site.json` the records of ten million tiles would be 6 MB, which each visitor would read first.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rsh.errors import InputError
from rsh.explorer.site.layout import CHECKED, DATA, FORMAT, MANIFEST, PAGE
from rsh.io.files import FileRecord, file_record, read_json, recovery_hint, write_json

NUMBERED = re.compile(r"-(\d+)\.bin$")
CHECKSUMS = re.compile(r"-checksums-\d+\.json$")


def write_checksums(folder: Path) -> dict[str, FileRecord]:
    """Write the records of numbered files of a site, and return those of all others by path."""
    others: dict[str, FileRecord] = {}
    groups: dict[str, dict[str, FileRecord]] = defaultdict(dict)
    for file in sorted(filter(Path.is_file, folder.rglob("*"))):
        name = file.relative_to(folder).as_posix()
        number = NUMBERED.search(name)
        group = name
        if number:
            group = NUMBERED.sub(f"-checksums-{int(number[1]) // CHECKED}.json", name)
        (groups[group] if number else others)[name] = file_record(file)
    for name, records in groups.items():
        write_json(folder / name, {path: asdict(record) for path, record in records.items()})
        others[name] = file_record(folder / name)
    return others


def list_files(folder: Path) -> Iterator[tuple[str, FileRecord]]:
    """Yield the path and record of each file of a site, those of checksums before all numbered.

    Raises:
        InputError: the folder is no site, or a file of checksums cannot be read.
    """
    known = _records(folder / MANIFEST, read_json(folder / MANIFEST, what="site").get("files"))
    yield from known
    for name, _ in known:
        if CHECKSUMS.search(name):
            yield from _records(folder / name, read_json(folder / name, what="site"))


def _records(source: Path, files: Any) -> list[tuple[str, FileRecord]]:
    try:
        return [(path, FileRecord(**record)) for path, record in files.items()]
    except (AttributeError, TypeError) as error:
        raise InputError(
            f"{source} does not say size and checksum of each file: {recovery_hint('site')}"
        ) from error


def check_site(folder: str | Path) -> int:
    """Check that a site is whole.

    Returns:
        How many files there are, besides its manifest.

    Raises:
        InputError: the folder is no site, has another format, or a file is missing, cut, altered or
            not named by its manifest.
    """
    folder = Path(folder)
    found = read_json(folder / MANIFEST, what="site").get("format")
    if found != FORMAT:
        raise InputError(
            f"{folder / MANIFEST} has site format {found}, this rsh writes "
            f"{FORMAT}: {recovery_hint('site')}"
        )
    named = set()
    for name, record in list_files(folder):  # a file of checksums is checked before it is read
        if not (folder / name).is_file():
            raise InputError(f"{folder / name} is missing: {recovery_hint('site')}")
        if file_record(folder / name) != record:
            raise InputError(f"{folder / name} is cut or was altered: {recovery_hint('site')}")
        named.add(name)
    for file in sorted([*(folder / DATA).rglob("*"), *(folder / name for name in PAGE)]):
        if file.is_file() and file.relative_to(folder).as_posix() not in named:
            raise InputError(f"{file} is not named by {MANIFEST}: {recovery_hint('site')}")
    return len(named)
