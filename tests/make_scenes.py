import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from rsh.data.tiles import TileDataset

ODD = ("a b", "Ährenfeld", "森林", "it's", "c&d#1", "50%")


def tile(seed: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def make(folder: Path, *, classes: tuple[str, ...] = ("coast", "forest"), count: int = 4) -> Path:
    """Write class folders of small PNG tiles."""
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            tile(100 * number + index).save(folder / name / f"{index}.png")
    return folder


def zipped(folder: Path, file: Path, *, wrap: str = "") -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, wrap + path.relative_to(folder).as_posix())
    return file


def pixels(dataset: TileDataset) -> list[bytes]:
    return [dataset.read(row).tobytes() for row in range(len(dataset))]
