"""How long do conditions on places, footprints for a map, and exports take?

    python -m benchmarks.search.maps --size 1000000       one row: minutes

Tiles lie at random all over the Earth, with square footprints of 0.05 degrees. A polygon of 300
corners and a box, which both hold about a fifth of them, take turns. Footprints are asked for in a
view of 2 x 1 degrees, and for 100 rows. One JSON line a row in results/maps.jsonl.
"""

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.common.rows import RESULTS_FOLDER, Row, append
from benchmarks.search.processor import processor
from rsh.codes.binary import pack
from rsh.gallery.export import export_tiles
from rsh.gallery.filters import Filter
from rsh.gallery.footprints import Footprints
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import DataInfo, Manifest, ModelInfo
from rsh.gallery.segment import GalleryTiles
from rsh.gallery.writer import write_gallery
from rsh.io.provenance import environment

RESULTS = RESULTS_FOLDER / "maps.jsonl"
SIDE, CORNERS, BITS, SEED = 0.05, 300, 16, 0


def main(size: int, rounds: int, results: Path) -> None:
    """Measure one size."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        gallery = made_gallery(folder / "gallery", size)
        ways = {
            "polygon": Filter.read([f"polygon={star()}"]),
            "box": Filter.read(["bbox=-70,-35,70,35"]),
        }
        turns: dict[str, list[float]] = {name: [] for name in ways}
        held = {}
        for _ in range(rounds):
            for way, filter in ways.items():
                turns[way].append(timed(lambda filter=filter: filter.mask(gallery.items)))  # type: ignore[misc]
                held[way] = round(float(filter.mask(gallery.items).mean()), 3)
        row: Row = {"size": size, "corners": CORNERS, "share_held": held}
        row |= {f"{way}_ms": round(1e3 * statistics.median(each), 1) for way, each in turns.items()}
        row["times_box"] = round(row["polygon_ms"] / row["box_ms"], 1)
        overlaps = Filter.read([f"overlaps={star()}"])
        row["overlaps_s"] = round(timed(lambda: overlaps.mask(gallery.items)), 2)
        footprints = Footprints(gallery)
        view = (10.0, 45.0, 12.0, 46.0)
        row["first_view_ms"] = round(1e3 * timed(lambda: footprints.in_view(view)), 1)
        row["view_ms"] = round(1e3 * statistics.median(
            [timed(lambda: footprints.in_view(view)) for _ in range(rounds)]), 1)  # fmt: skip
        row["rows_ms"] = round(1e3 * statistics.median(
            [timed(lambda: footprints.of_rows(range(100))) for _ in range(rounds)]), 1)  # fmt: skip
        for suffix in ("gpkg", "parquet", "geojson"):
            file = folder / f"x.{suffix}"
            row[f"{suffix}_s"] = round(timed(lambda file=file: export_tiles(gallery, file)), 1)  # type: ignore[misc]
            row[f"{suffix}_mb"] = round(file.stat().st_size / 1e6)
        most = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        row |= {"most_memory_mb": round(most / 1e6), "seed": SEED, "processor": processor()}
        row["environment"] = environment()
    append(results, row)
    print(row)


def timed(work: Callable[[], object]) -> float:
    """Return how long a call takes, seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def star() -> str:
    """Return a polygon whose corners are near and far in turn."""
    turn = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    radius = 45 + 8 * np.cos(20 * turn)
    corners = np.stack([1.9 * radius * np.cos(turn), 0.8 * radius * np.sin(turn)], axis=1)
    return ",".join(f"{number:.1f}" for number in corners.ravel())


def made_gallery(folder: Path, size: int) -> Gallery:
    """Write a gallery of tiles at random places."""
    rng = np.random.default_rng(SEED)
    x, y = rng.uniform(-179.9, 179.8, size), rng.uniform(-85, 85, size)
    corners = np.stack([x, y, x + SIDE, y, x + SIDE, y + SIDE, x, y + SIDE, x, y], axis=1)
    form = "POLYGON ((" + ", ".join(["%.7f %.7f"] * 5) + "))"
    items = pd.DataFrame({
        "id": [f"tile-{row}" for row in range(size)],
        "class": rng.choice(["forest", "desert", "coast"], size),
        "split": "",
        "longitude": x + SIDE / 2,
        "latitude": y + SIDE / 2,
        "footprint": [form % tuple(row) for row in corners.tolist()],
    })  # fmt: skip
    codes = pack(rng.choice(np.array([-1, 1], np.int8), (size, BITS)))
    halves = np.ones((size, BITS), np.float16)
    tiles = GalleryTiles(items, codes, halves, halves[:, :4] / 2, [b""] * size)
    return write_gallery(folder, Manifest("maps", BITS, ModelInfo(), DataInfo()), tiles)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    main(given.size, given.rounds, given.results)
