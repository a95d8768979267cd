"""BigEarthNet v2: a tar of one-band GeoTIFFs, twelve a patch, and a table of all patches.

    BigEarthNet-S2/S2A_MSIL2A_20170613T101031_N9999_R022_T33UUP/
        S2A_MSIL2A_20170613T101031_N9999_R022_T33UUP_26_57/
            S2A_MSIL2A_20170613T101031_N9999_R022_T33UUP_26_57_B01.tif

The tar is read once, from start to end, and each acquisition becomes a folder as a whole. So an
interrupted run goes on with the first acquisition that is not there yet. Bands of 20 and 60 m are
repeated to pixels of 10 m: all values are those that were published, they take hardly more room,
and the authors' own networks see them so.
"""

import io
import json
import re
import shutil
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from rsh.data.catalog_entry import CatalogEntry
from rsh.data.geoparquet import reading
from rsh.data.listing import PARQUET_TABLES
from rsh.data.places import to_degrees
from rsh.data.published.geotiff import write_tile
from rsh.data.published.label_tables import check_labels
from rsh.data.raster import TIFF, open_tile
from rsh.errors import InputError
from rsh.io.files import atomic_directory, atomic_path, write_json
from rsh.labels import SEPARATOR, SEVERAL
from rsh.text import first_sentence

SIDE = 120  # pixels of 10 m
FILE = re.compile(r"(?P<acquisition>.+)_\d+_\d+_(?P<band>B\w\w)\.tif")
DAY = re.compile(r"_(\d{4})(\d\d)(\d\d)T")
COLUMNS = ("patch_id", "labels", "split", "country")
PLACES = "places"  # folder of the places of each acquisition, beside the tiles while they are made
TAR_ERRORS = (tarfile.TarError, OSError, EOFError, pa.ArrowException)
Place = list[float]  # longitude and latitude


class Center(NamedTuple):
    """Where the center of a patch is, in a coordinate system as rasterio has it."""

    crs: Any
    x: float
    y: float


class Member(NamedTuple):
    """A file in the tar."""

    acquisition: str
    patch: str
    band: str
    info: tarfile.TarInfo


def build_bigearthnet(
    entry: CatalogEntry, files: Sequence[Path], target: Path, *, progress: bool
) -> None:
    """Write the patches of the table as GeoTIFFs of twelve named bands, and their table.

    Args:
        entry: of the data set.
        files: the tar, and the table.
        target: the folder to write; acquisitions that it holds already are kept.
        progress: show a progress bar.

    Raises:
        InputError: a file is damaged or of another data set, a patch lacks a band or is missing, or
            the disk is full; the message names the patch.
    """
    archive, metadata = files
    table = read_metadata(metadata, entry)
    places = target.parent / PLACES
    places.mkdir(exist_ok=True)
    for part in target.glob(".*"):  # of a process that was killed
        shutil.rmtree(part)
    _write_tiles(entry, archive, set(table.index), target, progress=progress)
    found: dict[str, Place] = {}
    for file in sorted(places.iterdir()):
        found |= json.loads(file.read_text())
    if lost := sorted(set(table.index) - found.keys()):
        raise InputError(
            f"the archive of {entry.title} has no patch {lost[0]}, nor {len(lost) - 1} others of "
            "its table: fetch it again"
        )
    _write_table(table, found, target)


def read_metadata(file: Path, entry: CatalogEntry) -> pd.DataFrame:
    """Return the table of the patches, by their names.

    Raises:
        InputError: it is of another data set.
    """
    with reading(f"the table of {entry.title}"):
        table: pd.DataFrame = pq.read_table(file).to_pandas()
    if not set(COLUMNS) <= set(table.columns):
        raise InputError(
            f"the table is not of {entry.title}, it has the columns {', '.join(table.columns[:5])} "
            f"and not {', '.join(COLUMNS)}: fetch it again"
        )
    table = table.set_index("patch_id")
    check_labels(pd.DataFrame({SEVERAL: table[SEVERAL].map(SEPARATOR.join)}), entry)
    entry.check(table["split"], where="the table", hint="fetch it again")
    return table


def _write_tiles(
    entry: CatalogEntry, archive: Path, wanted: set[str], target: Path, *, progress: bool
) -> None:
    """Write the wanted patches of all acquisitions that are not there yet."""
    from tqdm import tqdm

    bar = tqdm(total=entry.tiles, unit=" patches", desc=entry.title, disable=not progress)
    with bar, _open_tar(archive, entry) as tar:
        members = _members(tar, entry)
        for acquisition, files in groupby(members, key=lambda member: member.acquisition):
            note = target.parent / PLACES / f"{acquisition}.json"
            if (target / acquisition).is_dir() and note.is_file():
                bar.update(len(json.loads(note.read_text())))
                continue  # groupby skips its files
            with atomic_directory(target / acquisition) as folder:
                places = {}
                for patch, center in _convert(entry, tar, files, wanted, folder):
                    at = to_degrees(center.crs, np.array([center.x]), np.array([center.y]))
                    places[patch] = [round(float(degrees[0]), 6) for degrees in at]
                    bar.update()
                write_json(note, places)


def _convert(
    entry: CatalogEntry,
    tar: tarfile.TarFile,
    files: Iterator[Member],
    wanted: set[str],
    folder: Path,
) -> Iterator[tuple[str, Center]]:
    """Write the wanted patches of an acquisition, and yield the name and center of each."""
    for patch, bands in groupby(files, key=lambda member: member.patch):
        if patch in wanted:  # others have snow, clouds or their shadows
            contents = {member.band: _read(tar, member, entry) for member in bands}
            yield patch, write_patch(entry.bands, contents, patch, folder)


def write_patch(
    bands: Sequence[str], contents: Mapping[str, bytes], patch: str, folder: Path
) -> Center:
    """Write the bands of a patch as one GeoTIFF.

    Args:
        bands: the names that it must have.
        contents: of its files, by the name of the band.
        patch: its name.
        folder: for the tile.

    Returns:
        Where its center is.

    Raises:
        InputError: a band is missing, cannot be read, or has another size; the message names it.
    """
    if lost := [band for band in bands if band not in contents]:
        raise InputError(f"the patch {patch} lacks the band {', '.join(lost)}: fetch it again")
    layers, finest, crs = [], None, None
    for band in bands:
        name = f"{patch}_{band}.tif"
        with open_tile(io.BytesIO(contents[band]), TIFF, name) as raster:
            source, (height, width) = raster.source, raster.source.shape
            if height != width or SIDE % height or source.dtypes != ("uint16",):
                raise InputError(
                    f"{name} has {width} x {height} pixels of {', '.join(source.dtypes)}, which "
                    f"are not repeated to {SIDE} x {SIDE} of uint16: it is of another data set"
                )
            times = SIDE // height
            layers.append(source.read(1).repeat(times, axis=0).repeat(times, axis=1))
            if times == 1:
                finest, crs = source.transform, source.crs
    if finest is None or crs is None:
        raise InputError(f"the patch {patch} has no band of 10 m with a place on Earth")
    (folder / f"{patch}.tif").write_bytes(write_tile(np.stack(layers), bands, crs, finest))
    x_per_column, x_per_row, left, y_per_column, y_per_row, top = finest[:6]
    half = SIDE / 2
    return Center(
        crs, left + half * (x_per_column + x_per_row), top + half * (y_per_column + y_per_row)
    )


@contextmanager
def _reading(entry: CatalogEntry) -> Iterator[None]:
    """Turn errors of a damaged tar into one of ours."""
    try:
        yield
    except TAR_ERRORS as error:
        raise InputError(
            f"the archive of {entry.title} cannot be read ({first_sentence(error)}): fetch it again"
        ) from None


@contextmanager
def _open_tar(archive: Path, entry: CatalogEntry) -> Iterator[tarfile.TarFile]:
    """Yield a compressed tar, to be read from start to end."""
    with pa.input_stream(str(archive), compression="detect") as stream:
        with _reading(entry):
            tar = tarfile.open(fileobj=stream, mode="r|")
        with tar:
            yield tar


def _members(tar: tarfile.TarFile, entry: CatalogEntry) -> Iterator[Member]:
    """Yield the bands of all patches."""
    while True:
        with _reading(entry):
            info = tar.next()
        if info is None:
            return
        tar.members.clear()  # type: ignore[attr-defined]  # six million would fill the memory
        name = PurePosixPath(info.name).name
        if info.isreg() and (found := FILE.fullmatch(name)):
            patch = name.removesuffix(f"_{found['band']}.tif")
            yield Member(found["acquisition"], patch, found["band"], info)


def _read(tar: tarfile.TarFile, member: Member, entry: CatalogEntry) -> bytes:
    with _reading(entry):
        stream = tar.extractfile(member.info)
        return stream.read() if stream else b""


def _write_table(table: pd.DataFrame, places: Mapping[str, Place], target: Path) -> None:
    """Write what is known of the patches beside their folders, which are no classes."""
    days = [DAY.search(patch) for patch in table.index]
    columns = {
        "path": [f"{patch.rsplit('_', 2)[0]}/{patch}.tif" for patch in table.index],
        "class": pa.nulls(len(table), pa.string()),
        SEVERAL: [list(names) for names in table[SEVERAL]],
        "split": table["split"].to_list(),
        "date": ["-".join(day.groups()) if day else None for day in days],
        "country": table["country"].to_list(),
        "longitude": [places[patch][0] for patch in table.index],
        "latitude": [places[patch][1] for patch in table.index],
    }
    with atomic_path(target / PARQUET_TABLES[0]) as temporary:
        pq.write_table(pa.table(columns), temporary)
