"""Evaluation under the protocol "disjoint", with what a hashing loss must be held against.

Queries are tiles that were neither trained on nor chosen on; the gallery is train and val.
Beside the mAP of the codes stand three others on the same tiles and the same backbone: of the
real-valued features (what hashing gives up), of "classifier centre" (a linear classifier that
emits one fixed code for each class), and the accuracy of that classifier.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rsh import metrics
from rsh.bank import view_bank
from rsh.baselines import class_centres
from rsh.codes import Codes, pack
from rsh.encode import encode_scenes
from rsh.errors import InputError
from rsh.model import HashNet
from rsh.scenes import Split
from rsh.views import ViewSpec

PROTOCOLS = ("disjoint",)
Report = dict[str, Any]


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
    encoded = encode_scenes(net, split.scenes, progress=progress)
    plain = view_bank(net, split.scenes, ViewSpec(net.image_size), progress=progress)[:, 0]
    predicted = linear_classifier(plain, labels, split)
    features = encoded.features.astype(np.float32)
    cosine = metrics.ranked_average_precision(
        -features[query] @ features[gallery].T, labels[query, None] == labels[gallery]
    )
    centres = class_centres(len(split.scenes.classes), net.num_bits)
    report = {
        "protocol": "disjoint",
        "num_bits": net.num_bits,
        "queries": len(query),
        "gallery": len(gallery),
        "accuracy": float((predicted[query] == labels[query]).mean()),
        "map_classifier_centre": score(centres[predicted], labels, split)["map"],
        "map_features_cosine": float(np.nanmean(cosine)),
    }
    return report | score(encoded.codes, labels, split)


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
    precision, recall = metrics.precision_recall(counts)
    return {
        "map": float(np.nanmean(each)),
        "map_interval": metrics.bootstrap_interval(each),
        "map_at_20": metrics.mean_average_precision(counts, top_k=20),
        "precision_at_20": float(metrics.precision_at(counts, top_k=20).mean()),
        "precision_within_2": float(metrics.precision_within(counts, radius=2).mean()),
        "anmrr": metrics.anmrr(counts),
        "distinct_codes": metrics.distinct_codes(packed[gallery]),
        "precision_by_radius": [None if np.isnan(value) else float(value) for value in precision],
        "recall_by_radius": recall.tolist(),
    }


def table(report: Report) -> str:
    """Lay the figures out for a reader: percentages, one line each, with what they mean."""
    low, high = report["map_interval"]
    head = (
        f"protocol {report['protocol']}: {report['queries']} unseen queries, "
        f"{report['gallery']} gallery tiles, {report['num_bits']} bits, ties averaged"
    )
    lines = [
        ("mAP of the codes", report["map"], f"95 % interval {low:.1%} to {high:.1%}"),
        ("mAP of real-valued features", report["map_features_cosine"], "before the sign, cosine"),
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
    features: NDArray[np.float16], labels: NDArray[np.int64], split: Split
) -> NDArray[np.int64]:
    """Predict the class of every tile by a logistic regression fitted on `train`.

    Args:
        features: backbone features of all tiles, (n, num_features).
        labels: class numbers, (n,).
        split: says which tiles are train.

    Returns:
        Class numbers, (n,).
    """
    train = split.rows("train")
    values = np.asarray(features, dtype=np.float32)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
    model.fit(values[train], labels[train])
    return np.asarray(model.predict(values), dtype=np.int64)
