"""Galleries of format 1, one segment without relaxed codes, brought to the format of today."""

from itertools import pairwise
from pathlib import Path

import numpy as np

from rsh.arrays import read_array
from rsh.codes import check_num_bits, unpack
from rsh.errors import InputError
from rsh.files import check_object, read_json, sha256, way_back
from rsh.gallery import Gallery
from rsh.generations import write_gallery, write_projection
from rsh.heads import FORMAT, HEAD
from rsh.items import read_items, read_table
from rsh.segments import Tiles

KINDS = {"name": str, "num_bits": int, "model": dict, "data": dict, "files": dict}
PROJECTION = "projection.parquet"


def migrate_gallery(folder: Path) -> Gallery:
    """Bring a gallery to the format of today, in one step; one that has it already stays as it is.

    Format 1 kept no relaxed codes: the codes themselves take their place.

    Raises:
        InputError: no gallery, an unknown format, or a file that is missing, cut or altered.
    """
    head = read_json(folder / HEAD, what="gallery")
    if head.get("format") == FORMAT:
        return Gallery.open(folder)
    if head.get("format") != 1:
        raise InputError(
            f"{folder} has gallery format {head.get('format')}, this rsh knows 1 and {FORMAT}: "
            "make it again with `rsh encode`"
        )
    check_object(head, KINDS, where=str(folder / HEAD), what="gallery")
    _check_files(folder, head["files"])
    try:
        tiles = _tiles(folder, check_num_bits(head["num_bits"]))
        has_projection = (folder / PROJECTION).exists()
        projection = read_table(folder / PROJECTION, len(tiles.items)) if has_projection else None
    except (InputError, OSError) as error:
        raise InputError(f"{folder} cannot be read ({error}): {way_back('gallery')}") from None
    gallery = write_gallery(
        folder,
        info={name: head[name] for name in ("name", "model", "data")},
        num_bits=head["num_bits"],
        tiles=tiles,
    )
    if projection is not None:
        write_projection(gallery, projection)
    return Gallery.open(folder)


def _check_files(folder: Path, digests: dict[str, str]) -> None:
    for name, digest in digests.items():
        file = folder / name
        if not file.is_file() or sha256(file) != digest:
            state = "was altered or cut short" if file.is_file() else "is missing"
            raise InputError(f"{file} {state}: {way_back('gallery')}")


def _tiles(folder: Path, num_bits: int) -> Tiles:
    packed = np.array(read_array(folder / "codes.npy", np.uint8))
    offsets = read_array(folder / "thumbs.npy", np.int64, ndim=1)
    thumbs = (folder / "thumbs.bin").read_bytes()
    return Tiles(
        items=read_items(folder / "items.parquet", len(packed)),
        packed=packed,
        relaxed=unpack(packed, num_bits).astype(np.float16),
        features=np.array(read_array(folder / "features.npy", np.float16)),
        thumbs=(thumbs[start:stop] for start, stop in pairwise(offsets)),
    )
