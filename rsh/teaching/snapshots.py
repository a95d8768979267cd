"""Snapshots of a training: features and codes of held-out tiles after chosen epochs."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import silhouette_score

from rsh.codes.binary import Codes, binarize, pack
from rsh.data.dataset import Split
from rsh.evaluation.plots import OTHERS, RELEVANT
from rsh.gallery.projection import umap_code_layout, umap_layout
from rsh.metrics.counts import DistanceCounts, count_by_distance, without_self
from rsh.metrics.ranking import distances_by_relevance, distinct_codes, mean_average_precision
from rsh.models.hashnet import HashNet, apply_head
from rsh.teaching.figures import pair_distances, scatter
from rsh.training.checkpoint import Record
from rsh.training.feature_cache import cached_features

Floats = NDArray[np.floating[Any]]


class Snapshots:
    """Keeps features and codes of the validation tiles and queries of a split.

        snapshots = Snapshots(net, split, epochs={5, 60})
        rsh.train(net, split, config, watch=snapshots)

    Attributes:
        labels: class numbers of the tiles, (n,).
        classes: their names.
        features: by snapshot, (n, feature_dim) float32, length 1.
        codes: by snapshot, (n, num_bits), -1 or 1.
    """

    def __init__(self, net: HashNet, split: Split, *, epochs: Collection[int]) -> None:
        """Take the first snapshot, before training.

        Args:
            net: network to train with a frozen backbone.
            split: of its validation tiles and queries.
            epochs: epochs after which to take a snapshot.
        """
        rows = split.rows("val", "query")
        self._net, self._epochs = net, frozenset(epochs)
        self._views = np.asarray(
            cached_features(net, split.dataset, net.plain, progress=False)[rows]
        )
        self.labels, self.classes = split.dataset.labels[rows], split.dataset.classes
        self.features: dict[str, Floats] = {}
        self.codes: dict[str, Codes] = {}
        self._keep("before")

    def __call__(self, history: Sequence[Record], epochs: int) -> None:
        """Take a snapshot if this epoch is chosen; `rsh.train` calls this after each epoch."""
        if len(history) in self._epochs:
            last = len(history) == epochs
            self._keep("after" if last else f"after {len(history)} of {epochs} epochs")

    def metrics(self) -> pd.DataFrame:
        """Return how well classes are separated in each snapshot.

        Returns:
            One row per snapshot: silhouette of features (cosine) and of codes (Hamming), from -1 to
            1; margin in bits, the mean distance of tiles of different classes minus that of tiles
            of one class; number of distinct codes; and mAP with each tile as a query.
        """
        rows = {name: self._row(self.features[name], codes) for name, codes in self.codes.items()}
        return pd.DataFrame(rows).T

    def _keep(self, name: str) -> None:
        embedding = apply_head(self._net.head, self._views)
        self.features[name] = embedding.features.numpy()
        self.codes[name] = binarize(embedding.relaxed)

    def _row(self, features: Floats, codes: Codes) -> dict[str, float]:
        counts = _count_pairs(codes, self.labels)
        same, others = (_mean_distance(pairs) for pairs in distances_by_relevance(counts))
        return {
            "silhouette, features": silhouette_score(features, self.labels, metric="cosine"),
            "silhouette, codes": silhouette_score(codes, self.labels, metric="hamming"),
            "margin, bits": others - same,
            "distinct codes": distinct_codes(pack(codes)),
            "mAP": mean_average_precision(counts),
        }


def spaces(snapshots: Snapshots, *, seed: int = 0) -> Figure:
    """Draw feature space above hash space with UMAP, one column per snapshot.

    Each panel is laid out independently: only neighborhoods can be compared, not positions. In hash
    space the tiles of one code form a disc.

    Args:
        snapshots: the snapshots.
        seed: of UMAP, the same for all.
    """
    names = list(snapshots.codes)
    figure = Figure(figsize=(4.2 * len(names), 8.6), layout="constrained")
    panels = figure.subplots(2, len(names), squeeze=False)
    for column, name in enumerate(names):
        points = (
            umap_layout(snapshots.features[name], seed=seed),
            umap_code_layout(snapshots.codes[name] > 0, seed=seed),
        )
        for axes, xy in zip(panels[:, column], points, strict=True):
            scatter(axes, xy, snapshots.labels, snapshots.classes)
        panels[0, column].set_title(name)
    for axes, words in zip(panels[:, 0], ("feature space", "hash space"), strict=True):
        axes.set_ylabel(words)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False)
    return figure


def margins(snapshots: Snapshots) -> Figure:
    """Draw distances between tiles of one class and of two classes, one panel per snapshot."""
    names = list(snapshots.codes)
    figure = Figure(figsize=(8, 1.9 * len(names) + 0.6), layout="constrained")
    for axes, name in zip(figure.subplots(len(names), 1, sharex=True), names, strict=True):
        pairs = distances_by_relevance(_count_pairs(snapshots.codes[name], snapshots.labels))
        pair_distances(axes, *pairs)
        for numbers, color in zip(pairs, (RELEVANT, OTHERS), strict=True):
            axes.axvline(_mean_distance(numbers), color=color, linewidth=2)
        axes.legend(frameon=False, loc="upper right")
        axes.set_title(name)
    axes.set_xlabel("Hamming distance, bits")
    return figure


def _count_pairs(codes: Codes, labels: NDArray[np.int64]) -> DistanceCounts:
    packed = pack(codes)
    return without_self(count_by_distance(packed, packed, labels, labels, num_bits=codes.shape[1]))


def _mean_distance(pairs: NDArray[np.int64]) -> float:
    return float(np.average(np.arange(len(pairs)), weights=pairs))
