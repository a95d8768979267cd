"""Do groups found without labels match the classes, and are odd queries told from ordinary ones?

    rsh train --data UCMD --labels none --bits 64 --look-bits 16 --output runs/ucmd
    rsh encode runs/ucmd --output galleries/ucmd                 and the same for other data
    rsh encode runs/ucmd bluemarble --output galleries/ucmd-bluemarble
    python -m benchmarks.quality.groups groups galleries/ucmd
    python -m benchmarks.quality.groups novelty galleries/ucmd galleries/ucmd-bluemarble
    python -m benchmarks.quality.groups unusual galleries/ucmd
    python -m benchmarks.quality.groups figure galleries/bluemarble
    python -m benchmarks.quality.groups --table          prints the tables

A tile's class is the folder of its id; the galleries were made without labels, and only these
figures look at it. Peers of `groups`: k-means on the bits, which is told the number of classes;
HDBSCAN of scikit-learn on Hamming distances; and EVoC, if it is installed (`pip install evoc`).
`novelty` takes a gallery and galleries of other data that the same network encoded; held-out tiles
and noise images are queries as well. `unusual` hides noise images among the tiles. One JSON line a
row in results/groups.jsonl. `figure` draws the image of docs/concepts/groups.md.
"""

import argparse
import io
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module, util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.metrics import adjusted_mutual_info_score

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import RESULTS_FOLDER, ROOT, Row, append, read_rows
from benchmarks.search.processor import processor
from rsh.codes.binary import Packed, hamming, pack, unpack
from rsh.codes.encodings import Encodings
from rsh.codes.groups import NO_GROUP, group_codes
from rsh.codes.outliers import Outliers
from rsh.codes.parts import CodePart, meaning_part
from rsh.encoding.query import open_query_encoder
from rsh.gallery.gallery import Gallery
from rsh.io.provenance import environment
from rsh.search.novelty import measure_novelty
from rsh.search.query import Query, QueryImage
from rsh.text import plural

RESULTS = RESULTS_FOLDER / "groups.jsonl"
FIGURE = ROOT / "docs" / "images" / "groups.jpg"
DRAWN, TILES, CELL, GAP, LEFT = 10, 9, 84, 4, 80  # groups, tiles of each, and pixels
PROMINENCES = (0.5, 1.0, 2.0)
SIZES = (10, 20, 40)  # of the smallest cluster of HDBSCAN
NOISE = 60  # images of each kind
SIDE = 128  # pixels
HIDDEN = (1, 5)  # images of one kind among the tiles
TOP = 20
Number = NDArray[np.integer[Any]]


def classes_of(gallery: Gallery) -> Number:
    """Return the number of the folder of each tile's id, (n,)."""
    return np.asarray(pd.factorize(gallery.items["id"].str.split("/").str[-2])[0])


def bits_of(gallery: Gallery, part: CodePart) -> Packed:
    """Return the bits of a part of all codes, packed."""
    codes = unpack(gallery.packed, gallery.num_bits)
    return pack(codes[:, part.start : part.stop])


def methods(gallery: Gallery, num_classes: int) -> Iterator[tuple[str, str, Callable[[], Number]]]:
    """Yield name, part of the code and function of each way to find groups."""
    part = meaning_part(gallery.num_bits, gallery.look_bits)
    packed = bits_of(gallery, part)
    signs = unpack(packed, part.num_bits).astype(np.float32)
    parts = [*gallery.parts, CodePart("code", 0, gallery.num_bits)] if gallery.parts else [part]
    for each in parts:
        of_part = bits_of(gallery, each)
        for least in PROMINENCES if each == part else (1.0,):
            yield f"rsh, prominence {least:g}", each.name, partial(ours, of_part, each, least)
    k_means = KMeans(num_classes, n_init=3, random_state=0)
    yield "k-means, told the number", part.name, partial(k_means.fit_predict, signs)
    for size in SIZES:
        yield f"HDBSCAN, {size} tiles", part.name, partial(hdbscan, packed, size)
    if util.find_spec("evoc"):
        for seed in (0, 1):
            yield f"EVoC, seed {seed}", part.name, partial(evoc, packed, seed)


def ours(packed: Packed, part: CodePart, prominence: float) -> Number:
    """Return the group of each tile by rsh."""
    return group_codes(packed, part.num_bits, prominence=prominence).number


def hdbscan(packed: Packed, size: int) -> Number:
    """Return the cluster of each tile by HDBSCAN, -1 for noise."""
    method = HDBSCAN(min_cluster_size=size, min_samples=5, metric="precomputed", copy=True)
    found: Number = method.fit_predict(hamming(packed, packed).astype(float))
    return found


def evoc(packed: Packed, seed: int) -> Number:
    """Return the cluster of each tile in the layer that EVoC prefers, -1 for noise."""
    return np.asarray(import_module("evoc").EVoC(random_state=seed).fit_predict(packed))


def measure_groups(gallery: Gallery) -> Iterator[Row]:
    """Yield a row for each method."""
    classes = classes_of(gallery)
    num_classes = int(classes.max()) + 1
    for name, part, find in methods(gallery, num_classes):
        find()  # numba compiles
        worked = time.process_time()
        number = find()
        seconds = time.process_time() - worked
        inside = number != NO_GROUP
        found = np.unique(number[inside])
        right = sum(int(np.bincount(classes[number == one]).max()) for one in found)
        yield {
            "table": "groups",
            "method": name,
            "part": part,
            "classes": num_classes,
            "groups": len(found),
            "in_none": float((~inside).mean()),
            "ami": float(adjusted_mutual_info_score(classes, number)),
            "ami_inside": float(adjusted_mutual_info_score(classes[inside], number[inside])),
            "purity": right / max(1, int(inside.sum())),
            "processor_seconds": seconds,
        }


def measure_novelty_rates(gallery: Gallery, others: list[Gallery]) -> Iterator[Row]:
    """Yield how many queries of each kind are said to be unlike everything."""
    split = gallery.items["split"].to_numpy()
    queries = {
        f"{name} tiles": [Query(row) for row in np.flatnonzero(split == which).tolist()]
        for name, which in (("training", "train"), ("validation", "val"), ("held-out", "query"))
    }
    for other in others:
        rows = range(len(other))
        queries[other.manifest.data.name] = [as_image(other.encoded(row)) for row in rows]
    encode = open_query_encoder(gallery)
    for kind in KINDS:
        queries[f"noise: {kind}"] = [as_image(encode([image])) for image in noise(kind)]
    for kind, each in queries.items():
        if not each:
            continue
        found = [one for one in (measure_novelty(gallery, query) for query in each) if one]
        yield {
            "table": "novelty",
            "queries": kind,
            "count": len(found),
            "threshold": found[0].threshold,
            "median_factor": float(np.median([one.factor for one in found])),
            "unlike_everything": float(np.mean([one.unlike_everything for one in found])),
        }


def measure_unusual(gallery: Gallery) -> Iterator[Row]:
    """Yield which share of hidden noise images is among the most unusual tiles."""
    encode = open_query_encoder(gallery)
    part = meaning_part(gallery.num_bits, gallery.look_bits)
    for count in HIDDEN:
        found: dict[str, list[float]] = {"outlier factor": [], "sparsity": []}
        for kind in KINDS:
            made = encode(noise(kind)[:count])
            relaxed = np.vstack([gallery.relaxed, made.relaxed])
            codes = np.vstack([gallery.packed, made.packed])
            packed = pack(unpack(codes, gallery.num_bits)[:, part.start : part.stop])
            scores = {
                "outlier factor": Outliers(relaxed).of_tiles(np.arange(len(relaxed))),
                "sparsity": group_codes(packed, part.num_bits, prominence=1.0).sparsity,
            }
            for name, score in scores.items():
                first = np.argsort(-score, kind="stable")[:TOP]
                found[name].append(float((first >= len(gallery)).sum() / count))
        for name, shares in found.items():
            yield {
                "table": "unusual",
                "score": name,
                "hidden": count,
                f"found_in_{TOP}": float(np.mean(shares)),
            }


def as_image(encodings: Encodings) -> Query:
    """Return a query that is no tile of the gallery."""
    return Query(image=QueryImage("image", b"", encodings))


def noise(kind: str) -> list[Image.Image]:
    """Return images that show nothing, the same each time."""
    draw = np.random.default_rng(KINDS.index(kind))
    return [_noise(kind, draw) for _ in range(NOISE)]


KINDS = ("white", "blocks", "smooth", "flat", "gradient", "text")


def _noise(kind: str, draw: np.random.Generator) -> Image.Image:
    if kind == "white":
        return _image(draw.integers(0, 256, (SIDE, SIDE, 3)))
    if kind == "blocks":
        return _image(np.kron(draw.integers(0, 256, (8, 8, 3)), np.ones((SIDE // 8,) * 2 + (1,))))
    if kind == "smooth":
        blurred = _image(draw.integers(0, 256, (SIDE, SIDE, 3))).filter(ImageFilter.GaussianBlur(6))
        pixels = np.asarray(blurred, float)
        return _image((pixels - pixels.min()) / np.ptp(pixels) * 255)
    if kind == "flat":
        return _image(np.ones((SIDE, SIDE, 3)) * draw.integers(0, 256, 3))
    if kind == "gradient":
        step = np.linspace(0, 1, SIDE)[None, :, None] * np.ones((SIDE, 1, 1))
        return _image((1 - step) * draw.integers(0, 256, 3) + step * draw.integers(0, 256, 3))
    page = Image.new("RGB", (SIDE, SIDE), "white")
    for top in range(0, SIDE, 12):
        words = "".join(draw.choice(list("abcdefghijk lmnop"), 24))
        ImageDraw.Draw(page).text((2, top), words, fill="black")
    return page


def _image(pixels: NDArray[Any]) -> Image.Image:
    return Image.fromarray(pixels.astype(np.uint8))


def draw(gallery: Gallery) -> None:
    """Draw the first tiles of the largest groups, a row each."""
    groups = gallery.groups
    assert groups is not None
    shown, step = [groups[number] for number in range(min(DRAWN, len(groups)))], CELL + GAP
    sheet = Image.new("RGB", (LEFT + TILES * step, len(shown) * step), "white")
    font = ImageFont.load_default(size=14)
    for line, group in enumerate(shown):
        words = f"{plural(len(group), 'tile')}\n{group.spread:.1f} bits"
        place = (0, line * step + CELL // 2)
        ImageDraw.Draw(sheet).multiline_text(place, words, fill="black", font=font, anchor="lm")
        for column, row in enumerate(group.rows[:TILES].tolist()):
            tile = Image.open(io.BytesIO(gallery.thumbnail(row))).convert("RGB")
            sheet.paste(tile.resize((CELL, CELL)), (LEFT + column * step, line * step))
    sheet.save(FIGURE, quality=85)


def print_tables() -> None:
    """Print the tables of the documentation."""
    rows = read_rows(RESULTS)
    for table, columns in (
        ("groups", ("data", "method", "part", "groups", "in_none", "ami", "ami_inside", "purity",
                    "processor_seconds")),
        ("novelty", ("data", "queries", "count", "median_factor", "threshold",
                     "unlike_everything")),
        ("unusual", ("data", "score", "hidden", f"found_in_{TOP}")),
    ):  # fmt: skip
        chosen = [row for row in rows if row["table"] == table]
        cells = [[_cell(row[name]) for name in columns] for row in chosen]
        print(markdown([name.replace("_", " ") for name in columns], cells), end="\n\n")


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def main(given: argparse.Namespace) -> None:
    """Measure what was asked for."""
    galleries = [Gallery.open(folder) for folder in given.galleries]
    first, *others = galleries
    if given.table_name == "figure":
        return draw(first)
    rows = {
        "groups": lambda: measure_groups(first),
        "novelty": lambda: measure_novelty_rates(first, others),
        "unusual": lambda: measure_unusual(first),
    }[given.table_name]()
    about = {
        "data": first.manifest.data.name,
        "fingerprint": first.manifest.data.fingerprint,
        "model": first.manifest.model.fingerprint,
        "tiles": len(first),
        "bits": first.num_bits,
        "look_bits": first.look_bits,
        "labels": "none",
        "processor": processor(),
        "environment": environment(),
    }
    for row in rows:
        append(RESULTS, row | about)
        print(row, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("table_name", nargs="?", choices=("groups", "novelty", "unusual", "figure"))
    parser.add_argument("galleries", nargs="*", type=Path)
    parser.add_argument("--table", action="store_true", help="print the tables")
    words = parser.parse_args()
    if words.table:
        print_tables()
    elif words.galleries:
        main(words)
    else:
        parser.error("name what to measure and a gallery")
