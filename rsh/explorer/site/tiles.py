"""Writes the tiles of a gallery as files of its site, see `rsh.explorer.site.layout`."""

import json
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from tqdm import tqdm

from rsh.codes.asymmetric import soft_bits
from rsh.codes.order import hash_order
from rsh.data.outlines import read_outlines
from rsh.data.sample import EARTH
from rsh.errors import InputError
from rsh.explorer.site.layout import PACK, ROW_GROUP, SOFT_ROWS, SOFT_SCALE
from rsh.explorer.site.lists import CoarseLists, to_words
from rsh.gallery.footprints import open_footprints
from rsh.gallery.gallery import Gallery
from rsh.gallery.items import to_pandas
from rsh.gallery.origins import open_origins

Rows = NDArray[np.int64]
MOST_SETS = 2**16  # of labels; the last number means none


def write_tiles(
    gallery: Gallery, lists: CoarseLists | None, folder: Path, *, progress: bool = False
) -> None:
    """Write what the page reads of the tiles.

    Args:
        gallery: whose tiles they are.
        lists: that the page searches; none if it compares all tiles.
        folder: of the site's data.
        progress: show bars.
    """
    every = np.arange(len(gallery))
    columns = {name: _plain(gallery.table.array(name)) for name in gallery.table.columns}
    write_soft_bits(gallery, every, folder)
    if lists:
        order = lists.order
        lists.write(gallery, number_labels(gallery).numbers, folder)
        places = _places(order)
        by_hash = hash_order(gallery.table.array("id").to_pylist()).astype("<u4")
        _write_rows(len(gallery), lambda rows: places[rows], folder, "order")
        _write_rows(len(gallery), lambda rows: by_hash[rows], folder, "ids")
    else:
        order = np.lexsort(gallery.packed.T[::-1])
        write_codes(gallery, every, folder)
        _places(order).tofile(folder / "order.bin")
        _write_maps(gallery, folder, progress)
        pq.write_table(pa.table(columns), folder / "items.parquet", row_group_size=ROW_GROUP)
        columns = {}
    tiles = lambda rows: _words_and_thumbnails(gallery, columns, rows)  # noqa: E731
    _write_packs(order, tiles, folder, "tiles", progress)
    thumbnails = lambda rows: [gallery.stored_thumbnail(row) for row in rows]  # noqa: E731
    for number in range(1, len(gallery.composites)):
        with gallery.in_composite(number):
            _write_packs(order, thumbnails, folder, f"composite-{number}", progress)
    if gallery.has_previews:
        previews = lambda rows: [gallery.preview(row) or b"" for row in rows]  # noqa: E731
        _write_packs(order, previews, folder, "previews", progress)


def write_codes(gallery: Gallery, rows: Rows, folder: Path) -> None:
    """Write what a search among all tiles reads at the start, in the order of these rows."""
    to_words(gallery.packed[rows]).tofile(folder / "codes.bin")
    number_labels(gallery).numbers[rows].tofile(folder / "labels.bin")
    gallery.table.categories("split")[1][rows].astype("u1").tofile(folder / "splits.bin")


def write_soft_bits(gallery: Gallery, rows: Rows, folder: Path) -> None:
    """Write the soft bits of tiles, in the order of these rows."""

    def whole_numbers(part: slice) -> NDArray[np.int8]:
        soft = soft_bits(gallery.relaxed[rows[part]])
        return np.rint(soft * SOFT_SCALE).astype("i1")

    _write_rows(len(rows), whole_numbers, folder, "soft")


class NumberedLabels(NamedTuple):
    """The labels of tiles, each different class with its labels once.

    Attributes:
        sets: the number of a class, -1 for none, and those of its labels.
        numbers: that of each tile's set, uint8 or uint16; the number of sets means none.
    """

    sets: list[tuple[int, list[int]]]
    numbers: NDArray[np.generic]


def number_labels(gallery: Gallery) -> NumberedLabels:
    """Number the classes and labels of tiles.

    Raises:
        InputError: more different ones than 16 bits number.
    """
    place = {name: number for number, name in enumerate(gallery.label_names)}
    keys = (gallery.labels + 1) * (int(gallery.label_sets.max(initial=0)) + 2)
    known, first, numbers = np.unique(
        keys + gallery.label_sets + 1, return_index=True, return_inverse=True
    )
    sets = [
        (int(gallery.labels[row]), [place[name] for name in gallery.list_labels(row)])
        for row in first.tolist()
    ]
    if len(known) and known[0] == 0:  # neither a class nor a label
        sets, numbers = sets[1:], np.where(numbers == 0, len(sets) - 1, numbers - 1)
    if len(sets) >= MOST_SETS:
        raise InputError(
            f"{gallery.folder} has {len(sets):,} different sets of labels, and a site numbers "
            f"{MOST_SETS - 1:,}: encode its tiles with --labels none"
        )
    return NumberedLabels(sets, numbers.astype("u1" if len(sets) < 256 else "<u2"))


def _places(order: Rows) -> NDArray[np.uint32]:
    """Return the place of each row in an order."""
    places = np.empty(len(order), "<u4")
    places[order] = np.arange(len(order))
    return places


def _write_maps(gallery: Gallery, folder: Path, progress: bool) -> None:
    """Write what spaces and the map show."""
    if gallery.planes is not None:
        planes = np.concatenate([gallery.planes.feature, gallery.planes.code])
        planes.astype("<f4").tofile(folder / "planes.bin")
    if gallery.positions is not None:
        gallery.positions.astype("<f4").tofile(folder / "positions.bin")
        if EARTH.exists():
            (folder / "earth.jpg").write_bytes(EARTH.read_bytes())
    if scenes := gallery.backgrounds:
        (folder / "scenes.bin").write_bytes(b"".join(scene.image for scene in scenes))
    if open_footprints(gallery).are_known:
        near = _near_order(gallery.positions)
        _places(near).tofile(folder / "near.bin")
        _write_packs(near, lambda rows: _outlines(gallery, rows), folder, "footprints", progress)


def _near_order(places: NDArray[np.float64] | None) -> NDArray[np.int64]:
    """Return rows in the order of a Z-order curve over the Earth, those without a place first.

    Source: Morton 1966, "A computer oriented geodetic data base and a new technique in file
    sequencing".
    """
    known = np.nan_to_num(np.asarray(places), nan=-180.0)
    cells = np.clip((known + 180) / 360 * 2**16, 0, 2**16 - 1).astype(np.uint64)
    codes = np.zeros(len(cells), np.uint64)
    for bit in range(16):
        for axis in (0, 1):
            on = (cells[:, axis] >> np.uint64(bit)) & np.uint64(1)
            codes |= on << np.uint64(2 * bit + axis)
    return np.argsort(codes, kind="stable")


def _outlines(gallery: Gallery, rows: list[int]) -> list[bytes]:
    """Return the rings of the footprints of some tiles."""
    found = read_outlines(open_footprints(gallery).texts(rows), np.arange(len(rows)))
    every = []
    for number in range(len(rows)):
        first, last = np.searchsorted(found.rows, [number, number + 1])
        counts = np.diff(found.starts[first : last + 1])
        head = np.array([len(counts), *counts], "<u4")
        xy = found.xy[found.starts[first] : found.starts[last]].astype("<f4")
        every.append(head.tobytes() + xy.tobytes())
    return every


def _write_rows(
    count: int, values: Callable[[slice], NDArray[np.generic]], folder: Path, name: str
) -> None:
    """Write values of all tiles by row, SOFT_ROWS of them a file."""
    for number, start in enumerate(range(0, count, SOFT_ROWS)):
        values(slice(start, start + SOFT_ROWS)).tofile(folder / f"{name}-{number}.bin")


def write_typical(gallery: Gallery, rows: list[int], folder: Path) -> None:
    """Write words and thumbnails of the tiles that show groups."""
    contents = lambda part: _words_and_thumbnails(gallery, {}, part)  # noqa: E731
    _write_packs(np.array(rows, np.int64), contents, folder, "typical", progress=False)


def _write_packs(
    order: Rows,
    contents: Callable[[list[int]], list[bytes]],
    folder: Path,
    name: str,
    progress: bool,
) -> None:
    """Write bytes of all tiles, some of them a file; missing ones in the last file are empty."""
    with tqdm(total=len(order), unit="tile", desc=name, disable=not progress) as bar:
        for number, first in enumerate(range(0, len(order), PACK)):
            every = contents(order[first : first + PACK].tolist())
            sizes = [len(content) for content in every] + [0] * (PACK - len(every))
            starts = np.cumsum([4 * (PACK + 1), *sizes]).astype("<u4")
            folder.joinpath(f"{name}-{number}.bin").write_bytes(starts.tobytes() + b"".join(every))
            bar.update(len(every))


def _words_and_thumbnails(
    gallery: Gallery, columns: dict[str, pa.Array], rows: list[int]
) -> list[bytes]:
    """Return the words and the thumbnail of some tiles.

    Args:
        gallery: whose tiles they are.
        columns: that the words end with; with none of them they have the footprint.
        rows: of the tiles.
    """
    names = ["id", "longitude", "latitude"]
    origins = open_origins(gallery).of(rows)
    known = gallery.table.take(rows, names).reindex(columns=names)  # some have no places
    texts = [""] * len(rows)
    items: list[dict[str, Any]] = [{}] * len(rows)
    if columns:
        chosen = {name: column.take(pa.array(rows)) for name, column in columns.items()}
        items = pa.table(chosen).to_pylist()
    else:
        texts = open_footprints(gallery).texts(rows).fillna("").tolist()
    every = []
    for row, words, text, item, origin in zip(
        rows, known.itertuples(index=False), texts, items, origins, strict=True
    ):
        tile, *place = words
        shown = [str(tile), *(_finite(float(degrees)) for degrees in place), text or None]
        shown.append({name: _finite(value) for name, value in item.items()} or None)
        shown += origin
        content = json.dumps(shown).encode(errors="surrogatepass")
        every.append(np.uint32(len(content)).tobytes() + content + gallery.stored_thumbnail(row))
    return every


def _finite(value: object) -> object:
    """Return a value as JSON has it: no number for NaN and infinities, a text for dates."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def _plain(column: pa.Array) -> pa.Array:
    """Return a column as the browser's reader knows it: without categories, and times as texts."""
    if pa.types.is_timestamp(column.type):
        return pa.array(to_pandas(column, "").astype("string"))
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
