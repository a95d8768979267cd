"""How much do labels gain that are given on the dashboard, and do its suggestions beat chance?

    RSH_DATA=folder python -m benchmarks.quality.learning labels --data ucmd
    python -m benchmarks.quality.learning time

`labels`: an archive without labels. A network of 64 bits, 16 of them look bits, learns from the
training tiles of a split without any label, and encodes all tiles; the held-out queries search the
others. Then 10, 30 and 100 tiles get their true label: those that `rsh suggest` names, ten at a
time, or tiles drawn at random, five times; `rsh learn` retrains the head. Labels of all tiles serve
to measure alone: mAP and precision@20 of the queries, exact over ties, and the neighbors that codes
keep. Rows with labels also count the tiles with a confidence of 0.8 or more, and how many of them
are of the class.

Settings were chosen on split seeds 0 and 6 to 9, which are not reported.

`time`: galleries of 10,000 and a million tiles, with the codes and features of the sample and noise
on them: `rsh learn` with its start, `classify` and `suggest` in a running process.

One JSON line a row in results/learning.jsonl; a row that is there is not measured again.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.common.rows import RESULTS_FOLDER, ROOT, Row, append, read_rows
from rsh.codes.encodings import HalfRows
from rsh.config import TrainConfig
from rsh.data.open import open_dataset
from rsh.encoding.build import build_gallery
from rsh.gallery.gallery import Gallery
from rsh.gallery.learn_report import BeforeAfter
from rsh.gallery.manifest import MANIFEST, DataInfo, Manifest
from rsh.gallery.segment import GalleryTiles, PackedRows
from rsh.gallery.writer import write_gallery
from rsh.io.provenance import environment
from rsh.learning.confidence import confidence
from rsh.learning.learn import learn
from rsh.learning.suggest import suggest
from rsh.metrics.counts import count_by_distance
from rsh.metrics.ranking import average_precision, precision_at
from rsh.models.backbone import DEFAULT
from rsh.models.hashnet import HashNet
from rsh.training.train import train

RESULTS = RESULTS_FOLDER / "learning.jsonl"
GALLERIES = ROOT / "build" / "learning"
BEGUN = environment()
DATA = {"bluemarble": "bluemarble", "ucmd": "UCMD"}  # of which the second lies below RSH_DATA
BITS, LOOK_BITS = 64, 16
COUNTS, BY = (10, 30, 100), 10
STRATEGIES = SUGGESTED, RANDOM = "suggestions", "random"
SEEDS = (1, 2, 3, 4, 5, 11, 12, 13, 14, 15)
DRAWS = {SUGGESTED: 1, RANDOM: 5}  # of one draw, chance says little
LEAST = 0.8
SIZES = (10_000, 1_000_000)
RSH = "import sys; from rsh.cli.main import main; sys.exit(main())"
LABELED = 100  # tiles whose label is given where the time is measured


@dataclass(frozen=True)
class Archive:
    """A gallery without labels, and the true ones.

    Attributes:
        gallery: of all tiles.
        classes: true class of each tile, (n,).
    """

    gallery: Gallery
    classes: NDArray[np.str_]

    @classmethod
    def make(cls, data: str, seed: int, folder: Path) -> "Archive":
        """Train a network without labels and encode all tiles, unless a gallery is there."""
        where = data if data in ("bluemarble",) else str(Path(_data_folder()) / DATA[data])
        if not (folder / MANIFEST).exists():
            dataset = open_dataset(where, labels="none")
            net = HashNet(DEFAULT, num_bits=BITS, look_bits=LOOK_BITS, seed=seed)
            split = dataset.split(seed=seed)
            train(net, split, TrainConfig(seed=seed))
            build_gallery(net, split.dataset, folder)
        gallery = Gallery.open(folder)
        known = open_dataset(where).items.set_index("id")["class"]
        return cls(gallery, known[gallery.items["id"]].to_numpy(str))

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """True class numbers, (n,)."""
        return np.unique(self.classes, return_inverse=True)[1].astype(np.int64)

    def labels(self, rows: Iterable[int]) -> dict[str, str]:
        """Return the true labels of some tiles, by id."""
        ids = self.gallery.items["id"]
        return {str(ids.iloc[row]): str(self.classes[row]) for row in rows}

    def score(self, gallery: Gallery) -> Row:
        """Measure the codes of a gallery with the same tiles."""
        query = np.flatnonzero(gallery.items["split"] == "query")
        rows = gallery.searchable
        counts = count_by_distance(
            gallery.packed[query],
            gallery.packed[rows],
            self.numbers[query],
            self.numbers[rows],
            num_bits=gallery.num_bits,
        )
        precisions = average_precision(counts)
        return {
            "map": float(precisions.mean()),
            "precision_at_20": float(precision_at(counts, top_k=20).mean()),
            "queries": len(query),
        }


def _data_folder() -> str:
    if not (folder := os.environ.get("RSH_DATA")):
        raise SystemExit("RSH_DATA is not set: set it to the folder that holds UCMD/")
    return folder


def draw_labels(
    archive: Archive, strategy: str, seed: int, draw: int
) -> Iterator[tuple[list[int], float]]:
    """Yield the labeled rows at each number of labels, and the seconds of one suggestion.

    Args:
        archive: what is labeled.
        strategy: which tiles.
        seed: of the split.
        draw: number of the draw.
    """
    gallery, seconds = archive.gallery, [0.0]
    chosen: list[int] = []
    order = np.random.default_rng((seed, draw)).permutation(gallery.searchable).tolist()
    while len(chosen) < COUNTS[-1]:
        if strategy == RANDOM:
            chosen = order[: len(chosen) + BY]
        else:
            start = time.perf_counter()
            found = suggest(gallery, archive.labels(chosen), count=BY, seed=seed)
            seconds.append(time.perf_counter() - start)
            chosen = chosen + [suggestion.row for suggestion in found]
        if len(chosen) in COUNTS:
            yield chosen, max(seconds)


def measure_labels(names: Iterable[str], seeds: Iterable[int], results: Path) -> None:
    """Append the rows that are missing."""
    for name in names:
        for seed in seeds:
            done = {
                (row["strategy"], row["labels"], row.get("draw", 0))
                for row in read_rows(results)
                if (row["set"], row.get("data"), row.get("seed")) == ("labels", name, seed)
            }
            ways = [(way, draw) for way in STRATEGIES for draw in range(DRAWS[way])]
            wanted = {("none", 0, 0), *((way, n, draw) for way, draw in ways for n in COUNTS)}
            if wanted <= done:
                continue
            archive = Archive.make(name, seed, GALLERIES / f"{name}-{seed}")
            about = {"set": "labels", "data": name, "seed": seed, "protocol": "disjoint"}
            about |= {"bits": BITS, "look_bits": LOOK_BITS, "backbone": DEFAULT}
            about |= {"tiles": archive.gallery.manifest.data.fingerprint}
            if ("none", 0, 0) not in done:
                found = archive.score(archive.gallery)
                _write(results, about | {"strategy": "none", "labels": 0} | found)
            for strategy, draw in ways:
                if all((strategy, count, draw) in done for count in COUNTS):
                    continue
                for rows, seconds in draw_labels(archive, strategy, seed, draw):
                    if (strategy, len(rows), draw) not in done:
                        found = {"strategy": strategy, "draw": draw}
                        found |= measure_gain(archive, rows, seed)
                        found |= {"suggest_seconds": round(seconds, 3)}
                        _write(results, about | found)


def measure_gain(archive: Archive, rows: list[int], seed: int) -> Row:
    """Label some tiles, learn from them, and measure the new codes."""
    labels = archive.labels(rows)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        done = learn(archive.gallery, labels, output=Path(folder) / "new", seed=seed, measure=False)
        seconds = time.perf_counter() - start
        found = archive.score(done.gallery)
    kept: BeforeAfter = done.report.neighbors_kept
    row = {
        "labels": len(rows),
        "classes": len(done.report.classes),
        **found,
        "kept_before": kept.before,
        "kept_after": kept.after,
        "learn_seconds": round(seconds, 2),
    }
    scores = confidence(archive.gallery, labels, seed=seed)
    others = np.setdiff1d(np.arange(len(archive.gallery)), rows)
    sure = scores.scores[others] >= LEAST
    right = sure & (archive.classes[others][:, None] == np.array(scores.classes))
    return row | {"sure": int(sure.sum()), "sure_right": int(right.sum())}


def measure_time(sizes: Iterable[int], results: Path) -> None:
    """Append the times of galleries that are missing."""
    done = {row["tiles"] for row in read_rows(results) if row["set"] == "time"}
    for size in sizes:
        if size not in done:
            with tempfile.TemporaryDirectory(dir=GALLERIES) as folder:
                _write(results, {"set": "time", "tiles": size} | time_gallery(size, Path(folder)))


def time_gallery(size: int, folder: Path) -> Row:
    """Return the times of a gallery of some size, made in a folder."""
    gallery = enlarge(Gallery.open(GALLERIES / "bluemarble-1"), size, folder / "many")
    rows = np.random.default_rng(0).choice(len(gallery), LABELED, replace=False)
    labels = {str(name): name.split("/")[0] for name in gallery.items["id"].iloc[rows]}
    file = folder / "labels.csv"
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([("id", "class"), *labels.items()])
    works: dict[str, Callable[[], object]] = {
        "classify_seconds": lambda: confidence(gallery, labels),
        "suggest_seconds": lambda: suggest(gallery, labels),
        "first_suggest_seconds": lambda: suggest(gallery, {}),
    }
    found: Row = {"labels": LABELED, "classes": len(set(labels.values()))}
    for name, work in works.items():
        work()  # reads the files into memory
        found[name] = round(min(_timed(work) for _ in range(3)), 3)
    words = ["learn", str(gallery.folder), "--labels", str(file), "--json"]
    command = [sys.executable, "-c", RSH, *words, "--output", str(folder / "new")]
    start = time.perf_counter()
    said = subprocess.run(command, capture_output=True, check=True, text=True)
    found["learn_seconds"] = round(time.perf_counter() - start, 2)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found | {
        "learn_cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "learn_peak_mb": round(usage.ru_maxrss / 1024),
        "kept": json.loads(said.stdout)["neighbors_kept"],
        "cores": os.cpu_count(),
    }


def enlarge(gallery: Gallery, size: int, folder: Path) -> Gallery:
    """Write a gallery of any size: tiles of another one, with noise on features and codes."""
    draw = np.random.default_rng(0)
    rows = draw.integers(len(gallery), size=size)
    features = _NoisyRows(gallery.features, rows, unit=True)
    relaxed = _NoisyRows(gallery.relaxed, rows)
    ids = gallery.items["id"].to_numpy(str)[rows]
    items = pd.DataFrame({"id": [f"{name}-{place:07}" for place, name in enumerate(ids)]})
    items = items.assign(**{"class": "", "split": ""})
    manifest = Manifest("many", gallery.num_bits, gallery.manifest.model, DataInfo())
    empty = (b"" for _ in range(size))
    tiles = GalleryTiles(items, PackedRows(relaxed), relaxed, features, empty)
    return write_gallery(folder, manifest, tiles)


class _NoisyRows:
    """Rows of an array with noise of a fifth of their spread, made as they are read."""

    def __init__(self, array: HalfRows, rows: NDArray[np.int64], *, unit: bool = False) -> None:
        self._array, self._rows, self._unit = np.array(array, np.float32), rows, unit
        self._spread = 0.2 * self._array.std()

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, part: slice, /) -> NDArray[np.float16]:
        rows = self._rows[part]
        noise = np.random.default_rng(part.start or 0).standard_normal(
            (len(rows), self._array.shape[1]), np.float32
        )
        found: NDArray[np.float32] = self._array[rows] + self._spread * noise
        if self._unit:
            found /= np.linalg.norm(found, axis=1, keepdims=True)
        half: NDArray[np.float16] = found.astype(np.float16)
        return half


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _write(results: Path, row: Row) -> None:
    append(results, row | {"commit": BEGUN["revision"], "environment": BEGUN})
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("set", choices=("labels", "time"))
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    given = parser.parse_args()
    if given.set == "labels":
        measure_labels(given.data, given.seeds, RESULTS)
    else:
        measure_time(given.sizes, RESULTS)
