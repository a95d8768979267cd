"""How long does `rsh project` take, how much memory, and how far can its planes be trusted?

    python -m benchmarks.quality.projection GALLERY --tiles 20000 20000 --fitted 20000 5000
    python -m benchmarks.quality.projection --table     prints the table

GALLERY is made of real tiles by `rsh encode`. It is projected itself if --tiles is 0. Galleries of
other sizes are woven from it: a tile lies between a real tile and three of its ten nearest, in
features and in continuous codes, and each difference is changed by half of itself at random. Every
projection runs in a process of its own. One JSON line a projection in results/projection.jsonl.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import RESULTS_FOLDER, ROOT, Row, append, read_rows
from benchmarks.search.processor import processor
from rsh.codes.binary import binarize, pack
from rsh.codes.encodings import Encodings, unit
from rsh.gallery.gallery import Gallery
from rsh.gallery.landmarks import MOST_FITTED
from rsh.gallery.manifest import DataInfo, Manifest, ModelInfo
from rsh.gallery.place import place_in_planes
from rsh.gallery.projection import project
from rsh.gallery.segment import GalleryTiles
from rsh.gallery.writer import write_gallery
from rsh.index.neighbors import VectorNeighbors
from rsh.io.provenance import environment

RESULTS = RESULTS_FOLDER / "projection.jsonl"
NEAREST, BETWEEN = 10, 3
TILES_AT_ONCE = 1 << 14
PLACED = 50


def main(words: argparse.Namespace) -> None:
    """Measure each pair of a size and a number of fitted tiles."""
    real = Gallery.open(words.gallery)
    for tiles, fitted in zip(words.tiles, words.fitted, strict=True):
        with tempfile.TemporaryDirectory(dir=words.folder) as name:
            folder = Path(name) / "gallery"
            weave(real, tiles or len(real), folder, as_is=not tiles)
            command = [sys.executable, "-m", "benchmarks.quality.projection", "--measure"]
            done = subprocess.run(
                [*command, str(folder), "--fitted", str(fitted)],
                cwd=ROOT,
                check=True,
                stdout=subprocess.PIPE,
            )
        about = {
            "data": real.manifest.data.name,
            "fingerprint": real.manifest.data.fingerprint,
            "woven": bool(tiles),
            "bits": real.num_bits,
            "look_bits": real.look_bits,
            "features": real.features.shape[1],
        }
        row = about | json.loads(done.stdout) | {"note": words.note}
        append(RESULTS, row | {"processor": processor(), "environment": environment()})
        print(row, flush=True)


def measure(folder: Path, fitted: int) -> Row:
    """Project a gallery, then place tiles that it does not hold."""
    start, worked = time.perf_counter(), time.process_time()
    gallery = Gallery.open(folder)
    project(gallery, most=fitted, progress=False)
    row: Row = {
        "tiles": len(gallery),
        "fitted": fitted,
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_seconds": round(time.process_time() - worked, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    planes = gallery.manifest.projection
    assert planes and planes.feature and planes.code
    for name, plane in (("features", planes.feature), ("codes", planes.code)):
        row[f"{name}_landmarks"] = plane.landmarks
        row[f"{name}_trustworthiness"] = round(plane.trustworthiness, 4)
        row[f"{name}_kept"] = round(plane.kept, 4)
    row["variance"] = round(planes.feature.variance, 4)
    milliseconds, work = [], []
    for number in range(PLACED + 1):
        one, other = gallery.encoded(number), gallery.encoded(number + 1)
        relaxed = (one.relaxed + other.relaxed) / np.float16(2)
        features = (one.features + other.features) / np.float16(2)
        query = Encodings(binarize(relaxed), relaxed, features)
        before = time.perf_counter(), time.process_time()
        place_in_planes(gallery, query)
        milliseconds.append(1000 * (time.perf_counter() - before[0]))
        work.append(1000 * (time.process_time() - before[1]))
    for name, taken in (("ms", milliseconds), ("cpu_ms", work)):
        row[f"place_first_{name}"] = round(taken[0], 1)  # reads the landmarks
        row[f"place_{name}"] = [round(float(np.percentile(taken[1:], q)), 1) for q in (50, 95)]
    return row


def weave(real: Gallery, tiles: int, folder: Path, *, as_is: bool) -> None:
    """Write a gallery of so many tiles between real ones, or of the real ones."""
    parts = [real.relaxed, real.features] if as_is else list(_between(real, tiles))
    relaxed, features = (np.asarray(part, dtype=np.float16) for part in parts)
    items = pd.DataFrame({"id": [f"{row:07}" for row in range(tiles)], "class": "", "split": ""})
    packed = pack(binarize(relaxed))
    content = GalleryTiles(items, packed, relaxed, features, (b"" for _ in range(tiles)))
    manifest = Manifest("woven", real.num_bits, ModelInfo(), DataInfo())
    write_gallery(folder, manifest, content)


def _between(real: Gallery, tiles: int) -> Iterator[np.ndarray]:
    """Return continuous codes and features of tiles between real ones."""
    features = unit(real.features)
    nearest, _ = VectorNeighbors(features).search(features, NEAREST + 1)
    for rows in (real.relaxed.astype(np.float32), features):
        draw = np.random.default_rng(0)  # the same tiles for both
        made = np.empty((tiles, rows.shape[1]), dtype=np.float16)
        for start in range(0, tiles, TILES_AT_ONCE):
            count = min(TILES_AT_ONCE, tiles - start)
            tile = draw.integers(len(real), size=count)
            other = nearest[tile[:, None], draw.integers(1, NEAREST + 1, (count, BETWEEN))]
            share = draw.dirichlet(np.ones(BETWEEN + 1), count)[:, 1:, None].astype(np.float32)
            change = np.random.default_rng(start).normal(1, 0.5, (count, BETWEEN, rows.shape[1]))
            apart = (rows[other] - rows[tile][:, None]) * change.astype(np.float32)
            some = rows[tile] + (share * apart).sum(axis=1)
            made[start : start + count] = some if rows is not features else unit(some)
        yield made


def table() -> None:
    """Print all rows."""
    heads = ["tiles", "UMAP lays out", "trustworthiness of features", "kept", "of codes", "kept"]
    lines = []
    for row in read_rows(RESULTS):
        of = "woven from " if row["woven"] else ""
        figures = [
            f"{row[f'{space}_{figure}']:.3f}"
            for space in ("features", "codes")
            for figure in ("trustworthiness", "kept")
        ]
        minutes = f"{row['seconds'] / 60:.1f} ({row['cpu_seconds'] / 60:.1f})"
        name = f"{row['tiles']:,}, {of}{row['data']}"
        lines.append([name, f"{row['fitted']:,}", *figures, minutes, f"{row['peak_mb']:,}"])
    print(markdown([*heads, "minutes (of work)", "MB"], lines))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("gallery", type=Path, nargs="?")
    parser.add_argument("--tiles", type=int, nargs="+", default=[0])
    parser.add_argument("--fitted", type=int, nargs="+", default=[MOST_FITTED])
    parser.add_argument("--folder", type=Path, help="for galleries, of up to a gigabyte")
    parser.add_argument("--note", default="")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure, given.fitted[0])))
    elif given.table:
        table()
    else:
        main(given)
