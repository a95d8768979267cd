"""Galleries of any size: tiles in clusters, with a hundred thumbnails for all.

python benchmarks/dashboard/gallery.py FOLDER TILES DIM PARTS      with any rsh that is imported
"""

import io
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from rsh.gallery.manifest import DataInfo, Manifest, ModelInfo
from rsh.gallery.segment import GalleryTiles
from rsh.gallery.writer import add_tiles, write_gallery, write_projection

CLASSES, BITS, THUMBS = 45, 32, 100
SEED = 0


def make_gallery(
    folder: Path, size: int, dim: int = 2, parts: int = 1, *, bits: int = BITS
) -> None:
    """Write a gallery of so many tiles into a folder.

    Args:
        folder: where.
        size: number of tiles.
        dim: numbers of a feature.
        parts: segments, as if the tiles had been added in so many steps.
        bits: code length.
    """
    draw = np.random.default_rng(SEED)
    label = draw.integers(CLASSES, size=size)
    middle = draw.uniform(-1, 1, (4, CLASSES))
    xy = (middle[:, label] + draw.normal(scale=0.08, size=(4, size))).T.astype(np.float32)
    centers = draw.integers(2, size=(CLASSES, bits), dtype=np.uint8)
    codes = centers[label] ^ (draw.random((size, bits)) < 0.08)
    images = [noise(number) for number in range(THUMBS)]
    items = pd.DataFrame({"id": [f"{row:07}.jpg" for row in range(size)]})
    items["class"] = np.array([f"class {number:02}" for number in range(CLASSES)])[label]
    items["split"] = np.where(draw.random(size) < 0.1, "query", "train")
    items["longitude"], items["latitude"] = xy[:, 2] * 150, xy[:, 3] * 65
    relaxed = (codes * 2.0 - 1).astype(np.float16)
    features = np.full((size, dim), dim**-0.5, np.float16)
    packed = np.packbits(codes, axis=1)
    manifest = Manifest("many", bits, ModelInfo(), DataInfo())
    for part in np.array_split(np.arange(size), parts):
        thumbnails = (images[row % THUMBS] for row in part.tolist())
        arrays = packed[part], relaxed[part], features[part]
        tiles = GalleryTiles(items.iloc[part], *arrays, thumbnails)
        first = part[0] == 0
        gallery = write_gallery(folder, manifest, tiles) if first else add_tiles(folder, tiles)
    # The gallery has shuffled its rows: each keeps the place of its id.
    order = gallery.items["id"].str[:7].astype(int).to_numpy()
    columns = ["feature_x", "feature_y", "code_x", "code_y"]
    write_projection(gallery, pd.DataFrame(xy[order], columns=columns))


def noise(seed: int) -> bytes:
    """Return a small JPEG that no other seed gives."""
    blocks = np.random.default_rng(seed).integers(255, size=(4, 4, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(blocks).resize((32, 32), Image.Resampling.NEAREST).save(stream, "JPEG")
    return stream.getvalue()


if __name__ == "__main__":
    make_gallery(Path(sys.argv[1]), *map(int, sys.argv[2:]))
