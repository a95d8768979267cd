"""Archives to encode, and a process that encodes them until it is killed."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from rsh.data.tiles import TileDataset
from rsh.encoding.build import build_gallery
from rsh.gallery.gallery import Gallery
from rsh.models.hashnet import HashNet

HERE = Path(__file__).parent
ROOT = HERE.parent

# Imports and reads the network once, then forks a process for each encode: torch takes seconds.
WRITER = """
import os, sys
from pathlib import Path
import torch
from rsh.data.tiles import TileDataset
from rsh.encoding import chunk_store
from rsh.encoding.build import build_gallery
from rsh.training.run import Run
torch.set_num_threads(1)
net, folder = Run.open(sys.argv[1]).net(), Path(sys.argv[2])
chunk_store.CHUNK_TILES = int(sys.argv[3])
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        build_gallery(net, TileDataset.open(line.strip()), folder, overwrite=True, progress=False)
        os._exit(0)
    print(pid, flush=True)
    sys.stdin.readline()  # until it has been killed: its number is not given to another before
    print(os.waitpid(pid, 0)[1], flush=True)
"""


def archive(folder: Path, rows: slice) -> Path:
    """Write some tiles of the sample as class folders."""
    sample = TileDataset.open("bluemarble")
    for row in range(len(sample))[rows]:
        file = folder / sample.items["id"][row]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(sample.read_bytes(row))
    return folder


def writer(run: Path, folder: Path, *, tiles: int) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(run), str(folder), str(tiles)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )


def content(gallery: Gallery) -> dict[str, tuple]:
    """Return all that a gallery says of each tile, by id."""
    assert gallery.items["id"].is_unique
    parts = (gallery.packed, gallery.relaxed, gallery.features)
    return {
        tile: (
            *gallery.items.iloc[row],
            *(part[row].tobytes() for part in parts),
            gallery.thumbnail(row),
        )
        for row, tile in enumerate(gallery.items["id"])
    }


def near(one: Gallery, other: Gallery) -> None:
    """Hold two galleries of the same tiles against each other, but for rounding."""
    assert one.items.equals(other.items)
    np.testing.assert_allclose(
        one.relaxed.astype(float), other.relaxed.astype(float), atol=2e-3, rtol=2e-3
    )
    assert (one.codes != other.codes).sum() <= 1  # a bit at zero may fall to either side


def encode(net: HashNet, dataset: TileDataset, folder: Path, **options) -> Gallery:
    return build_gallery(net, dataset, folder, progress=False, **options)


def same(found: dict[str, tuple], expected: dict[str, tuple]) -> None:
    """Hold codes and thumbnails against those of an unbroken encode in one part."""
    differ = [tile for tile in found if found[tile][3] != expected[tile][3]]
    assert len(differ) <= 1
    assert all(found[tile][-1] == expected[tile][-1] for tile in found)
