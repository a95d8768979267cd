"""Writes the site of a gallery: a folder of static files that any web host can serve."""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from math import isfinite
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rsh.codes.asymmetric import soft_bits
from rsh.codes.order import hash_order
from rsh.config import EXACT_UP_TO
from rsh.data.sample import EARTH
from rsh.errors import InputError
from rsh.explorer.bundle import EXPLORER, bundle, stylesheet
from rsh.explorer.panels.codes import code_parts_in_words
from rsh.explorer.panels.coloring import list_ways
from rsh.explorer.panels.filter import list_columns
from rsh.explorer.panels.header import list_facts, make_headline
from rsh.explorer.panels.scatter import list_spaces
from rsh.explorer.site.layout import (
    FORMAT,
    MANIFEST,
    PACK,
    ROW_GROUP,
    SOFT_ROWS,
    SOFT_SCALE,
    SiteManifest,
)
from rsh.explorer.site.lists import CoarseLists, to_words
from rsh.explorer.state import ExplorerState
from rsh.gallery.filters import OVERLAPS
from rsh.gallery.footprints import open_footprints
from rsh.gallery.gallery import Gallery
from rsh.gallery.items import to_pandas
from rsh.io.files import (
    FileRecord,
    atomic_directory,
    file_record,
    read_json,
    recovery_hint,
    write_json,
)
from rsh.labels import UNLABELED

STYLES = (
    *("page", "desk", "dock", "scatter", "strips", "compare"),
    *("explain", "export", "labels", "tray", "upload", "viewer"),
)
DATA = "data"
PAGE = ("index.html", "rsh.js", "worker.js", "rsh.css")


def build_site(
    gallery: Gallery, output: str | Path, *, exact_up_to: int = EXACT_UP_TO
) -> SiteManifest:
    """Write the site of a gallery.

    Args:
        gallery: an opened gallery.
        output: folder of the site; an existing one is replaced as a whole.
        exact_up_to: tiles up to which the page searches all of them, and above which it reads and
            searches the nearest lists.

    Returns:
        The manifest of the site.

    Raises:
        InputError: the folder holds something else than a site, or cannot be written.
    """
    output = Path(output)
    if output.exists() and not (output / MANIFEST).is_file() and any(output.iterdir()):
        raise InputError(
            "this folder holds other files, which a site would replace: choose another one",
            parameter="output",
            value=output,
        )
    with atomic_directory(output) as folder:
        _write_page(folder)
        (folder / DATA).mkdir()
        lists = CoarseLists.of_gallery(gallery) if len(gallery) > exact_up_to else None
        _write_tiles(gallery, lists, folder / DATA)
        records = {
            file.relative_to(folder).as_posix(): file_record(file)
            for file in sorted((folder / DATA).iterdir())
        }
        manifest = describe_site(gallery, lists, records)
        write_json(folder / MANIFEST, asdict(manifest))
    return manifest


def describe_site(
    gallery: Gallery, lists: CoarseLists | None, files: dict[str, FileRecord]
) -> SiteManifest:
    """Return the manifest of the site of a gallery."""
    state, spaces = ExplorerState(gallery), [] if lists else list_spaces(gallery)
    names, _ = gallery.table.categories("split")
    searched = lists.describe(gallery) if lists else None
    return SiteManifest(
        format=FORMAT,
        made_with=version("rsh"),
        name=gallery.name,
        question=make_headline(gallery),
        facts=list_facts(
            gallery, recall=searched.recall if searched else None, has_spaces=lists is None
        ),
        provenance=gallery.provenance(),
        fingerprint=gallery.manifest.sha256,
        num_tiles=len(gallery),
        num_bits=gallery.num_bits,
        look_bits=gallery.look_bits,
        parts=code_parts_in_words(gallery),
        classes=list(gallery.classes),
        splits=list(names),
        first=int(state.query.row or 0),
        has_images=gallery.has_images,
        decimals=open_footprints(gallery).decimals,
        planes={space: words for space, *words in spaces},
        columns=[]
        if lists
        else [column for column in list_columns(state) if column["name"] != OVERLAPS],
        ways=list_ways(gallery) if spaces else [],
        lists=searched,
        files=files,
    )


def bundle_worker(name: str) -> str:
    """Return a module of the site with all it imports, the reader of Parquet and the compiled scan.

    Args:
        name: a file below `rsh/explorer/site/web`, such as "worker".
    """
    vendor = EXPLORER / "site" / "vendor"
    parquet = vendor.joinpath("hyparquet.js").read_text(encoding="utf-8")
    scan = b64encode(vendor.joinpath("scan.wasm").read_bytes()).decode()
    return f'{parquet}\nconst COMPILED_SCAN = "{scan}";\n{bundle(f"site/web/{name}.js")}'


def _write_page(folder: Path) -> None:
    web = EXPLORER / "site" / "web"
    folder.joinpath("index.html").write_bytes(web.joinpath("index.html").read_bytes())
    license = EXPLORER.joinpath("site", "vendor", "LICENSE").read_bytes()
    folder.joinpath("hyparquet-license.txt").write_bytes(license)
    folder.joinpath("rsh.js").write_text(bundle("site/web/home.js"), encoding="utf-8")
    folder.joinpath("worker.js").write_text(bundle_worker("worker"), encoding="utf-8")
    styles = [stylesheet(f"{name}.css") for name in STYLES]
    styles.append(web.joinpath("site.css").read_text(encoding="utf-8"))
    folder.joinpath("rsh.css").write_text("\n".join(styles), encoding="utf-8")


def _write_tiles(gallery: Gallery, lists: CoarseLists | None, folder: Path) -> None:
    labels = np.where(gallery.labels == UNLABELED, len(gallery.classes), gallery.labels)
    labels = labels.astype("u1" if len(gallery.classes) < 256 else "<u2")
    order = lists.order if lists else np.lexsort(gallery.packed.T[::-1])
    places = np.empty(len(gallery), "<u4")
    places[order] = np.arange(len(gallery))
    columns = {name: _plain(gallery.table.array(name)) for name in gallery.table.columns}
    if lists:
        lists.write(gallery, labels, folder)
        by_hash = hash_order(gallery.table.array("id").to_pylist()).astype("<u4")
        _write_rows(len(gallery), lambda rows: places[rows], folder, "order")
        _write_rows(len(gallery), lambda rows: by_hash[rows], folder, "ids")
    else:
        places.tofile(folder / "order.bin")
        _write_all(gallery, labels, folder)
        pq.write_table(pa.table(columns), folder / "items.parquet", row_group_size=ROW_GROUP)
        columns = {}
    soft = lambda rows: np.rint(soft_bits(gallery.relaxed[rows]) * SOFT_SCALE).astype("i1")  # noqa: E731
    _write_rows(len(gallery), soft, folder, "soft")
    words = lambda rows: _words_and_thumbnails(gallery, columns, rows)  # noqa: E731
    _write_packs(order, words, folder, "tiles")
    if gallery.has_previews:
        previews = lambda rows: [gallery.preview(row) or b"" for row in rows]  # noqa: E731
        _write_packs(order, previews, folder, "previews")


def _write_all(gallery: Gallery, labels: NDArray[np.generic], folder: Path) -> None:
    """Write what the page has in memory of all tiles."""
    to_words(gallery.packed).tofile(folder / "codes.bin")
    labels.tofile(folder / "labels.bin")
    gallery.table.categories("split")[1].astype("u1").tofile(folder / "splits.bin")
    if gallery.planes is not None:
        planes = np.concatenate([gallery.planes.feature, gallery.planes.code])
        planes.astype("<f4").tofile(folder / "planes.bin")
    if gallery.positions is not None:
        gallery.positions.astype("<f4").tofile(folder / "positions.bin")
        if EARTH.exists():
            (folder / "earth.jpg").write_bytes(EARTH.read_bytes())


def _write_rows(
    count: int, values: Callable[[slice], NDArray[np.generic]], folder: Path, name: str
) -> None:
    """Write values of all tiles by row, SOFT_ROWS of them a file."""
    for number, start in enumerate(range(0, count, SOFT_ROWS)):
        values(slice(start, start + SOFT_ROWS)).tofile(folder / f"{name}-{number}.bin")


def _write_packs(
    order: NDArray[np.int64],
    contents: Callable[[list[int]], list[bytes]],
    folder: Path,
    name: str,
) -> None:
    """Write bytes of all tiles, some of them a file; missing ones in the last file are empty."""
    for number, first in enumerate(range(0, len(order), PACK)):
        every = contents(order[first : first + PACK].tolist())
        sizes = [len(content) for content in every] + [0] * (PACK - len(every))
        starts = np.cumsum([4 * (PACK + 1), *sizes]).astype("<u4")
        folder.joinpath(f"{name}-{number}.bin").write_bytes(starts.tobytes() + b"".join(every))


def _words_and_thumbnails(
    gallery: Gallery, columns: dict[str, pa.Array], rows: list[int]
) -> list[bytes]:
    """Return the words and the thumbnail of some tiles, the words with some columns."""
    known = gallery.table.take(rows, ["id", "longitude", "latitude"])
    table = pa.table({name: column.take(pa.array(rows)) for name, column in columns.items()})
    items = table.to_pylist() if columns else [None] * len(rows)
    every = []
    for row, item, (tile, *degrees) in zip(rows, items, known.itertuples(index=False), strict=True):
        place = [float(value) if isfinite(value) else None for value in degrees]
        more = [{name: _finite(value) for name, value in item.items()}] if item else []
        words = json.dumps([str(tile), *place, *more]).encode(errors="surrogatepass")
        every.append(np.uint16(len(words)).tobytes() + words + gallery.stored_thumbnail(row))
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


def check_site(folder: str | Path) -> int:
    """Check that a site is whole.

    Returns:
        How many files its manifest names.

    Raises:
        InputError: the folder is no site, has another format, or a file is missing, cut or altered.
    """
    folder = Path(folder)
    manifest = read_json(folder / MANIFEST, what="site")
    if manifest.get("format") != FORMAT:
        raise InputError(
            f"{folder / MANIFEST} has site format {manifest.get('format')}, this rsh writes "
            f"{FORMAT}: {recovery_hint('site')}"
        )
    again = recovery_hint("site")
    for name in (*PAGE, *manifest["files"]):
        file = folder / name
        if not file.is_file():
            raise InputError(f"{file} is missing: {again}")
        if name in manifest["files"] and file_record(file) != FileRecord(**manifest["files"][name]):
            raise InputError(f"{file} is cut or was altered: {again}")
    return len(manifest["files"])
