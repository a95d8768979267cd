"""How much memory does it take to cut a large scene, and how long?

    python benchmarks/tiling.py                   20,000 x 20,000 pixels, 8 and 16 bits

A scene of noise, the worst case for any compression, is written strip by strip and then cut by
`rsh data tiles` in a process of its own, whose memory is looked at ten times a second. Every row is
one JSON line in benchmarks/results/tiling.jsonl. Takes 6 GB of disk for as long as it runs.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import rasterio
from rasterio.transform import from_origin
from rasterio.windows import Window
from rows import Row, append

from rsh.io.provenance import environment

RESULTS = Path(__file__).parent / "results" / "tiling.jsonl"
SIDE, BANDS, STRIP = 20_000, 3, 512


def main(side: int) -> None:
    """Measure scenes of both depths, in tiles and in rows as they lie in the file."""
    for dtype in ("uint8", "uint16"):
        for tiled in (True, False):
            with tempfile.TemporaryDirectory() as folder:
                row = measured(Path(folder), side, dtype, tiled)
            append(RESULTS, row | {"seed": 0, "environment": environment()})
            print(*(f"{key}={value}" for key, value in row.items()), flush=True)


def measured(folder: Path, side: int, dtype: str, tiled: bool) -> Row:
    """Write a scene, cut it, and ask the system for the most memory that it took."""
    write_scene(folder / "scene.tif", side, dtype, tiled)
    command = [sys.executable, "-c", "from rsh.cli.main import main; main()"]
    words = ["data", "tiles", str(folder / "scene.tif"), "--output", str(folder / "tiles")]
    start = time.perf_counter()
    tiling = subprocess.Popen([*command, *words])
    most, process = 0, psutil.Process(tiling.pid)
    while tiling.poll() is None:
        with suppress(psutil.Error):  # it has just ended
            most = max(most, process.memory_info().rss)
        time.sleep(0.1)
    seconds = time.perf_counter() - start
    if tiling.returncode:
        raise SystemExit(tiling.returncode)
    return {
        "side": side,
        "dtype": dtype,
        "layout": "tiles" if tiled else "rows",
        "scene_mb": round((folder / "scene.tif").stat().st_size / 1e6),
        "tiles": len(list((folder / "tiles" / "scene").iterdir())),
        "seconds": round(seconds, 1),
        "most_memory_mb": round(most / 1e6),
    }


def write_scene(file: Path, side: int, dtype: str, tiled: bool) -> None:
    """Write a scene of noise in UTM, a meter a pixel."""
    draw = np.random.default_rng(0)
    layout = {"tiled": True, "blockxsize": 512, "blockysize": 512} if tiled else {"tiled": False}
    place = {"crs": "EPSG:32633", "transform": from_origin(500_000, 5_000_000, 1, 1)}
    shape = {"width": side, "height": side, "count": BANDS, "dtype": dtype}
    with rasterio.open(file, "w", driver="GTiff", BIGTIFF="YES", **shape, **place, **layout) as out:
        for top in range(0, side, STRIP):
            height = min(STRIP, side - top)
            values = draw.integers(0, np.iinfo(dtype).max, (BANDS, height, side), dtype=dtype)
            out.write(values, window=Window(0, top, side, height))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=SIDE)
    main(parser.parse_args().side)
