"""What a data set holds, and what is wrong with it, told before any training."""

import hashlib
import io
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from tqdm import tqdm

from rsh.data import twins
from rsh.data.bands import Bands
from rsh.data.dataset import Dataset
from rsh.data.embeddings import DEFAULT_COLUMNS, ColumnOptions, Embeddings
from rsh.data.images import FORMATS
from rsh.data.open import open_dataset
from rsh.data.raster import HEAD, find_driver, open_tile
from rsh.data.rendering import AS_IS, Rendering
from rsh.data.splits import SPLIT_COLUMNS, split_parts
from rsh.data.tile_grid import DEFAULT_TILING, TilingOptions
from rsh.data.tiles import TileDataset
from rsh.data.vectors import Vectors
from rsh.errors import InputError, NoData, RshWarning
from rsh.io.files import atomic_write
from rsh.labels import SEVERAL, LabelSource, describe_labels
from rsh.plotting import DPI
from rsh.text import align_columns, humanize, plural

NAMED = 5  # examples, sizes or classes that the text names; JSON has all
MOST_IMBALANCE = 10  # of the largest class to the smallest
LITTLE_DATA = 0.5  # mean share of pixels without data
SMALL_SIDE = 32  # pixels; the network sees a smaller tile much enlarged
SHEET_TILES, SHEET_CLASSES, SHEET_SIDE = 6, 30, 128  # of a contact sheet: columns, rows, pixels
UNLABELED_ROWS = 5  # of a contact sheet without classes


class TileFacts(NamedTuple):
    """What a tile's file holds.

    Attributes:
        size: such as "256 x 256", width and height in pixels.
        kind: of values and bands, such as "uint16, 13 bands".
        missing: share of the pixels without data.
    """

    size: str
    kind: str
    missing: float


@dataclass
class DataReport:
    """What a data set holds, ready for JSON.

    Attributes:
        path: of the data set.
        tiles: how many it lists.
        classes: tiles of each class, or of each label if a tile may have several.
        unlabeled: how many tiles have no class, or no label.
        sizes: tiles of each size, width and height in pixels.
        kinds: tiles of each sample type and number of bands.
        missing: mean share of pixels without data.
        empty: how many tiles of scenes hold too little data to be used.
        rendering: how rasters become 8-bit RGB.
        bands: unit of each band of rasters, by its name, as a network would see it.
        places: how many tiles have coordinates, and west, south, east, north of all centers.
        split: what decides the split, and the tiles of each part if it is given.
        equal: groups of ids whose files are equal.
        near: groups of ids that look nearly the same; None if it was not asked for.
        unreadable: what is wrong with each tile that cannot be read.
        notes: what was said while the data was opened, such as which files were left out.
        dim: numbers in a vector of embeddings; 0 for images.
        several_labels: whether a tile may have several labels.
        warnings: what may spoil a training or its figures, each with a way out.
    """

    path: str
    tiles: int
    classes: dict[str, int]
    unlabeled: int
    sizes: dict[str, int]
    kinds: dict[str, int]
    missing: float
    empty: int
    rendering: dict[str, Any]
    bands: dict[str, str]
    places: dict[str, Any]
    split: dict[str, Any]
    equal: list[list[str]]
    near: list[list[str]] | None
    unreadable: list[str]
    notes: list[str]
    dim: int = 0
    several_labels: bool = False
    warnings: list[str] = field(default_factory=list)


def check_data(
    where: str | Path,
    *,
    tiling: TilingOptions = DEFAULT_TILING,
    rendering: Rendering = AS_IS,
    labels: LabelSource = "auto",
    columns: ColumnOptions = DEFAULT_COLUMNS,
    near_duplicates: bool = False,
    sheet: Path | None = None,
    progress: bool = True,
) -> DataReport:
    """Read every tile of a data set, with all bands, and report what it holds.

    Args:
        where: as for `open_dataset`.
        tiling: how to cut scenes into tiles.
        rendering: how rasters become 8-bit RGB, if it is given.
        labels: "none" drops all classes; "multi" takes several labels a tile.
        columns: of embeddings, which hold what.
        near_duplicates: also look for tiles that are nearly equal.
        sheet: file for a contact sheet, PNG.
        progress: show a progress bar.

    Raises:
        InputError: the data set cannot be opened, the sheet cannot be written, or embeddings, which
            have no images, should be compared or drawn.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RshWarning)
        dataset = open_dataset(
            where, tiling=tiling, rendering=rendering, labels=labels, columns=columns
        )
        if isinstance(dataset, Embeddings):
            _refuse_images(near_duplicates, sheet)
            read = _read_vectors(dataset)
        else:
            assert isinstance(dataset, TileDataset)
            dataset = dataset.with_all_bands()
            read = _read_all(dataset, near_duplicates, progress)
    notes = [str(note.message) for note in caught if issubclass(note.category, RshWarning)]
    ids, rows = dataset.items["id"].tolist(), list(read.facts)
    bands, unusable = _bands(dataset)
    report = DataReport(
        path=str(dataset.path),
        tiles=len(dataset),
        classes=_label_counts(dataset),
        unlabeled=len(dataset) - dataset.num_labeled,
        sizes=_counts(facts.size for facts in read.facts.values()),
        kinds=_counts(facts.kind for facts in read.facts.values()),
        missing=float(np.mean([facts.missing for facts in read.facts.values()])) if rows else 0.0,
        empty=len(dataset) - len(rows) - len(read.unreadable),
        rendering=asdict(dataset.rendering),
        bands=bands,
        places=_places(dataset),
        split=_split(dataset),
        equal=_groups(ids, [read.digests.get(row, f"row {row}") for row in range(len(ids))]),
        near=None,
        unreadable=read.unreadable,
        notes=list(dict.fromkeys(notes)),
        dim=dataset.dim if isinstance(dataset, Embeddings) else 0,
        several_labels=dataset.has_several,
    )
    if near_duplicates:
        pairs = [(rows[one], rows[two]) for one, two in twins.near_pairs(read.looks)]
        report.near = _groups(ids, twins.join_pairs(np.arange(len(ids)), pairs))
    report.warnings = [unusable] * bool(unusable) + list(_warnings(report, dataset))
    if sheet and isinstance(dataset, TileDataset):
        with atomic_write(sheet) as stream:
            draw_sheet(dataset, rows).savefig(stream, format="png", dpi=DPI)
    return report


class _Read(NamedTuple):
    """What was read of all tiles: facts and digest by row, looks, and what is wrong."""

    facts: dict[int, TileFacts]
    digests: dict[int, str]
    looks: twins.Look
    unreadable: list[str]


def _read_all(dataset: TileDataset, near: bool, progress: bool) -> _Read:
    facts: dict[int, TileFacts] = {}
    digests: dict[int, str] = {}
    looks: list[twins.Look] = [twins.look([])]
    unreadable: list[str] = []
    for row in tqdm(range(len(dataset)), unit="tile", disable=not progress):
        try:
            content = dataset.read_bytes(row)
            image = dataset.decode(row, content)
            facts[row] = _facts(content, image, dataset)
        except NoData:
            continue
        except InputError as error:
            unreadable.append(str(error))
            continue
        digests[row] = hashlib.sha256(content).hexdigest()
        if near:
            looks.append(twins.look([image]))
    hashes, small = (np.concatenate(parts) for parts in zip(*looks, strict=True))
    return _Read(facts, digests, (hashes, small), unreadable)


def _refuse_images(near: bool, sheet: Path | None) -> None:
    """Refuse what needs images, for embeddings."""
    for name, value in (("near_duplicates", near), ("output", sheet)):
        if value:
            raise InputError("embeddings have no images: omit it", parameter=name, value=value)


def _read_vectors(dataset: Embeddings) -> _Read:
    kinds = " and ".join(sorted({str(file.dtype) for file in dataset.vectors.files}))
    facts = TileFacts(plural(dataset.dim, "number"), kinds, 0.0)
    whole = Vectors(dataset.vectors.files, dataset.items["id"], keep_missing=True)
    try:
        lacking = whole.unreadable()
    except InputError as error:  # such as of another length
        return _Read({}, {}, twins.look([]), [str(error)])
    rows = np.delete(np.arange(len(dataset)), lacking)
    digests = replace(dataset, vectors=whole).select(rows).digests
    names = dataset.items["id"].iloc[lacking]
    return _Read(
        facts=dict.fromkeys(rows.tolist(), facts),
        digests={row: digest.hex() for row, digest in zip(rows.tolist(), digests, strict=True)},
        looks=twins.look([]),
        unreadable=[f"the vector of {name} lacks a finite number" for name in names],
    )


def _facts(content: bytes, image: Image.Image, dataset: TileDataset) -> TileFacts:
    """Return the facts of a tile that could be decoded."""
    size = f"{image.width} x {image.height}"
    if driver := find_driver(content[:HEAD]):
        with open_tile(io.BytesIO(content), driver, "the tile") as raster:
            bands = raster.choose_bands(dataset.rendering)
            pairs = dataset.rendering.pairs(len(bands)) or ((0.0, 1.0),) * len(bands)
            valid = raster.read(bands, pairs).valid
            kind = raster.source.dtypes[bands[0] - 1]
            return TileFacts(size, f"{kind}, {plural(raster.source.count, 'band')}", 1 - valid)
    with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
        return TileFacts(size, f"uint8, {plural(len(opened.getbands()), 'band')}", 0.0)


def _label_counts(dataset: Dataset) -> dict[str, int]:
    """Return how many tiles have each label, the most frequent first."""
    if not dataset.has_several:
        counts = _counts(dataset.items["class"])
        counts.pop("", None)
        return counts
    names, tiles = dataset.label_names, dataset.count_labels().tolist()
    return dict(Counter(dict(zip(names, tiles, strict=True))).most_common())


def _counts(values: Iterable[str]) -> dict[str, int]:
    """Return how often each value comes, the most frequent first."""
    return dict(Counter(values).most_common())


def _groups(ids: Sequence[str], groups: ArrayLike) -> list[list[str]]:
    """Return the groups of two tiles or more."""
    found: dict[Any, list[str]] = {}
    for tile, group in zip(ids, np.asarray(groups).tolist(), strict=True):
        found.setdefault(group, []).append(tile)
    return [tiles for tiles in found.values() if len(tiles) > 1]


def _places(dataset: Dataset) -> dict[str, Any]:
    items = dataset.items
    if not {"longitude", "latitude"} <= set(items):
        return {"known": 0, "bbox": None}
    known = items.dropna(subset=["longitude", "latitude"])
    ends = [known["longitude"].min(), known["latitude"].min()]
    ends += [known["longitude"].max(), known["latitude"].max()]
    return {"known": len(known), "bbox": ends if len(known) else None}


def _bands(dataset: Dataset) -> tuple[dict[str, str], str]:
    """Return the unit of each band of rasters, and what keeps a network from seeing them."""
    if not isinstance(dataset, TileDataset) or not dataset.has_rasters:
        return {}, ""
    try:
        found = dataset.find_bands()
    except InputError as error:
        return {}, f"--input-bands is refused as things are: {error}"
    return dict(zip(found.names, found.units, strict=True)), ""


def _split(dataset: Dataset) -> dict[str, Any]:
    items = dataset.items
    by = next((name for name, column in SPLIT_COLUMNS.items() if column in items), "class")
    if by != "given":
        return {"by": by}
    return {"by": by, "parts": _counts(split_parts(items["given_split"]))}


def _warnings(report: DataReport, dataset: Dataset) -> Iterator[str]:
    """Yield what may spoil a training or its figures, each with a way out."""
    if report.several_labels:
        yield from _label_warnings(report.classes)
    elif report.classes:
        yield from _class_warnings(report.classes, report.unlabeled)
    if report.unreadable:
        it = "it" if len(report.unreadable) == 1 else "them"
        yield (
            f"{plural(len(report.unreadable), 'tile')} cannot be read: mend {it}, or leave {it} "
            "out with --skip-unreadable"
        )
    if report.dim and not report.unreadable and isinstance(dataset, Embeddings):
        if outlier := dataset.find_outlier():
            name, value = outlier
            yield (
                f"the vector of {name} holds {value:g}, far from all others: leave it out if it "
                "stands for no data"
            )
    if len(report.kinds) > 1:
        yield (
            f"the tiles differ in values or bands ({', '.join(report.kinds)}): check that they "
            "come from one source"
        )
    sizes = [] if report.dim else list(report.sizes)
    small = [size for size in sizes if min(map(int, size.split(" x "))) < SMALL_SIDE]
    if small:
        yield f"tiles of {small[0]} pixels are small: the network sees them much enlarged"
    if report.missing > LITTLE_DATA:
        yield f"{report.missing:.0%} of all pixels hold no data: check the nodata value"
    yield from _twin_warnings(report, dataset)


def _class_warnings(counts: dict[str, int], unlabeled: int) -> Iterator[str]:
    largest, smallest = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    if len(counts) < 2:
        yield "there is one class: a training on labels needs at least two"
    tiny = [name for name, count in counts.items() if count < 3]
    if tiny:
        have = "has" if len(tiny) == 1 else "have"
        which = f"{plural(len(tiny), 'class')} such as {tiny[0]!r} {have} fewer than 3 tiles"
        yield (
            f"{which}, which all stay in train: no query has such a class"
            if unlabeled
            else f"{which} and cannot be split: add tiles or remove the folders"
        )
    elif counts[largest] > MOST_IMBALANCE * counts[smallest]:
        yield (
            f"{largest!r} has {counts[largest]:,} tiles and {smallest!r} {counts[smallest]:,}: mAP "
            "is mostly that of large classes; look at `rsh compare --output`, or even them out"
        )


def _label_warnings(counts: dict[str, int]) -> Iterator[str]:
    if len(counts) < 2:
        yield "there is one label: a training on labels needs at least two"
    if tiny := [name for name, count in counts.items() if count < 3]:
        yield (
            f"{plural(len(tiny), 'label')} such as {tiny[0]!r} with fewer than 3 tiles cannot be "
            "in train, val and query: add tiles, or leave the label out"
        )


def _twin_warnings(report: DataReport, dataset: Dataset) -> Iterator[str]:
    items = dataset.items.set_index("id")
    for what, groups in (("equal", report.equal), ("nearly equal", report.near or [])):
        column, labels = (SEVERAL, "labels") if dataset.has_several else ("class", "classes")
        mixed = [tiles for tiles in groups if len({*items.loc[tiles, column]} - {""}) > 1]
        if mixed:
            yield (
                f"{plural(len(mixed), 'group')} of {what} tiles have different {labels}, such as "
                f"{mixed[0][0]} and {mixed[0][-1]}: keep one of each"
            )
        if "given_split" in items:
            names = split_parts(items["given_split"])
            leaks = [tiles for tiles in groups if names[tiles].nunique() > 1]
            if leaks:
                yield (
                    f"{plural(len(leaks), 'group')} of {what} tiles are in two parts of the given "
                    f"split, such as {leaks[0][0]} and {leaks[0][-1]}: let rsh draw the split with "
                    "--split-by class"
                )
        elif groups and what == "nearly equal":
            yield (
                f"{plural(len(groups), 'group')} of nearly equal tiles, such as {groups[0][0]} and "
                f"{groups[0][1]}: train with --near-duplicates to keep them on one side"
            )


def to_text(report: DataReport) -> str:
    """Return a report for the terminal."""
    how, bands = Rendering(**report.rendering), Bands((*report.bands,), (*report.bands.values(),))
    images = [
        ("sizes", _listed(report.sizes) + " pixels"),
        ("values", _listed(report.kinds)),
        ("no data", f"{report.missing:.1%} of the pixels" + _and_empty(report.empty)),
        ("shown as", how.described()),
        *([("bands", f"{bands.described()}; a network sees them by --input-bands")] * bool(bands)),
    ]
    vectors = [("vectors", f"{plural(report.dim, 'number')} each, {_listed(report.kinds)}")]
    rows = [
        ("labels" if report.several_labels else "classes", _classes_text(report)),
        *(vectors if report.dim else images),
        ("places", _places_text(report)),
        ("split", _split_text(report)),
        ("equal", _groups_text(report.equal, " = ")),
    ]
    if report.near is not None:
        rows.append(("nearly equal", _groups_text(report.near, " ~ ")))
    rows += [("unreadable", text) for text in report.unreadable[:NAMED]]
    if len(report.unreadable) > NAMED:
        rows.append(("", f"and {len(report.unreadable) - NAMED} more, see --json"))
    rows += [("note", text) for text in report.notes]
    rows += [("warning", text) for text in report.warnings]
    labeled = report.tiles - report.unlabeled
    several = report.several_labels
    known = describe_labels(report.tiles, labeled, len(report.classes), several=several)
    head = f"{report.path}: {plural(report.tiles, 'tile')}, {known}"
    return f"{head}\n{align_columns(rows, left=(0, 1))}"


def _listed(counts: dict[str, int]) -> str:
    named = [f"{humanize(name)} ({count:,})" for name, count in list(counts.items())[:NAMED]]
    more = len(counts) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "") if named else "none"


def _and_empty(empty: int) -> str:
    return f"; {plural(empty, 'tile')} left out that hold too little" if empty else ""


def _places_text(report: DataReport) -> str:
    known, bbox = report.places["known"], report.places["bbox"]
    if not known:
        return "unknown: add longitude and latitude" + ("" if report.dim else " to items.csv")
    west, south, east, north = bbox
    where = f"longitude {west:.4g} to {east:.4g}, latitude {south:.4g} to {north:.4g}"
    return f"{where} ({plural(known, 'tile')})"


def _classes_text(report: DataReport) -> str:
    if not report.classes:
        column = "a column class, or another with --class-column"
        folders = "folders of classes, or a column class in items.csv"
        return f"none: {column if report.dim else folders}, would give labels"
    what = "label" if report.several_labels else "class"
    none = f", no {what} ({report.unlabeled:,})" if report.unlabeled else ""
    return _listed(report.classes) + none


def _split_text(report: DataReport) -> str:
    split = report.split
    if split["by"] == "given":
        return "given: " + ", ".join(f"{name} {count:,}" for name, count in split["parts"].items())
    if split["by"] == "block":
        return "drawn by whole blocks"
    if report.several_labels:
        return "drawn so that each label keeps its share"
    return "drawn within each class" if report.classes else "drawn at random"


def _groups_text(groups: list[list[str]], sign: str) -> str:
    if not groups:
        return "none"
    tiles = sum(map(len, groups))
    example = sign.join(groups[0][:3])
    return f"{plural(tiles, 'tile')} in {plural(len(groups), 'group')}, such as {example}"


def draw_sheet(dataset: TileDataset, rows: Sequence[int]) -> Figure:
    """Draw a contact sheet: some tiles of each class, a class in each row; the rest come last.

    Args:
        dataset: the tiles.
        rows: those that can be read.
    """
    shown = _sheet_rows(dataset, np.array(rows, dtype=np.int64))
    size = (1.1 * SHEET_TILES + 2, 1.15 * max(len(shown), 1))  # inches
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(max(len(shown), 1), SHEET_TILES, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for line, (name, members) in zip(grid, shown, strict=False):
        places = np.unique(np.linspace(0, len(members) - 1, SHEET_TILES).astype(int))
        for axes, row in zip(line, members[places], strict=False):
            axes.imshow(dataset.read(int(row)).resize((SHEET_SIDE, SHEET_SIDE)))
        line[0].text(-0.1, 0.5, name, ha="right", va="center",
                     transform=line[0].transAxes, fontsize=8, parse_math=False)  # fmt: skip
    return figure


def _sheet_rows(
    dataset: TileDataset, rows: NDArray[np.int64]
) -> list[tuple[str, NDArray[np.int64]]]:
    """Return the words and the tiles of each row of a contact sheet."""
    matrix, without = dataset.label_matrix[rows], rows[~dataset.has_label[rows]]
    known = np.flatnonzero(matrix.any(axis=0)).tolist()
    if not len(known):  # some more tiles, since no row stands for a class
        return [("", part) for part in np.array_split(without, UNLABELED_ROWS) if len(part)]
    none = "no label" if dataset.has_several else "no class"
    last = [(none, without)] if len(without) else []
    named = [(humanize(dataset.label_names[label]), rows[matrix[:, label]]) for label in known]
    shown = [*named[: SHEET_CLASSES - len(last)], *last]
    return [(f"{name}\n{len(members):,}", members) for name, members in shown]
