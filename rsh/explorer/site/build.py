"""Writes the site of a gallery: a folder of static files that any web host can serve."""

import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rsh.analysis.bits import profile_bit
from rsh.analysis.class_margins import boundary_tiles
from rsh.codes.asymmetric import soft_bits
from rsh.data.sample import EARTH
from rsh.errors import InputError
from rsh.explorer.bundle import EXPLORER, bundle, stylesheet
from rsh.explorer.panels.codes import code_parts_in_words
from rsh.explorer.panels.coloring import list_ways
from rsh.explorer.panels.compare import list_sides
from rsh.explorer.panels.explain import (
    NO_PAIRS,
    SHOWN,
    bit_in_words,
    boundary_in_words,
    confused_pairs,
    name_bits,
    pair_in_words,
)
from rsh.explorer.panels.filter import list_columns
from rsh.explorer.panels.header import list_facts, make_headline
from rsh.explorer.panels.scatter import list_spaces
from rsh.explorer.server.registry import Registry
from rsh.explorer.site.groups import write_groups
from rsh.explorer.site.layout import (
    FORMAT,
    MANIFEST,
    PACK,
    ROW_GROUP,
    SOFT_ROWS,
    SOFT_SCALE,
    OtherGallery,
    SiteManifest,
)
from rsh.explorer.state import ExplorerState
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
PAGE = ("index.html", "start.js", "rsh.js", "worker.js", "rsh.css")


def build_site(
    gallery: Gallery, output: str | Path, *, compare: Sequence[Gallery] = ()
) -> SiteManifest:
    """Write the site of a gallery.

    Args:
        gallery: an opened gallery.
        output: folder of the site; an existing one is replaced as a whole.
        compare: other galleries of the same tiles, which results can be compared with.

    Returns:
        The manifest of the site.

    Raises:
        InputError: the folder holds something else than a site, or cannot be written; another
            gallery holds other tiles, or has the name of one of the others.
    """
    output = Path(output)
    Registry([each.folder for each in (gallery, *compare)])  # refuses equal names
    rows = [_rows_of_same_tiles(gallery, other) for other in compare]
    if output.exists() and not (output / MANIFEST).is_file() and any(output.iterdir()):
        raise InputError(
            "this folder holds other files, which a site would replace: choose another one",
            parameter="output",
            value=output,
        )
    with atomic_directory(output) as folder:
        _write_page(folder)
        (folder / DATA).mkdir()
        _write_tiles(gallery, folder / DATA)
        write_json(folder / DATA / "explained.json", explain_gallery(gallery))
        shown = np.array(write_groups(gallery, folder / DATA), np.int64)
        thumbnails = lambda rows: _words_and_thumbnails(gallery, rows)  # noqa: E731
        _write_packs(shown, thumbnails, folder / DATA, "typical")
        for number, (other, order) in enumerate(zip(compare, rows, strict=True)):
            place = folder / DATA / f"other-{number}"
            place.mkdir()
            _write_codes(other, order, place)
        records = {
            file.relative_to(folder).as_posix(): file_record(file)
            for file in sorted((folder / DATA).rglob("*.*"))
        }
        manifest = describe_site(gallery, records, compare)
        write_json(folder / MANIFEST, asdict(manifest))
    return manifest


def describe_site(
    gallery: Gallery, files: dict[str, FileRecord], compare: Sequence[Gallery] = ()
) -> SiteManifest:
    """Return the manifest of the site of a gallery, and of those that it is compared with."""
    state, spaces = ExplorerState(gallery), list_spaces(gallery)
    names, _ = gallery.table.categories("split")
    others = [
        OtherGallery(
            name=other.folder.resolve().name,
            fingerprint=other.manifest.sha256,
            num_bits=other.num_bits,
            classes=list(other.classes),
            splits=list(other.table.categories("split")[0]),
        )
        for other in compare
    ]
    sides = list_sides([other.name for other in others])
    return SiteManifest(
        format=FORMAT,
        made_with=version("rsh"),
        name=gallery.name,
        question=make_headline(gallery),
        facts=list_facts(gallery),
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
        pack=PACK,
        soft_rows=SOFT_ROWS,
        soft_scale=SOFT_SCALE,
        planes={space: words for space, *words in spaces},
        columns=list_columns(state),
        ways=list_ways(gallery) if spaces else [],
        others=others,
        choices=[[key, side.words] for key, side in sides.items() if side.by == "bits"],
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


def explain_gallery(gallery: Gallery) -> dict[str, Any]:
    """Return what is said of each bit and of the most confused classes, with rows of tiles."""
    profiles = [profile_bit(gallery, bit) for bit in range(gallery.num_bits)]
    pairs = confused_pairs(gallery)
    borders = [boundary_tiles(gallery, pair.one, pair.other, count=SHOWN) for pair in pairs]
    return {
        "names": name_bits(gallery),
        "bits": [bit_in_words(gallery, found) for found in profiles],
        "pairs": [pair_in_words(pair) for pair in pairs],
        "borders": [boundary_in_words(gallery, found) for found in borders],
        "no_pairs": NO_PAIRS,
    }


def _rows_of_same_tiles(gallery: Gallery, other: Gallery) -> NDArray[np.int64]:
    """Return the row in another gallery of each tile.

    Raises:
        InputError: one of the two holds a tile that the other does not.
    """
    here, there = gallery.ids.shared(other.ids)
    for one, rows, lacking in ((gallery, here, other), (other, there, gallery)):
        if len(rows) < len(one):
            tile = one.ids[int(np.setdiff1d(np.arange(len(one)), rows)[0])]
            same = "a site compares galleries of the same tiles: encode them with both runs"
            hint = same if len(rows) else "they share none"
            raise InputError(f"{tile} is no tile of {lacking.folder}: {hint}")
    return there[np.argsort(here)]


def _write_page(folder: Path) -> None:
    web = EXPLORER / "site" / "web"
    for name in ("index.html", "start.js"):
        folder.joinpath(name).write_bytes(web.joinpath(name).read_bytes())
    license = EXPLORER.joinpath("site", "vendor", "LICENSE").read_bytes()
    folder.joinpath("hyparquet-license.txt").write_bytes(license)
    folder.joinpath("rsh.js").write_text(bundle("site/web/home.js"), encoding="utf-8")
    folder.joinpath("worker.js").write_text(bundle_worker("worker"), encoding="utf-8")
    styles = [stylesheet(f"{name}.css") for name in STYLES]
    styles.append(web.joinpath("site.css").read_text(encoding="utf-8"))
    folder.joinpath("rsh.css").write_text("\n".join(styles), encoding="utf-8")


def _write_codes(gallery: Gallery, rows: NDArray[np.int64], folder: Path) -> None:
    """Write what a search needs of these rows."""
    packed = gallery.packed[rows]
    padding = -packed.shape[1] % 4
    np.pad(packed, ((0, 0), (0, padding))).tofile(folder / "codes.bin")
    labels = np.where(gallery.labels == UNLABELED, len(gallery.classes), gallery.labels)[rows]
    few = len(gallery.classes) < 256
    labels.astype("u1" if few else "<u2").tofile(folder / "labels.bin")
    gallery.table.categories("split")[1][rows].astype("u1").tofile(folder / "splits.bin")
    for number, start in enumerate(range(0, len(rows), SOFT_ROWS)):
        soft = soft_bits(gallery.relaxed[rows[start : start + SOFT_ROWS]])
        np.rint(soft * SOFT_SCALE).astype("i1").tofile(folder / f"soft-{number}.bin")


def _write_tiles(gallery: Gallery, folder: Path) -> None:
    packed, count = gallery.packed, len(gallery)
    _write_codes(gallery, np.arange(count), folder)
    if gallery.planes is not None:
        planes = np.concatenate([gallery.planes.feature, gallery.planes.code])
        planes.astype("<f4").tofile(folder / "planes.bin")
    if gallery.positions is not None:
        gallery.positions.astype("<f4").tofile(folder / "positions.bin")
        if EARTH.exists():
            (folder / "earth.jpg").write_bytes(EARTH.read_bytes())
    order = np.lexsort(packed.T[::-1])
    places = np.empty(count, "<u4")
    places[order] = np.arange(count)
    places.tofile(folder / "order.bin")
    _write_packs(order, lambda rows: _words_and_thumbnails(gallery, rows), folder, "tiles")
    if gallery.has_previews:
        previews = lambda rows: [gallery.preview(row) or b"" for row in rows]  # noqa: E731
        _write_packs(order, previews, folder, "previews")
    columns = {name: _plain(gallery.table.array(name)) for name in gallery.table.columns}
    pq.write_table(pa.table(columns), folder / "items.parquet", row_group_size=ROW_GROUP)


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


def _words_and_thumbnails(gallery: Gallery, rows: list[int]) -> list[bytes]:
    """Return the words and the thumbnail of some tiles."""
    known = gallery.table.take(rows, ["id", "longitude", "latitude"])
    every = []
    for row, (tile, *degrees) in zip(rows, known.itertuples(index=False), strict=True):
        place = [float(value) if isfinite(value) else None for value in degrees]
        words = json.dumps([str(tile), *place]).encode(errors="surrogatepass")
        every.append(np.uint16(len(words)).tobytes() + words + gallery.stored_thumbnail(row))
    return every


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
