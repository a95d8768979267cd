"""Writes the site of a gallery: a folder of static files that any web host can serve."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from rsh.analysis.bits import profile_bit
from rsh.analysis.class_margins import boundary_tiles
from rsh.config import EXACT_UP_TO, check_number
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
from rsh.explorer.site.checksums import write_checksums
from rsh.explorer.site.encoder import read_encoder
from rsh.explorer.site.groups import write_groups
from rsh.explorer.site.layout import (
    CHECKED,
    DATA,
    FORMAT,
    MANIFEST,
    PACK,
    PAGE,
    SOFT_ROWS,
    SOFT_SCALE,
    OtherGallery,
    SiteEncoder,
    SiteManifest,
)
from rsh.explorer.site.lists import CoarseLists
from rsh.explorer.site.tiles import (
    number_labels,
    write_codes,
    write_soft_bits,
    write_tiles,
    write_typical,
)
from rsh.explorer.state import ExplorerState
from rsh.gallery.footprints import open_footprints
from rsh.gallery.gallery import Gallery
from rsh.io.files import FileRecord, atomic_directory, write_json
from rsh.text import plural

STYLES = (
    *("page", "desk", "dock", "scatter", "strips", "compare"),
    *("explain", "export", "labels", "tray", "upload", "viewer"),
)
LICENSES = {"LICENSE": "hyparquet-license.txt", "onnxruntime-LICENSE": "onnxruntime-license.txt"}
NO_JEKYLL = ".nojekyll"
ENCODER = f"{DATA}/encoder.onnx"
MOST_TILES = 2**32  # rows are numbers of 32 bits


def build_site(
    gallery: Gallery,
    output: str | Path,
    *,
    compare: Sequence[Gallery] = (),
    own_images: bool = False,
    run: Path | None = None,
    runtime: Path | None = None,
    exact_up_to: int = EXACT_UP_TO,
    progress: bool = True,
) -> SiteManifest:
    """Write the site of a gallery.

    Args:
        gallery: an opened gallery.
        output: folder of the site; an existing one is replaced as a whole.
        compare: other galleries of the same tiles, which results can be compared with.
        own_images: whether visitors can search with their own images: see `encoder`.
        run: run folder of the gallery's network, if it has moved.
        runtime: where ONNX Runtime Web is, see `read_runtime`.
        exact_up_to: tiles up to which the page compares a query with all of them, and above which
            it reads and searches the nearest coarse lists.
        progress: show bars.

    Returns:
        The manifest of the site.

    Raises:
        InputError: the folder holds something else than a site, or cannot be written; another
            gallery holds other tiles, has the name of one of the others, or is given for a site in
            coarse lists; or what own images need is not there.
    """
    output = Path(output)
    check_number("exact_up_to", exact_up_to, 0, MOST_TILES)
    in_lists = len(gallery) > exact_up_to
    if in_lists and compare:
        raise InputError(
            f"a site of more than {plural(exact_up_to, 'tile')} searches a part of them, and "
            "compares no galleries: leave this out, or choose a larger --exact-up-to",
            parameter="compare",
            value=compare[0].folder,
        )
    Registry([each.folder for each in (gallery, *compare)])  # refuses equal names
    rows = [_rows_of_same_tiles(gallery, other) for other in compare]
    _check_replaceable(output)
    encoder = read_encoder(gallery, run=run, runtime=runtime) if own_images else {}
    with gallery.in_composite(0), atomic_directory(output) as folder:
        _write_page(folder)
        (folder / DATA).mkdir()
        for name, content in encoder.items():
            folder.joinpath(DATA, name).write_bytes(content)
        if encoder:
            _write_license("onnxruntime-LICENSE", folder)
        lists = CoarseLists.of_gallery(gallery) if in_lists else None
        write_tiles(gallery, lists, folder / DATA, progress=progress)
        write_json(folder / DATA / "explained.json", explain_gallery(gallery, progress=progress))
        if not lists:
            write_typical(gallery, write_groups(gallery, folder / DATA), folder / DATA)
        for number, (other, order) in enumerate(zip(compare, rows, strict=True)):
            place = folder / DATA / f"other-{number}"
            place.mkdir()
            write_codes(other, order, place)
            write_soft_bits(other, order, place)
        manifest = describe_site(gallery, lists, compare, write_checksums(folder))
        write_json(folder / MANIFEST, asdict(manifest))
        folder.joinpath(NO_JEKYLL).touch()  # GitHub Pages then serves all files as they are
    return manifest


def _check_replaceable(output: Path) -> None:
    """Refuse a place that holds anything but a site, since it is replaced as a whole.

    Raises:
        InputError: it does.
    """
    if output.exists() and not output.is_dir():
        raise InputError("this is a file: choose a folder", parameter="output", value=output)
    if output.resolve() == Path.cwd():
        raise InputError(
            "you are in this folder, which is replaced as a whole: run this from outside",
            parameter="output",
            value=output,
        )
    held = {file.name for file in output.iterdir()} if output.is_dir() else set()
    if not held:
        return
    if others := sorted(held - {MANIFEST, DATA, NO_JEKYLL, *PAGE, *LICENSES.values()}):
        known = f"it holds {others[0]}, which is no part of a site"
    elif MANIFEST not in held:
        known = f"it holds no {MANIFEST}, so it may be no site"
    else:
        return
    raise InputError(
        f"{known} and would be lost: choose another folder, or empty this one",
        parameter="output",
        value=output,
    )


def describe_site(
    gallery: Gallery,
    lists: CoarseLists | None,
    compare: Sequence[Gallery],
    files: dict[str, FileRecord],
) -> SiteManifest:
    """Return the manifest of the site of a gallery, and of those that it is compared with."""
    state = ExplorerState(gallery)
    searched = lists.describe(gallery) if lists else None
    spaces = [] if lists else list_spaces(gallery)
    scenes = [] if lists else gallery.backgrounds
    footprints = open_footprints(gallery)
    has_outlines = footprints.are_known and not lists
    names, _ = gallery.table.categories("split")
    others = [
        OtherGallery(
            name=other.folder.resolve().name,
            fingerprint=other.manifest.sha256,
            num_bits=other.num_bits,
            splits=list(other.table.categories("split")[0]),
            **_describe_labels(other),
        )
        for other in compare
    ]
    sides = list_sides([other.name for other in others])
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
        splits=list(names),
        **_describe_labels(gallery),
        composites=gallery.describe_composites(),
        first=int(state.query.row or 0),
        has_images=gallery.has_images,
        has_map=gallery.has_map,
        decimals=footprints.decimals,
        scenes=[[*scene.bounds, len(scene.image)] for scene in scenes],
        reach=list(footprints.reach) if has_outlines else [],
        pack=PACK,
        soft_rows=SOFT_ROWS,
        soft_scale=SOFT_SCALE,
        planes={space: words for space, *words in spaces},
        columns=[] if lists else list_columns(state),
        ways=list_ways(gallery) if spaces else [],
        others=others,
        choices=[[key, side.words] for key, side in sides.items() if side.by == "bits"],
        encoder=SiteEncoder(gallery.manifest.model.image_size) if ENCODER in files else None,
        lists=searched,
        checked=CHECKED,
        files=files,
    )


def _describe_labels(gallery: Gallery) -> dict[str, Any]:
    """Return what the manifest says of the labels of a gallery."""
    return {
        "classes": list(gallery.classes),
        "label_names": list(gallery.label_names),
        "label_sets": number_labels(gallery).sets,
        "relevance": gallery.relevance._asdict(),
    }


def bundle_worker(name: str) -> str:
    """Return a module of the site with all it imports, the reader of Parquet and the compiled scan.

    Args:
        name: a file below `rsh/explorer/site/web`, such as "worker".
    """
    vendor = EXPLORER / "site" / "vendor"
    parquet = vendor.joinpath("hyparquet.js").read_text(encoding="utf-8")
    scan = b64encode(vendor.joinpath("scan.wasm").read_bytes()).decode()
    return f'{parquet}\nconst COMPILED_SCAN = "{scan}";\n{bundle(f"site/web/{name}.js")}'


def explain_gallery(gallery: Gallery, *, progress: bool = False) -> dict[str, Any]:
    """Return what is said of each bit and of the most confused classes, with rows of tiles."""
    bits = tqdm(range(gallery.num_bits), unit="bit", desc="bits", disable=not progress)
    profiles = [profile_bit(gallery, bit) for bit in bits]
    pairs = [] if gallery.has_several else confused_pairs(gallery)
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
    _write_license("LICENSE", folder)
    folder.joinpath("rsh.js").write_text(bundle("site/web/home.js"), encoding="utf-8")
    folder.joinpath("worker.js").write_text(bundle_worker("worker"), encoding="utf-8")
    styles = [stylesheet(f"{name}.css") for name in STYLES]
    styles.append(web.joinpath("site.css").read_text(encoding="utf-8"))
    folder.joinpath("rsh.css").write_text("\n".join(styles), encoding="utf-8")


def _write_license(name: str, folder: Path) -> None:
    content = EXPLORER.joinpath("site", "vendor", name).read_bytes()
    folder.joinpath(LICENSES[name]).write_bytes(content)
