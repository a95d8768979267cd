"""Which near duplicates are found, by radius and check, and what passes that is none?

    python -m benchmarks.quality.duplicates                            the sample: the settings
    RSH_DATA=folder python -m benchmarks.quality.duplicates --data ucmd    what is found there
    python -m benchmarks.quality.duplicates --table                    prints Markdown

Three kinds of 64-bit codes, trained for 30 epochs on a frozen backbone: of classes alone, with 16
look bits, and without labels. Of the sample, 150 tiles are changed in five ways: which copies are
near, and which pass each check? The sample itself has no near duplicates, so each of its pairs that
passes is a false one; half-overlapping windows are among them. Of UC Merced, what the defaults
find, beside a check of all pairs. One JSON line a row in results/duplicates.jsonl.
"""

import argparse
import io
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import RESULTS_FOLDER, Row, append, read_rows
from benchmarks.quality.method_rows import UCMD, open_data
from rsh.analysis.duplicates import find_duplicates
from rsh.analysis.leaks import JUDGES, find_leaks
from rsh.analysis.pair_checks import make_check
from rsh.config import TrainConfig, default_radius
from rsh.data.tiles import TileDataset
from rsh.encoding.build import build_gallery
from rsh.gallery.gallery import Gallery
from rsh.io.provenance import environment
from rsh.models.hashnet import HashNet
from rsh.text import plural
from rsh.training.train import train

RESULTS = RESULTS_FOLDER / "duplicates.jsonl"
NUM_BITS, EPOCHS, SEEDS, COPIES = 64, 30, range(3), 150
KINDS = {"class bits": (0, "auto"), "16 look bits": (16, "auto"), "without labels": (0, "none")}
RADII, COSINES = (0, 1, 2, 4, 8), (0.95, 0.97, 0.98, 0.99)
Pair = tuple[Image.Image, Image.Image]


def shifted(image: Image.Image) -> Pair:
    """Return two windows that lie a pixel apart in both directions."""
    width, height = image.size
    return image.crop((1, 1, width, height)), image.crop((0, 0, width - 1, height - 1))


def compressed(image: Image.Image) -> Image.Image:
    """Return the image after JPEG compression of quality 75."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=75)
    return Image.open(stream).convert("RGB")


CHANGES: dict[str, Callable[[Image.Image], Pair]] = {
    "JPEG, quality 75": lambda image: (image, compressed(image)),
    "half the size": lambda image: (image, image.reduce(2)),
    "10 % brighter": lambda image: (image, ImageEnhance.Brightness(image).enhance(1.1)),
    "10 % less contrast": lambda image: (image, ImageEnhance.Contrast(image).enhance(0.9)),
    "shifted by a pixel": shifted,
}


def main(data: str, results: Path) -> None:
    """Measure the rows that are not there."""
    done = {(row["data"], row["codes"], row["seed"]) for row in read_rows(results)}
    dataset = TileDataset.open("bluemarble") if data == "sample" else open_data(UCMD)
    for kind, (look_bits, labels) in KINDS.items():
        for seed in SEEDS:
            if (data, kind, seed) in done:
                continue
            tiles = dataset.without_labels() if labels == "none" else dataset
            split = tiles.split(seed=seed)
            net = HashNet(num_bits=NUM_BITS, look_bits=look_bits, seed=seed)
            train(net, split, TrainConfig(epochs=EPOCHS, seed=seed), progress=False)
            with tempfile.TemporaryDirectory() as folder:
                made = build_gallery(net, split.dataset, Path(folder) / "all", progress=False)
                row: Row = {"data": data, "codes": kind, "bits": NUM_BITS, "seed": seed}
                if data == "sample":
                    row |= {"changes": copies_found(net, dataset, Path(folder))}
                    row |= {"false_pairs": false_pairs(made)}
                else:
                    row |= found_in(made)
            row |= {"epochs": EPOCHS, "fingerprint": tiles.fingerprint}
            append(results, row | {"environment": environment()})
            print(row, flush=True)


def copies_found(net: HashNet, dataset: TileDataset, folder: Path) -> Row:
    """Return the shares of changed copies that are near, and of those that pass each check."""
    chosen = np.random.default_rng(0).choice(len(dataset), COPIES, replace=False)
    images = [dataset.read(int(row)) for row in chosen]
    for number, change in enumerate(CHANGES.values()):
        place = folder / "copies" / str(number)
        place.mkdir(parents=True)
        for row, pair in enumerate(map(change, images)):
            for side, image in zip("ab", pair, strict=True):
                image.save(place / f"{row:03}{side}.png")
    copies = TileDataset.open(folder / "copies", labels="none")
    gallery = build_gallery(net, copies, folder / "gallery", progress=False)
    found: Row = {}
    for number, name in enumerate(CHANGES):
        sides = [
            np.array([gallery.find_row(f"{number}/{row:03}{side}.png") for row in range(COPIES)])
            for side in "ab"
        ]
        distances = np.bitwise_count(gallery.packed[sides[0]] ^ gallery.packed[sides[1]]).sum(
            axis=1
        )
        cosines = make_check(gallery, "features", None).compare(*sides).similarities
        found[name] = {
            "within": {radius: share(distances <= radius) for radius in RADII},
            "pixels": share(make_check(gallery, "pixels", None).compare(*sides).alike),
            "features": {least: share(cosines >= least) for least in COSINES},
        }
    return found


def share(passed: np.ndarray) -> float:
    """Return the share of true values."""
    return round(float(passed.mean()), 4)


def false_pairs(gallery: Gallery) -> Row:
    """Return how many pairs of different tiles pass, at the default radius."""
    found: Row = {"tiles": len(gallery), "radius": default_radius(NUM_BITS)}
    for check in ("none", "pixels"):
        found[check] = find_duplicates(gallery, check=check, progress=False).num_pairs
    found["features"] = {
        least: find_duplicates(gallery, check="features", threshold=least, progress=False).num_pairs
        for least in COSINES
    }
    return found


def found_in(gallery: Gallery) -> Row:
    """Return what is found in a gallery by each check, and how many pairs there are by pixels."""
    found: Row = {"radius": default_radius(NUM_BITS)}
    for check in ("pixels", "features", "none"):
        duplicates = find_duplicates(gallery, check=check, progress=False)
        leaks = find_leaks(gallery, check=check, progress=False)
        found[check] = {
            "groups": len(duplicates.groups),
            "tiles": duplicates.num_tiles,
            "removable": duplicates.num_removable,
            "pairs": duplicates.num_pairs,
            "disagreeing": len(duplicates.disagreeing),
            "leaks": {split: len(leaks.of_split(split)) for split in JUDGES},
            "held_out": {split: leaks.sides(split)[0] for split in JUDGES},
        }
    every = find_duplicates(gallery, radius=NUM_BITS, check="pixels", progress=False)
    return found | {"pairs_by_pixels_at_any_distance": every.num_pairs}


def settings_table(rows: list[Row]) -> str:
    """Return the shares of copies that are near and that pass, means over changes and seeds."""
    lines = []
    for kind in KINDS:
        mine = [row for row in rows if row["codes"] == kind and row["data"] == "sample"]
        changes = [change for row in mine for change in row["changes"].values()]
        near = [
            f"{statistics.mean(each['within'][str(radius)] for each in changes):.0%}"
            for radius in RADII
        ]
        pixels = statistics.mean(each["pixels"] for each in changes)
        false = statistics.mean(row["false_pairs"]["pixels"] for row in mine)
        checked = [f"{pixels:.0%}, {false:,.0f}"]
        for least in map(str, COSINES):
            passed = statistics.mean(each["features"][least] for each in changes)
            false = statistics.mean(row["false_pairs"]["features"][least] for row in mine)
            checked.append(f"{passed:.0%}, {false:,.0f}")
        lines.append([kind, *near, *checked])
    radii = [plural(radius, "bit") for radius in RADII]
    return markdown(["codes", *radii, "pixels", *(f"cosine {least:g}" for least in COSINES)], lines)


def found_table(rows: list[Row]) -> str:
    """Return what is found in UC Merced, a range over the seeds."""
    lines = []
    for kind in KINDS:
        mine = [row for row in rows if row["codes"] == kind and row["data"] == "ucmd"]
        for check in ("pixels", "features", "none") if mine else ():
            found = [row[check] for row in mine]
            cells = [
                spread([each[name] for each in found])
                for name in ("groups", "tiles", "removable", "pairs", "disagreeing")
            ]
            cells += [spread([each["leaks"][split] for each in found]) for split in JUDGES]
            lines.append([kind, check, *cells])
    heads = ["codes", "check", "groups", "tiles", "removable", "pairs", "groups of several classes"]
    return markdown([*heads, "leaking queries of 420", "validation tiles of 252"], lines)


def spread(values: list[int]) -> str:
    """Return the least and the most."""
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", choices=["sample", "ucmd"], default="sample")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="print Markdown and measure nothing")
    words = parser.parse_args()
    if words.table:
        rows = read_rows(words.results)
        print(settings_table(rows))
        if any(row["data"] == "ucmd" for row in rows):
            print("\n" + found_table(rows))
    else:
        main(words.data, words.results)
