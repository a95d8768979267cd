"""Galleries of format 1, one segment without relaxed codes, brought to the format of today."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from rsh.codes import unpack
from rsh.errors import InputError
from rsh.files import check_object, read_json, sha256, way_back
from rsh.gallery import Gallery
from rsh.generations import write_gallery, write_projection
from rsh.heads import FORMAT, HEAD
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
    for name, digest in head["files"].items():
        file = folder / name
        if not file.is_file() or sha256(file) != digest:
            state = "was altered or cut short" if file.is_file() else "is missing"
            raise InputError(f"{file} {state}: {way_back('gallery')}")
    packed, offsets = np.load(folder / "codes.npy"), np.load(folder / "thumbs.npy")
    thumbs = (folder / "thumbs.bin").read_bytes()
    has_projection = (folder / PROJECTION).exists()
    projection = pd.read_parquet(folder / PROJECTION) if has_projection else None
    gallery = write_gallery(
        folder,
        info={name: head[name] for name in ("name", "model", "data")},
        num_bits=head["num_bits"],
        tiles=Tiles(
            items=pd.read_parquet(folder / "items.parquet"),
            packed=packed,
            relaxed=unpack(packed, head["num_bits"]).astype(np.float16),
            features=np.load(folder / "features.npy"),
            thumbs=(thumbs[start:stop] for start, stop in pairwise(offsets)),
        ),
    )
    if projection is not None:
        write_projection(gallery, projection)
    return Gallery.open(folder)
