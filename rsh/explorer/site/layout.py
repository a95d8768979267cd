"""The files of a site, which the browser reads.

    index.html, start.js, rsh.js, worker.js, rsh.css
    site.json               what the gallery is; size and SHA-256 of each file below data/ but
                            numbered ones
    data/codes.bin          packed codes, each padded with zeros to whole words of four bytes
    data/labels.bin         label set of each tile, a place in the manifest's `label_sets`, uint8,
                            or uint16 from 256 of them on; their number means no label at all
    data/splits.bin         split of each tile, uint8, a place in the manifest's `splits`
    data/soft-N.bin         tanh of relaxed codes times SOFT_SCALE, int8, SOFT_ROWS tiles each
    data/other-N/           codes, labels, splits and soft bits of each gallery to compare with, in
                            the order of rows of the first
    data/items.parquet      id and other columns, in large groups of rows, to read whole columns
    data/planes.bin         x and y of each tile in the plane of features, then of codes, float32
    data/positions.bin      longitude and latitude of each tile in degrees, float32, NaN if unknown
    data/order.bin          place of each tile among the tiles in the order of their codes, uint32
    data/tiles-N.bin        PACK tiles in that order, so that results lie together: PACK + 1 starts
                            in this file, uint32, and for each tile the size of its words, uint32,
                            these words, JSON (id, longitude, latitude, footprint or null, all
                            columns or null, scene and date where tiles differ in them, else ""),
                            and its thumbnail, JPEG
    data/previews-N.bin     larger images in packs likewise, without words, if there are any
    data/composite-M-N.bin  thumbnails in packs likewise, without words, of each composite of bands
                            but the first, by its place in the manifest's `composites`
    data/explained.json     what is said of each bit and of the most confused classes
    data/near.bin           place of each tile among the tiles in an order in which near tiles on
                            Earth lie together, uint32, if the gallery has footprints
    data/footprints-N.bin   outlines of footprints in packs in that order: how many rings, how many
                            corners each has, uint32, and longitude and latitude of each, float32
    data/scenes.bin         overviews of scenes one after the other, WebP, if there are any
    data/groups.json        what is said of each group of tiles, its size and typical tiles, and
                            what is said of the most unusual tiles
    data/groups.bin         rows of the tiles of all groups, uint32, the largest group first, and
                            of each the most typical tile; no file if groups are not known
    data/typical-N.bin      packs of the most unusual tiles and of typical ones of each group, in
                            which those that are shown first lie together
    data/earth.jpg          the whole Earth in plate carree, if the gallery has places
    data/encoder.onnx       the network, if the page takes images: see `rsh.models.onnx_export`
    data/runtime.js         ONNX Runtime Web, which runs it
    data/runtime.bin        its WebAssembly, compressed by gzip
    data/...-checksums-N.json   size and SHA-256 of CHECKED numbered files, by their path

A large gallery (`rsh site --exact-up-to`) is in coarse lists. Instead of codes.bin, labels.bin,
splits.bin, order.bin, items.parquet and all files of spaces, maps and other galleries it has:

    data/centers.bin        codes of the centers of the lists, as in codes.bin
    data/lists.bin          place of the first tile of each list, the number of all tiles, and how
                            many tiles of each list are held out, uint32
    data/list-N.bin         the tiles of a list: their rows, uint32; codes; label sets; splits
    data/order-N.bin        place of each tile, uint32, SOFT_ROWS tiles each
    data/ids-N.bin          rows in the order of the hashes of their ids, uint32, SOFT_ROWS each
    data/tiles-N.bin        as above, in the order of the lists; the words have all columns

Numbers are little-endian. A tile has the same row in all files, that of the gallery.
"""

from dataclasses import dataclass
from typing import Any

from rsh.explorer.site.lists import ListsManifest
from rsh.io.files import FileRecord

FORMAT = 5
MANIFEST = "site.json"
PAGE = ("index.html", "start.js", "rsh.js", "worker.js", "rsh.css")
DATA = "data"
SOFT_ROWS = 16384  # tiles in a file of soft bits, of places or of ids
SOFT_SCALE = 127
ROW_GROUP = 2**20  # tiles in a group of rows of items.parquet
PACK = 256
CHECKED = 256
Columns = list[dict[str, Any]]


@dataclass(frozen=True)
class OtherGallery:
    """Another gallery of the same tiles, which results can be compared with.

    Attributes:
        name: of its folder.
        fingerprint: of its manifest.
        num_bits: code length, bits.
        splits: names that its `splits.bin` numbers.
        classes: their names, as folders are called.
        label_names: of all labels, those of classes if tiles have no several labels.
        label_sets: the number of a class, -1 for none, and those of labels; each once that a tile
            has.
        relevance: how to say that one tile is relevant to another, see `RelevanceWords`.
    """

    name: str
    fingerprint: str
    num_bits: int
    splits: list[str]
    classes: list[str]
    label_names: list[str]
    label_sets: list[tuple[int, list[int]]]
    relevance: dict[str, str]


@dataclass(frozen=True)
class SiteEncoder:
    """What the browser knows of the network before it loads it.

    Attributes:
        image_size: side of the images that it takes, pixels.
    """

    image_size: int


@dataclass(frozen=True)
class SiteManifest:
    """What the browser knows of the gallery before it reads any tile.

    Attributes:
        format: FORMAT.
        made_with: version of rsh.
        name: of the gallery.
        question: headline of the page.
        facts: what the gallery holds, in words: how many tiles, how many classes, and more.
        provenance: what identifies the gallery in an export.
        fingerprint: of the gallery's manifest.
        num_tiles: how many there are.
        num_bits: code length, bits.
        look_bits: how many of them are look bits.
        parts: name, number of bits and meaning of each part of a code.
        classes: their names, as folders are called.
        label_names: of all labels, those of classes if tiles have no several labels.
        label_sets: the number of a class, -1 for none, and those of labels; each once that a tile
            has.
        relevance: how to say that one tile is relevant to another, see `RelevanceWords`.
        composites: ways to show bands, see `Gallery.describe_composites`; none of images.
        splits: names that `splits.bin` numbers.
        first: row of the first query.
        has_images: whether any tile has an image.
        has_map: whether tiles have a longitude and a latitude.
        decimals: of degrees that are shown.
        scenes: west, south, east and north of each overview of a scene, degrees, and its bytes.
        reach: half the width and height of a footprint, degrees; empty without footprints.
        pack: PACK, tiles in a file of words and thumbnails.
        soft_rows: SOFT_ROWS, tiles in a file of soft bits, of places or of ids.
        soft_scale: SOFT_SCALE, what stands for 1 there.
        planes: heading, term and caption of each plane, by the name of its space.
        columns: what conditions can be on, as the filter shows it.
        ways: what dots can be colored by.
        others: galleries that results can be compared with.
        choices: name and words of each comparison, as its panel shows them.
        encoder: of visitors' images; None if the page takes none.
        lists: how a search in coarse lists is done; None if it compares all tiles.
        checked: CHECKED, numbered files in a file of checksums.
        files: size and checksum of each file but numbered ones, by its path below the manifest.
    """

    format: int
    made_with: str
    name: str
    question: str
    facts: list[str]
    provenance: dict[str, Any]
    fingerprint: str
    num_tiles: int
    num_bits: int
    look_bits: int
    parts: list[list[str | int]]
    classes: list[str]
    label_names: list[str]
    label_sets: list[tuple[int, list[int]]]
    relevance: dict[str, str]
    composites: list[dict[str, Any]]
    splits: list[str]
    first: int
    has_images: bool
    has_map: bool
    decimals: int
    scenes: list[list[float]]
    reach: list[float]
    pack: int
    soft_rows: int
    soft_scale: int
    planes: dict[str, list[str]]
    columns: Columns
    ways: list[tuple[str, str]]
    others: list[OtherGallery]
    choices: list[list[str]]
    encoder: SiteEncoder | None
    lists: ListsManifest | None
    checked: int
    files: dict[str, FileRecord]
