"""Evaluation under the protocol "disjoint", with what a hashing loss must be held against.

Queries are tiles that were neither trained on nor chosen on; the gallery is train and val.
Beside the mAP of the codes stand others on the same tiles and the same backbone: of the hash
layer before the sign (what binarising gives up), of the projection head's features, of "classifier
centre" (a linear classifier that emits one fixed code for each class), and the accuracy of that
classifier.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from rsh import metrics
from rsh.bank import view_bank
from rsh.baselines import class_centres
from rsh.codes import Codes, binarize, pack
from rsh.errors import InputError
from rsh.model import HashNet, apply_head
from rsh.scenes import Split
from rsh.views import ViewSpec

PROTOCOLS = ("disjoint",)
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # inverse regularisation, tried on val
Report = dict[str, Any]
Floats = NDArray[np.floating[Any]]


def evaluate(net: HashNet, split: Split, *, progress: bool = True) -> Report:
    """Measure a trained network.

    Args:
        net: a trained network.
        split: queries and gallery.
        progress: show bars while tiles are encoded.

    Returns:
        Figures by name, fractions from 0 to 1, with the protocol and the numbers of tiles.

    Raises:
        InputError: there are no queries, or a tile cannot be read.
    """
    query, gallery = split.rows("query"), split.rows("train", "val")
    if not len(query):
        raise InputError("the data has no query tiles: split it first")
    labels = split.scenes.labels
    plain = view_bank(net, split.scenes, ViewSpec(net.image_size), progress=progress)[:, 0]
    embedding = apply_head(net.head, plain)
    predicted = linear_classifier(plain, labels, split)
    centres = class_centres(len(split.scenes.classes), net.num_bits)
    report = {
        "protocol": "disjoint",
        "num_bits": net.num_bits,
        "queries": len(query),
        "gallery": len(gallery),
        "accuracy": float((predicted[query] == labels[query]).mean()),
        "map_classifier_centre": score(centres[predicted], labels, split)["map"],
        "map_before_sign": cosine_map(embedding.relaxed.tanh().numpy(), labels, split),
        "map_features": cosine_map(embedding.feature.numpy(), labels, split),
    }
    return report | score(binarize(embedding.relaxed), labels, split)


def score(codes: Codes, labels: NDArray[np.int64], split: Split) -> Report:
    """Return every figure of a set of codes, however they were made.

    Args:
        codes: of all tiles of the split, (n, num_bits), only -1 and +1.
        labels: class numbers, (n,).
        split: queries and gallery.
    """
    query, gallery = split.rows("query"), split.rows("train", "val")
    packed, num_bits = pack(codes), codes.shape[1]
    counts = metrics.count(
        packed[query], packed[gallery], labels[query], labels[gallery], num_bits=num_bits
    )
    each = metrics.average_precision(counts)
    items = split.scenes.items
    blocks = [items["block"].to_numpy()[query]] if "block" in items else []
    precision, recall = metrics.precision_recall(counts)
    return {
        "map": float(np.nanmean(each)),
        "map_interval": metrics.bootstrap_interval(each, *blocks),
        "map_at_20": metrics.mean_average_precision(counts, top_k=20),
        "precision_at_20": float(metrics.precision_at(counts, top_k=20).mean()),
        "precision_within_2": float(metrics.precision_within(counts, radius=2).mean()),
        "anmrr": metrics.anmrr(counts),
        "distinct_codes": metrics.distinct_codes(packed[gallery]),
        "precision_by_radius": [None if np.isnan(value) else float(value) for value in precision],
        "recall_by_radius": recall.tolist(),
    }


def cosine_map(rows: Floats, labels: NDArray[np.int64], split: Split) -> float:
    """Return the mAP of real-valued rows by cosine: the bound that codes are held against.

    Args:
        rows: of all tiles of the split, (n, d), any scale.
        labels: class numbers, (n,).
        split: queries and gallery.
    """
    query, gallery = split.rows("query"), split.rows("train", "val")
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    each = [
        metrics.ranked_average_precision(
            -unit[part] @ unit[gallery].T, labels[part, None] == labels[gallery]
        )
        for part in np.array_split(query, -(-len(query) // 256))  # 256 rankings at a time
    ]
    return float(np.nanmean(np.concatenate(each)))


def table(report: Report) -> str:
    """Lay the figures out for a reader: percentages, one line each, with what they mean."""
    low, high = report["map_interval"]
    head = (
        f"protocol {report['protocol']}: {report['queries']} unseen queries, "
        f"{report['gallery']} gallery tiles, {report['num_bits']} bits, ties averaged"
    )
    lines = [
        ("mAP of the codes", report["map"], f"95 % interval {low:.1%} to {high:.1%}"),
        ("mAP before the sign", report["map_before_sign"], "hash layer, cosine"),
        ("mAP of the features", report["map_features"], "projection head, cosine"),
        ("mAP of 'classifier centre'", report["map_classifier_centre"], "one code a class"),
        ("accuracy of a linear classifier", report["accuracy"], "same backbone"),
        ("mAP@20", report["map_at_20"], ""),
        ("precision@20", report["precision_at_20"], ""),
        ("precision within 2 bits", report["precision_within_2"], "an empty ball counts 0"),
        ("ANMRR", report["anmrr"], "lower is better"),
    ]
    rows = [f"  {name:32}{value:7.1%}  {note}".rstrip() for name, value, note in lines]
    return "\n".join(
        [head, *rows, f"  {'distinct codes in the gallery':32}{report['distinct_codes']:7}"]
    )


def linear_classifier(
    features: NDArray[np.float16],
    labels: NDArray[np.int64],
    split: Split,
    *,
    refit: bool = False,
) -> NDArray[np.int64]:
    """Predict the class of every tile by a logistic regression fitted on `train`.

    Its regularisation is the one of `STRENGTHS` that is most often right on `val`.

    Args:
        features: backbone features of all tiles, (n, num_features), or of several views of each,
            (n, views, num_features): it learns from all views and predicts from the first.
        labels: class numbers, (n,).
        split: says which tiles are train and val.
        refit: with the regularisation chosen, fit again on train and val together.

    Returns:
        Class numbers, (n,).
    """
    views = np.asarray(features, dtype=np.float32).reshape(len(labels), -1, features.shape[-1])
    val = split.rows("val")

    def fitted(model: Pipeline, *names: str) -> Pipeline:
        rows = split.rows(*names)
        seen = views[rows].reshape(-1, views.shape[-1])
        return model.fit(seen, labels[rows].repeat(views.shape[1]))

    def right(model: Pipeline) -> float:
        return float((model.predict(views[val, 0]) == labels[val]).mean())

    models = [fitted(_logistic(strength), "train") for strength in STRENGTHS]
    best = max(models, key=right) if len(val) else models[len(models) // 2]
    if refit:
        best = fitted(best, "train", "val")
    return np.asarray(best.predict(views[:, 0]), dtype=np.int64)


def _logistic(strength: float) -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=300))
