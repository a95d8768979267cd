"""MLRSNet: for each class a table of labels, and a RAR file of images."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pandas as pd

from rsh.data.catalog_entry import CatalogEntry
from rsh.data.listing import list_images, walk_files
from rsh.data.published.label_tables import check_labels, name_key, read_table
from rsh.data.published.zips import show_progress, write_zip
from rsh.errors import InputError

# Programs that unpack RAR, and their arguments.
UNPACKERS = {
    "bsdtar": ("-xf", "{file}", "-C", "{folder}"),
    "unrar": ("x", "-inul", "-o+", "{file}", "{folder}/"),
    "unar": ("-quiet", "-output-directory", "{folder}", "{file}"),
    "7z": ("x", "-y", "-o{folder}", "{file}"),
}


def find_unpacker(entry: CatalogEntry) -> str:
    """Return the program that unpacks RAR files.

    Raises:
        InputError: there is none.
    """
    if found := next(filter(shutil.which, UNPACKERS), None):
        return found
    raise InputError(
        f"{entry.name} comes in RAR files: install bsdtar (of libarchive-tools), unrar, unar "
        "or 7z, and run the same command again"
    )


def build_mlrsnet(
    entry: CatalogEntry, files: Sequence[Path], target: Path, *, progress: bool
) -> None:
    """Write a zip of all images with their labels.

    Args:
        entry: of the data set.
        files: for each class its table, then its images.
        target: the zip to write.
        progress: show a progress bar.

    Raises:
        InputError: a file cannot be unpacked; a table is of another data set; a row has no image,
            or an image has no row.
    """
    names = [unquote(Path(urlsplit(file.url).path).stem) for file in entry.files[::2]]
    tables = [read_table(file.read_bytes(), entry) for file in files[::2]]
    rows = pd.concat(tables)
    check_labels(rows, entry)
    tiles = _unpack_all(entry, names, tables, files[1::2], target.parent)
    paths = [
        f"{name}/{image}.jpg"
        for name, table in zip(names, tables, strict=True)
        for image in table.index
    ]
    rows.insert(0, "path", paths)
    shown = show_progress(tiles, len(rows), f"{entry.title}, images", progress=progress)
    write_zip(target, shown, rows)


def _unpack_all(
    entry: CatalogEntry,
    names: Sequence[str],
    tables: Sequence[pd.DataFrame],
    files: Sequence[Path],
    work: Path,
) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of all images, in the order of the tables."""
    program = find_unpacker(entry)
    for name, table, file in zip(names, tables, files, strict=True):
        with tempfile.TemporaryDirectory(prefix="unpacked-", dir=work) as temporary:
            folder = Path(temporary)
            _unpack(program, file, folder, f"the images of {name} of {entry.title}")
            found = {name_key(path): path for path in list_images(walk_files(folder), folder)}
            for image in table.index.symmetric_difference(list(found)):
                lack = "no image" if image in table.index else "no row of labels"
                raise InputError(f"{entry.title} has {lack} for {image} of {name}: fetch it again")
            for image in table.index:
                yield f"{name}/{image}.jpg", (folder / found[image]).read_bytes()


def _unpack(program: str, file: Path, folder: Path, what: str) -> None:
    words = [word.format(file=file, folder=folder) for word in UNPACKERS[program]]
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip() or "it gave no reason").splitlines()[0]
        raise InputError(f"{what} cannot be unpacked by {program} ({reason}): try another program")
