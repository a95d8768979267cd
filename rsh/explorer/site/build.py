"""Writes the site of a gallery: a folder of static files that any web host can serve."""

import json
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
from rsh.data.sample import EARTH
from rsh.errors import InputError
from rsh.explorer.bundle import EXPLORER, bundle, stylesheet
from rsh.explorer.panels.codes import code_parts_in_words
from rsh.explorer.panels.coloring import list_ways
from rsh.explorer.panels.filter import list_columns
from rsh.explorer.panels.header import list_facts, make_headline
from rsh.explorer.panels.scatter import list_spaces
from rsh.explorer.site.encoder import read_encoder
from rsh.explorer.site.layout import (
    FORMAT,
    MANIFEST,
    PACK,
    ROW_GROUP,
    SOFT_ROWS,
    SOFT_SCALE,
    SiteEncoder,
    SiteManifest,
)
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
ENCODER = f"{DATA}/encoder.onnx"
PAGE = ("index.html", "rsh.js", "worker.js", "rsh.css")


def build_site(
    gallery: Gallery,
    output: str | Path,
    *,
    own_images: bool = False,
    run: Path | None = None,
    runtime: Path | None = None,
) -> SiteManifest:
    """Write the site of a gallery.

    Args:
        gallery: an opened gallery.
        output: folder of the site; an existing one is replaced as a whole.
        own_images: whether visitors can search with their own images: see `encoder`.
        run: run folder of the gallery's network, if it has moved.
        runtime: where ONNX Runtime Web is, see `read_runtime`.

    Returns:
        The manifest of the site.

    Raises:
        InputError: the folder holds something else than a site, or cannot be written, or what
            own images need is not there.
    """
    output = Path(output)
    if output.exists() and not (output / MANIFEST).is_file() and any(output.iterdir()):
        raise InputError(
            "this folder holds other files, which a site would replace: choose another one",
            parameter="output",
            value=output,
        )
    encoder = read_encoder(gallery, run=run, runtime=runtime) if own_images else {}
    with atomic_directory(output) as folder:
        _write_page(folder)
        (folder / DATA).mkdir()
        for name, content in encoder.items():
            folder.joinpath(DATA, name).write_bytes(content)
        if encoder:
            folder.joinpath("onnxruntime-license.txt").write_bytes(_license("onnxruntime-LICENSE"))
        _write_tiles(gallery, folder / DATA)
        records = {
            file.relative_to(folder).as_posix(): file_record(file)
            for file in sorted((folder / DATA).iterdir())
        }
        manifest = describe_site(gallery, records)
        write_json(folder / MANIFEST, asdict(manifest))
    return manifest


def describe_site(gallery: Gallery, files: dict[str, FileRecord]) -> SiteManifest:
    """Return the manifest of the site of a gallery."""
    state, spaces = ExplorerState(gallery), list_spaces(gallery)
    names, _ = gallery.table.categories("split")
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
        planes={space: words for space, *words in spaces},
        columns=[column for column in list_columns(state) if column["name"] != OVERLAPS],
        ways=list_ways(gallery) if spaces else [],
        encoder=SiteEncoder(gallery.manifest.model.image_size) if ENCODER in files else None,
        files=files,
    )


def _write_page(folder: Path) -> None:
    web = EXPLORER / "site" / "web"
    folder.joinpath("index.html").write_bytes(web.joinpath("index.html").read_bytes())
    folder.joinpath("hyparquet-license.txt").write_bytes(_license("LICENSE"))
    folder.joinpath("rsh.js").write_text(bundle("site/web/home.js"), encoding="utf-8")
    parquet = EXPLORER.joinpath("site", "vendor", "hyparquet.js").read_text(encoding="utf-8")
    worker = f"{parquet}\n{bundle('site/web/worker.js')}"
    folder.joinpath("worker.js").write_text(worker, encoding="utf-8")
    styles = [stylesheet(f"{name}.css") for name in STYLES]
    styles.append(web.joinpath("site.css").read_text(encoding="utf-8"))
    folder.joinpath("rsh.css").write_text("\n".join(styles), encoding="utf-8")


def _license(name: str) -> bytes:
    return EXPLORER.joinpath("site", "vendor", name).read_bytes()


def _write_tiles(gallery: Gallery, folder: Path) -> None:
    packed, count = gallery.packed, len(gallery)
    padding = -packed.shape[1] % 4
    np.pad(packed, ((0, 0), (0, padding))).tofile(folder / "codes.bin")
    labels = np.where(gallery.labels == UNLABELED, len(gallery.classes), gallery.labels)
    few = len(gallery.classes) < 256
    labels.astype("u1" if few else "<u2").tofile(folder / "labels.bin")
    gallery.table.categories("split")[1].astype("u1").tofile(folder / "splits.bin")
    for number, start in enumerate(range(0, count, SOFT_ROWS)):
        soft = soft_bits(gallery.relaxed[start : start + SOFT_ROWS])
        np.rint(soft * SOFT_SCALE).astype("i1").tofile(folder / f"soft-{number}.bin")
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
