"""Opens a path as the data set that it holds: images, or embeddings."""

from dataclasses import asdict, fields, replace
from pathlib import Path, PurePosixPath

from rsh.data.archive import is_zip
from rsh.data.bands import IMAGE, NO_BANDS, BandOptions, Bands
from rsh.data.catalog import CATALOG
from rsh.data.dataset import Dataset
from rsh.data.embeddings import ARRAY, DEFAULT_COLUMNS, TABLES, ColumnOptions, Embeddings
from rsh.data.images import SUFFIXES as IMAGES
from rsh.data.listing import NOT_TOLD, is_hidden, walk_files
from rsh.data.raster import DRIVERS
from rsh.data.rendering import AS_IS, Rendering
from rsh.data.sample import SAMPLE
from rsh.data.sources.webdataset import SHARD
from rsh.data.tile_grid import DEFAULT_TILING, TilingOptions
from rsh.data.tiles import TileDataset
from rsh.errors import InputError
from rsh.labels import LabelSource

VECTORS = frozenset({ARRAY, *TABLES})


def open_dataset(
    where: str | Path,
    *,
    skip_unreadable: bool = False,
    tiling: TilingOptions = DEFAULT_TILING,
    rendering: Rendering = AS_IS,
    like: Rendering = AS_IS,
    labels: LabelSource = "auto",
    columns: ColumnOptions = DEFAULT_COLUMNS,
    bands: BandOptions = NO_BANDS,
    like_bands: Bands = IMAGE,
) -> Dataset:
    """Open embeddings if the path holds any, else tiles.

    Args:
        where: a .npy, .parquet, .geoparquet or .gpq file, or a folder of them without images; else
            as for `TileDataset.open`.
        skip_unreadable: as for either.
        tiling: as for `TileDataset.open`; its `crs` and that of `columns` are one.
        rendering: as for `TileDataset.open`.
        like: as for `TileDataset.open`.
        labels: "none" drops all classes; "multi" takes several labels a tile, see
            `Dataset.labeled_by`.
        columns: as for `Embeddings.open`.
        bands: as for `TileDataset.open`.
        like_bands: as for `TileDataset.open`.

    Raises:
        InputError: an option does not apply to what the path holds; else as for either.
    """
    if not holds_embeddings(where):
        _refuse(replace(columns, crs=""), DEFAULT_COLUMNS, f"{where} holds no embeddings")
        return TileDataset.open(
            where,
            skip_unreadable=skip_unreadable,
            tiling=replace(tiling, crs=tiling.crs or columns.crs),
            rendering=rendering,
            like=like,
            labels=labels,
            bands=bands,
            like_bands=like_bands,
        )
    none = f"{where} holds embeddings, no images"
    _refuse(replace(tiling, crs=""), DEFAULT_TILING, none)
    _refuse(rendering, AS_IS, none)
    if bands.names:
        listed = ",".join(bands.names)
        raise InputError(f"{none}: omit this option", parameter="input_bands", value=listed)
    _refuse(bands, NO_BANDS, none)
    options = asdict(replace(columns, crs=columns.crs or tiling.crs))
    return Embeddings.open(where, skip_unreadable=skip_unreadable, labels=labels, **options)


def holds_embeddings(where: str | Path) -> bool:
    """Whether a path is a file of vectors, or a folder that holds such files and no images."""
    path = Path(where)
    if str(where) == SAMPLE or (isinstance(where, str) and where in CATALOG):
        return False
    if path.is_file():
        return path.suffix.lower() in VECTORS and not is_zip(path)
    found = False
    for name in walk_files(path) if path.is_dir() else ():
        suffix = PurePosixPath(name).suffix.lower()
        if is_hidden(name) or PurePosixPath(name).name in NOT_TOLD:
            continue
        if suffix in IMAGES or suffix in DRIVERS or suffix == SHARD:
            return False
        found = found or suffix in VECTORS
    return found


def _refuse(given: object, default: object, why: str) -> None:
    """Refuse options that differ from their defaults."""
    for field in fields(given):  # type: ignore[arg-type]
        value = getattr(given, field.name)
        if value != getattr(default, field.name):
            shown = ",".join(map(str, value)) if isinstance(value, tuple) else value
            raise InputError(f"{why}: omit this option", parameter=field.name, value=shown)
