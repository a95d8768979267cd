"""What fuzzing begins with: small valid files of every kind, made in place."""

import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from rsh.gallery.groups import find_groups
from rsh.gallery.manifest import DataInfo, Manifest, ModelInfo
from rsh.gallery.segment import GalleryTiles
from rsh.gallery.writer import write_gallery, write_groups, write_projection

SIDE, TILES, BITS = 16, 6, 16
MODES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    *(("JPEG", mode, {}) for mode in ("RGB", "L", "CMYK")),
    ("JPEG", "RGB", {"progressive": True}),
    *(("PNG", mode, {}) for mode in ("RGB", "RGBA", "LA", "P", "1", "I;16")),
    ("PNG", "P", {"transparency": 3}),
    *(("TIFF", mode, {}) for mode in ("RGB", "F", "I;16", "CMYK")),
    *(("TIFF", "RGB", {"compression": how}) for how in ("tiff_lzw", "tiff_deflate", "jpeg")),
    *(("WEBP", "RGBA", {"lossless": lossless}) for lossless in (True, False)),
    *(("GIF", "P", {}), ("BMP", "RGB", {}), ("BMP", "P", {}), ("PPM", "RGB", {})),
)
Files = dict[str, bytes]


def noise(side: int = SIDE, seed: int = 0) -> NDArray[np.uint8]:
    """Draw pixels, (side, side, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def saved(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    """Return an image of noise as a file."""
    image = Image.fromarray(noise())
    if mode == "I;16":
        image = Image.fromarray(noise()[..., 0].astype(np.uint16) * 200)
    elif mode != "RGB":
        image = image.convert(mode)
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def images() -> list[bytes]:
    """Return an image of each kind, and one with several frames."""
    stream = io.BytesIO()
    frames = [Image.fromarray(noise(seed=seed)).convert("P") for seed in range(3)]
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    return [saved(kind, mode, **options) for kind, mode, options in MODES] + [stream.getvalue()]


def tile_files() -> Files:
    """Return what a small data set holds."""
    files = {f"{name}/{n}.png": saved("PNG") for name in ("coast", "forest") for n in range(2)}
    return files | {"items.csv": items_csv(list(files))}


def items_csv(ids: list[str]) -> bytes:
    """Return a table with every column that rsh knows, and some that it does not."""
    return items(ids).drop(columns=["class", "split"]).to_csv(index=False).encode()


def items(ids: list[str], key: str = "path") -> pd.DataFrame:
    """Return the table of a gallery or a data set."""
    count = len(ids)
    ring = "POLYGON ((1 2, 3 2, 3 4, 1 2))"
    return pd.DataFrame(
        {
            key: ids,
            "class": [tile.split("/")[0] for tile in ids],
            "split": (["train", "val", "query"] * count)[:count],
            "longitude": np.linspace(-170, 170, count),
            "latitude": np.linspace(-80, 80, count),
            "block": [f"b{n // 2}" for n in range(count)],
            "footprint": [ring] * count,
            "date": ["2021-05-03"] * count,
            "cloud": np.arange(count) * 1.5,
        }
    )


def zips() -> list[bytes]:
    """Return the data set as zips, plain, packed, and below another folder."""
    found = []
    for method, wrap in ((0, ""), (8, ""), (8, "data/")):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            for name, content in tile_files().items():
                archive.writestr(wrap + name, content)
        found.append(stream.getvalue())
    return found


def tars() -> list[bytes]:
    """Return shards of each format of tar, with classes, words and a long name."""
    found = []
    told = json.dumps({"class": "sea", "longitude": 1.5, "latitude": 2, "cloud": 3}).encode()
    files = {"1.png": saved("PNG"), "1.json": told, "a/2.jpg": saved("JPEG"), "a/2.cls": b"ice"}
    files |= {"a/" * 60 + "long.png": saved("PNG"), "a/" * 60 + "long.json": told}
    for kind in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=kind) as tar:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        found.append(stream.getvalue())
    return found


def rasters(folder: Path) -> list[bytes]:
    """Return scenes: plain, packed, in blocks, of 16 bits, of floats, and a virtual one."""
    import rasterio
    from rasterio.transform import from_origin

    found = []
    kinds: list[tuple[str, dict[str, Any]]] = [
        *(("uint8", {}), ("uint8", {"compress": "deflate"}), ("uint16", {"compress": "lzw"})),
        ("float32", {"tiled": True, "blockxsize": 32, "blockysize": 32, "nodata": 0}),
    ]
    for number, (dtype, options) in enumerate(kinds):
        file = folder / f"{number}.tif"
        profile = {"driver": "GTiff", "count": 3, "width": 64, "height": 64, "dtype": dtype}
        profile |= {"crs": "EPSG:32633", "transform": from_origin(5e5, 5e6, 10, 10)}
        with rasterio.open(file, "w", **profile | options) as raster:
            raster.write(noise(64).transpose(2, 0, 1).astype(dtype))
        found.append(file.read_bytes())
    return found


def gallery(folder: Path) -> Path:
    """Write a gallery of six tiles with a projection and groups."""
    draw = np.random.default_rng(0)
    relaxed = draw.normal(size=(TILES, BITS)).astype(np.float16)
    features = draw.normal(size=(TILES, 8))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    tiles = GalleryTiles(
        items([f"{name}/{n}.png" for name in ("coast", "forest") for n in range(3)], "id"),
        np.packbits(relaxed >= 0, axis=1),
        relaxed,
        features.astype(np.float16),
        [saved("JPEG")] * TILES,
    )
    written = write_gallery(folder, Manifest("tiny", BITS, ModelInfo(), DataInfo()), tiles)
    names = ["feature_x", "feature_y", "code_x", "code_y"]
    write_projection(written, pd.DataFrame(draw.normal(size=(TILES, 4)), columns=names))
    write_groups(written, find_groups(written))
    return folder
