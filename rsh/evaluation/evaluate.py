"""Evaluation of a network under a protocol, with reference values for its mAP.

The references use the same tiles and the same backbone: the mAP of the continuous codes (what
binarization loses), of the projection head's features, and of "classifier center" (a linear
classifier that emits one fixed code per class), and the accuracy of that classifier on the
held-out queries.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from rsh.codes.asymmetric import soft_bits
from rsh.codes.centers import random_codewords
from rsh.codes.encodings import Encodings
from rsh.config import Ties
from rsh.data.dataset import Split
from rsh.encoding.build import encode_dataset
from rsh.evaluation.feedback import simulate
from rsh.evaluation.protocols import PROTOCOLS, find_protocol
from rsh.evaluation.reranking import reranking_gain
from rsh.evaluation.scoring import (
    Floats,
    Report,
    RetrievalTask,
    Rows,
    cosine_map,
    metrics_by_ranking,
    score,
)
from rsh.models.hashnet import HashNet
from rsh.training.feature_cache import cached_features

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # inverse regularization, selected on val


def evaluate(
    net: HashNet,
    split: Split,
    *,
    protocol: str = "disjoint",
    ties: Ties = "average",
    feedback: bool = False,
    progress: bool = True,
) -> Report:
    """Measure a trained network under one protocol.

    Args:
        net: a trained network.
        split: which tiles are train, val and query.
        protocol: a name in `rsh.evaluation.protocols.PROTOCOLS`.
        ties: how tied tiles are ordered, see `scoring.metrics_by_ranking`.
        feedback: also simulate relevance feedback, see `feedback.simulate`.
        progress: show bars while tiles are encoded.

    Returns:
        Metrics by name, fractions from 0 to 1, with the protocol and the numbers of tiles.

    Raises:
        InputError: unknown protocol, no queries, no relevant tiles, a tile that cannot be read, or
            too few tiles for feedback.
    """
    task = RetrievalTask(split, find_protocol(protocol))
    encoded, predicted = _encode_and_predict(net, split, progress)
    report = _report(encoded, predicted, task, ties)
    return report | ({"feedback": simulate(encoded, task)} if feedback else {})


def evaluate_all(
    net: HashNet, split: Split, *, ties: Ties = "average", progress: bool = True
) -> dict[str, Report]:
    """Return the reports of `evaluate` under every protocol, by name."""
    tasks = [RetrievalTask(split, protocol) for protocol in PROTOCOLS.values()]
    encoded, predicted = _encode_and_predict(net, split, progress)
    return {task.protocol.name: _report(encoded, predicted, task, ties) for task in tasks}


def _encode_and_predict(net: HashNet, split: Split, progress: bool) -> tuple[Encodings, Rows]:
    """Encode all tiles, and predict their classes with the linear classifier, (n,)."""
    plain = cached_features(net, split.dataset, net.plain, progress=progress)
    predicted = linear_classifier(plain, split.dataset.labels, split)
    return encode_dataset(net, split.dataset, progress=progress), predicted


def _report(encoded: Encodings, predicted: Rows, task: RetrievalTask, ties: Ties) -> Report:
    split, protocol = task.split, task.protocol
    query, correct = split.rows("query"), predicted == split.dataset.labels
    num_bits = encoded.codes.shape[1]
    centers = random_codewords(len(split.dataset.classes), num_bits)[predicted]
    scores = score(encoded.codes, task, ties=ties)
    return {
        "protocol": protocol.name,
        "metric": protocol.metric,
        "ties": ties,
        "data": {"name": split.dataset.name, "fingerprint": split.dataset.fingerprint},
        "split_fingerprint": split.fingerprint,
        "classes": split.dataset.classes,
        "num_bits": num_bits,
        "queries": len(task.query),
        "gallery": len(task.gallery),
        "accuracy": float(correct[query].mean()),
        "map_classifier_center": float(np.nanmean(metrics_by_ranking(centers, task, ties)["map"])),
        "map_before_sign": cosine_map(soft_bits(encoded.relaxed), task),
        "map_features": cosine_map(encoded.features.astype(np.float32), task),
        "reranking": reranking_gain(encoded, task),
        "twins": _without_twins(np.array(scores["average_precision"], float), task),
    } | scores


def _without_twins(precision: Floats, task: RetrievalTask) -> Report:
    """Return how many queries have an equal image in the gallery, and the mAP of the others."""
    others = precision[~task.has_twin]
    mean = float(np.nanmean(others)) if np.isfinite(others).any() else None
    return {"queries": int(task.has_twin.sum()), "map_without": mean}


def linear_classifier(features: Floats, labels: Rows, split: Split, *, refit: bool = False) -> Rows:
    """Return the class that a logistic regression predicts for every tile.

    It is fitted on `train`; its regularization is that of `STRENGTHS` with the best accuracy on
    `val`.

    Args:
        features: backbone features of all tiles, (n, num_features), or of several views of each,
            (n, views, num_features): it is fitted on all views and predicts from the first.
        labels: class numbers, (n,).
        split: the rows of train and val.
        refit: fit again on train and val together, with the selected regularization.

    Returns:
        Class numbers, (n,).
    """
    views = np.asarray(features, dtype=np.float32).reshape(len(labels), -1, features.shape[-1])
    val = split.rows("val")

    def fitted(model: Pipeline, *names: str) -> Pipeline:
        rows = split.rows(*names)
        inputs = views[rows].reshape(-1, views.shape[-1])
        return model.fit(inputs, labels[rows].repeat(views.shape[1]))

    def accuracy(model: Pipeline) -> float:
        return float((model.predict(views[val, 0]) == labels[val]).mean())

    models = [fitted(_logistic(strength), "train") for strength in STRENGTHS]
    best = max(models, key=accuracy) if len(val) else models[len(models) // 2]
    if refit:
        best = fitted(best, "train", "val")
    return np.asarray(best.predict(views[:, 0]), dtype=np.int64)


def _logistic(strength: float) -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=300))
