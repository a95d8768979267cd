"""What does a tile of 13 bands cost before a network sees it, next to one of 3?

    python -m benchmarks.training.bands             a minute
    python -m benchmarks.training.bands --table     prints Markdown

Tiles are GeoTIFFs of random values: 3 bands of 8 bits, which are read as an image, and 3 and 13
bands of reflectance. Each is read and resized, and its six augmented views are made, as for
cached features. The kinds take turns, so that what else the machine does falls on all; times are
medians of processor seconds. One JSON line in results/bands.jsonl.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
import torch

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import RESULTS_FOLDER, Row, append, measure_or_print
from benchmarks.search.processor import processor
from rsh.data.bands import ALL, BandOptions
from rsh.data.decoded import decode_row
from rsh.data.tiles import TileDataset
from rsh.io.provenance import environment
from rsh.models.augment import ViewSpec

RESULTS = RESULTS_FOLDER / "bands.jsonl"
TILES, SIDE, IMAGE_SIZE, VIEWS, TURNS, SEED = 64, 256, 128, 6, 9, 0
KINDS = {"image": (3, "uint8"), "3 bands": (3, "float32"), "13 bands": (13, "float32")}
ALLOWED = 13 / 3  # of the time of 3 bands


def main(given: argparse.Namespace) -> None:
    """Measure, and keep a row."""
    with tempfile.TemporaryDirectory() as folder:
        datasets = {name: make(Path(folder) / name, *kind) for name, kind in KINDS.items()}
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in KINDS}
        for _ in range(TURNS):
            for name, dataset in datasets.items():
                found[name].append(measure(dataset))
    row: Row = {"tiles": TILES, "side": SIDE, "image_size": IMAGE_SIZE, "views": VIEWS}
    for name, pairs in found.items():
        read, views = (statistics.median(part) for part in zip(*pairs, strict=True))
        row[name] = {"read_ms": round(read, 2), "views_ms": round(views, 2)}
    both = {name: sum(row[name].values()) for name in KINDS}
    row["ratio"] = round(both["13 bands"] / both["3 bands"], 2)
    row["missed"] = ["ratio"] * (row["ratio"] > ALLOWED)
    row |= {"seed": SEED, "processor": processor(), "cores": os.cpu_count()}
    print(row)
    append(given.results, row | {"environment": environment()})


def make(folder: Path, count: int, kind: str) -> TileDataset:
    """Write tiles, and open them as a network sees them."""
    folder.mkdir()
    generator = np.random.default_rng(SEED)
    names = ("red", "green", "blue") if count == 3 else tuple(f"B{n:02}" for n in range(1, 14))
    profile = {"driver": "GTiff", "count": count, "dtype": kind, "width": SIDE, "height": SIDE}
    for number in range(TILES):
        values = generator.random((count, SIDE, SIDE)) * (255 if kind == "uint8" else 1)
        with rasterio.open(folder / f"{number:03}.tif", "w", **profile) as tile:
            tile.write(values.astype(kind))
            tile.descriptions = names
    bands = BandOptions((ALL,)) if kind == "float32" else BandOptions()
    return TileDataset.open(folder, bands=bands)


def measure(dataset: TileDataset) -> tuple[float, float]:
    """Return the milliseconds of processor time that a tile takes to be read, and to be varied."""
    start = time.process_time()
    tiles = np.stack([decode_row(dataset, IMAGE_SIZE, row) for row in range(TILES)])
    middle = time.process_time()
    spec = ViewSpec(IMAGE_SIZE, VIEWS, "medium", units=dataset.bands.units)
    for row in range(TILES):
        spec.of(torch.from_numpy(tiles[row, None]), first=row)
    end = time.process_time()
    return 1000 * (middle - start) / TILES, 1000 * (end - middle) / TILES


def tables(rows: list[Row]) -> str:
    """Return the newest row as a table."""
    row = rows[-1]
    lines = [
        [
            name,
            f"{row[name]['read_ms']:.1f} ms",
            f"{row[name]['views_ms']:.1f} ms",
            f"{sum(row[name].values()) / sum(row['3 bands'].values()):.2f}",
        ]
        for name in KINDS
    ]
    what = f"a tile of {row['side']} pixels, as"
    views = f"{row['views']} views of {row['image_size']} pixels"
    return markdown([what, "read and resized", views, "of the time of 3 bands"], lines)


if __name__ == "__main__":
    measure_or_print(
        argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]),
        RESULTS,
        measure=main,
        tables=tables,
    )
