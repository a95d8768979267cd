"""How well do words find tiles, beside images, by codes and by features?

    python -m benchmarks.quality.text RUN
    python -m benchmarks.quality.text --table      prints Markdown

RUN was trained on the published weights of a backbone with a text tower, which must be on this
machine. Queries are the names of the classes, and the held-out tiles; all other tiles with a class
are searched. Each is compared by codes and by the cosine of backbone features; words also without
the centering of `rsh.models.text_tower`. mAP@20 is the mean over all orders of ties. One JSON line
a row in results/text.jsonl.
"""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import RESULTS_FOLDER, Row, append, measure_or_print, read_rows
from rsh.codes.binary import Packed
from rsh.errors import InputError
from rsh.io.provenance import environment
from rsh.metrics.counts import count_by_distance, counts_from_scores
from rsh.metrics.ranking import mean_average_precision
from rsh.models import earth
from rsh.models.hashnet import HashNet, apply_head, to_encodings
from rsh.models.pretrained import has_text_tower
from rsh.models.text_tower import TextTower, image_tower_fingerprint, load_text_tower
from rsh.text import humanize
from rsh.training.feature_cache import cached_features
from rsh.training.run import Run

RESULTS = RESULTS_FOLDER / "text.jsonl"
TOP_K = 20
NOT_CENTERED = "words, not centered"
Floats = NDArray[np.float32]


class Side(NamedTuple):
    """Queries, or tiles that are searched.

    Attributes:
        labels: class of each, (n,).
        packed: codes, (n, bytes).
        features: of length 1, (n, d).
    """

    labels: NDArray[np.int64]
    packed: Packed
    features: Floats


def measure(folder: Path) -> list[Row]:
    """Return the rows of a run.

    Raises:
        InputError: the run cannot be used, or the weights are not on this machine.
    """
    run = Run.open(folder)
    net, split = run.net(), run.split()
    tower = open_tower(net)
    dataset = split.dataset
    plain = cached_features(net, dataset, net.plain, progress=False)
    codes = to_encodings(apply_head(net.head, plain)).packed
    images = to_length_1(plain.astype(np.float32).mean(axis=1))
    known = dataset.has_label
    query = split.rows("query")[known[split.rows("query")]]
    database = np.setdiff1d(np.flatnonzero(known), split.rows("query"))
    tiles, searched = (
        Side(dataset.labels[rows], codes[rows], images[rows]) for rows in (query, database)
    )
    names = [humanize(name) for name in dataset.label_names]
    asked = {"image": tiles, "words": ask(net, tower, names)}
    asked[NOT_CENTERED] = ask(net, tower, names, centered=False)
    gap = float(np.linalg.norm(asked["words"].features.mean(axis=0) - images.mean(axis=0)))
    noted = {"run": folder.name, "backbone": net.settings["backbone"], "bits": net.num_bits}
    noted |= {"data": dataset.name, "fingerprint": run.config["fingerprint"], "top_k": TOP_K}
    noted |= {"gap": gap, "environment": environment()}
    return [
        noted
        | {"query": name, "queries": len(side.labels), "by": by, "map": value}
        | {"codes": len(np.unique(side.packed, axis=0))}
        for name, side in asked.items()
        for by, value in compare(side, searched, net.num_bits).items()
        if (name, by) != (NOT_CENTERED, "features")  # which are those of words
    ]


def open_tower(net: HashNet) -> TextTower:
    """Return the text tower beside the image tower of a network."""
    name = net.settings["backbone"]
    if not has_text_tower(name):
        raise InputError(f"{name} has no text tower: give a run of another backbone")
    backbone: Any = net.backbone
    image_tower = image_tower_fingerprint(backbone.network.network)
    return load_text_tower(earth.describe(name), image_size=net.image_size, image_tower=image_tower)


def ask(net: HashNet, tower: TextTower, names: list[str], *, centered: bool = True) -> Side:
    """Return names of classes as queries; their features are those of the tower in both cases."""
    center = net.image_center
    assert center is not None
    raw = tower.encode(names)
    moved = tower.to_image_features(names, center) if centered else center.length * raw
    packed = to_encodings(apply_head(net.head, moved.half().numpy())).packed
    return Side(np.arange(len(names)), packed, raw.numpy())


def compare(query: Side, searched: Side, num_bits: int) -> dict[str, float]:
    """Return mAP@20 by codes and by features, a fraction."""
    counts = count_by_distance(
        query.packed, searched.packed, query.labels, searched.labels, num_bits=num_bits
    )
    scores = query.features @ searched.features.T
    each = [
        mean_average_precision(counts_from_scores(row, searched.labels == label), top_k=TOP_K)
        for row, label in zip(scores, query.labels, strict=True)
        if (searched.labels == label).any()
    ]
    return {
        "codes": mean_average_precision(counts, top_k=TOP_K),
        "features": float(np.mean(each)),
    }


def to_length_1(features: Floats) -> Floats:
    """Return features as rows of length 1."""
    return torch.nn.functional.normalize(torch.from_numpy(features), dim=1).numpy()


def main(folder: Path | None, results: Path) -> None:
    """Append the rows of a run, unless they are there."""
    if folder is None:
        raise SystemExit("name a run folder of a backbone with a text tower")
    try:
        config = Run.open(folder).config
        if config.get("fingerprint") not in {row["fingerprint"] for row in read_rows(results)}:
            append(results, *measure(folder))
    except InputError as error:
        raise SystemExit(f"{error}") from None


def table(rows: list[Row]) -> str:
    """Return the rows in Markdown."""
    lines = [
        [row["run"], row["bits"], row["query"], row["by"], f"{row['map']:.3f}", row["codes"]]
        for row in rows
    ]
    header = ["run", "bits", "query", "compared by", f"mAP@{TOP_K}", "distinct query codes"]
    return markdown(header, lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, nargs="?", help="run folder")
    measure_or_print(
        parser, RESULTS, measure=lambda given: main(given.run, given.results), tables=table
    )
