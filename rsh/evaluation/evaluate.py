"""Evaluation of a network under a protocol, with reference values for its mAP.

The references use the same tiles and the same backbone: the mAP of the continuous codes (what
binarization loses), of the projection head's features, and of "classifier center" (a linear
classifier that emits one fixed code per class), and the accuracy of that classifier on the
held-out queries.
"""

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from rsh.codes.asymmetric import soft_bits
from rsh.codes.centers import random_codewords
from rsh.codes.encodings import Encodings
from rsh.config import Ties
from rsh.data.dataset import Split
from rsh.errors import InputError, RshWarning
from rsh.evaluation.feedback import simulate
from rsh.evaluation.neighbors import neighbor_report, standardized
from rsh.evaluation.protocols import PROTOCOLS, UNSEEN, Protocol, find_protocol
from rsh.evaluation.reranking import reranking_gain
from rsh.evaluation.scoring import (
    Floats,
    Report,
    RetrievalTask,
    Rows,
    average_precisions,
    cosine_map,
    labeled_rows,
    score,
)
from rsh.labels import UNLABELED
from rsh.models.hashnet import HashNet, apply_head, to_encodings
from rsh.training.feature_cache import cached_features

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # inverse regularization, selected on val


def evaluate(
    net: HashNet,
    split: Split,
    *,
    protocol: str = "disjoint",
    ties: Ties | None = None,
    feedback: bool = False,
    progress: bool = True,
) -> Report:
    """Measure a trained network under one protocol.

    Args:
        net: a trained network.
        split: which tiles are train, val and query.
        protocol: a name in `rsh.evaluation.protocols.PROTOCOLS`.
        ties: how tied tiles are ordered, see `scoring.average_precisions`; by default as the
            protocol says.
        feedback: also simulate relevance feedback, see `feedback.simulate`.
        progress: show bars while tiles are encoded.

    Returns:
        Metrics by name, fractions from 0 to 1, with the protocol and the numbers of tiles; without
        labels, those of `neighbors.neighbor_report` alone.

    Raises:
        InputError: unknown protocol, no queries, no relevant tiles, a tile that cannot be read, or
            too few tiles for feedback.
    """
    found = find_protocol(protocol)
    task = _task(split, found)
    if feedback and not task:
        raise InputError(f"feedback is simulated from labels, which {split.dataset.name} lacks")
    made = _Made.of(net, split, progress)
    report = _report(made, found, task, ties)
    return report | ({"feedback": simulate(made.encoded, task)} if feedback and task else {})


def evaluate_all(
    net: HashNet, split: Split, *, ties: Ties | None = None, progress: bool = True
) -> dict[str, Report]:
    """Return the reports of `evaluate` under every protocol, by name.

    Those of unseen classes are left out if all classes were learned, as always where tiles may have
    several labels.
    """
    has_unseen = len(split.rows(UNSEEN)) > 0
    tasks = {
        name: _task(split, protocol)
        for name, protocol in PROTOCOLS.items()
        if has_unseen or not protocol.needs_unseen
    }
    made = _Made.of(net, split, progress)
    return {name: _report(made, PROTOCOLS[name], task, ties) for name, task in tasks.items()}


class _Made(NamedTuple):
    """What all protocols measure.

    Attributes:
        split: the tiles.
        encoded: of all tiles.
        looks: see `neighbors.standardized`.
        predicted: class of each tile by the linear classifier, (n,); None without classes, or if
            tiles may have several labels.
    """

    split: Split
    encoded: Encodings
    looks: NDArray[np.float32]
    predicted: Rows | None

    @classmethod
    def of(cls, net: HashNet, split: Split, progress: bool) -> "_Made":
        """Encode all tiles."""
        dataset = split.dataset
        plain = cached_features(net, dataset, net.plain, progress=progress)
        predicted = None
        if dataset.classes and not dataset.has_several:
            predicted = linear_classifier(plain, dataset.labels, split)
        encoded = to_encodings(apply_head(net.head, plain))
        return cls(split, encoded, standardized(plain, split), predicted)


def _task(split: Split, protocol: Protocol) -> RetrievalTask | None:
    """Return the task of the tiles with a label; None if too few have one."""
    dataset = split.dataset
    if not dataset.label_names:
        return None
    try:
        return RetrievalTask(split, protocol)
    except InputError as error:
        if dataset.num_labeled == len(dataset):
            raise
        reason = error.reason.partition(":")[0]
        warnings.warn(f"no figures by labels: {reason}", RshWarning, stacklevel=3)
        return None


def _report(
    made: _Made, protocol: Protocol, task: RetrievalTask | None, ties: Ties | None
) -> Report:
    """Return all metrics: those by labels of the labeled tiles, those without of all."""
    ties = ties or protocol.ties
    split, encoded, looks, predicted = made
    by_labels = _by_labels(encoded, predicted, task, ties) if task else {}
    return {
        "protocol": protocol.name,
        "metric": protocol.metric,
        "ties": ties,
        "warnings": protocol.warnings,
        "data": {"name": split.dataset.name, "fingerprint": split.dataset.fingerprint},
        "split_fingerprint": split.fingerprint,
        "classes": split.dataset.label_names,
        "several_labels": split.dataset.has_several,
        "num_bits": encoded.codes.shape[1],
        "queries": len(split.rows(*protocol.query)),
        "gallery": len(split.rows(*protocol.gallery)),
        "neighbors": neighbor_report(encoded, looks, split, protocol),
    } | by_labels


def _by_labels(
    encoded: Encodings, predicted: Rows | None, task: RetrievalTask, ties: Ties
) -> Report:
    scores = score(encoded.codes, task, ties=ties)
    of_classes = {} if predicted is None else _by_classifier(encoded, predicted, task, ties)
    return {
        "queries": len(task.query),
        "gallery": len(task.gallery),
        **of_classes,
        "map_before_sign": cosine_map(soft_bits(encoded.relaxed), task),
        "map_features": cosine_map(encoded.features.astype(np.float32), task),
        "reranking": reranking_gain(encoded, task),
        "twins": _without_twins(np.array(scores["average_precision"], float), task),
    } | scores


def _by_classifier(encoded: Encodings, predicted: Rows, task: RetrievalTask, ties: Ties) -> Report:
    """Return the accuracy of the linear classifier, and the mAP of one code per class."""
    split, labels = task.split, task.labels
    query = labeled_rows(split, "query")
    centers = random_codewords(len(split.dataset.classes), encoded.codes.shape[1])[predicted]
    return {
        "accuracy": float((predicted[query] == labels[query]).mean()) if len(query) else None,
        "map_classifier_center": float(np.nanmean(average_precisions(centers, task, ties))),
    }


def _without_twins(precision: Floats, task: RetrievalTask) -> Report:
    """Return how many queries have an equal image in the gallery, and the mAP of the others."""
    others = precision[~task.has_twin]
    mean = float(np.nanmean(others)) if np.isfinite(others).any() else None
    return {"queries": int(task.has_twin.sum()), "map_without": mean}


def linear_classifier(features: Floats, labels: Rows, split: Split, *, refit: bool = False) -> Rows:
    """Return the class that a logistic regression predicts for every tile.

    It is fitted on the labeled tiles of `train`; its regularization is that of `STRENGTHS` with the
    best accuracy on `val`, and among equal ones with the lowest log loss. The log loss alone would
    take one that is too strong where there are few tiles. With one class in `train` it predicts
    this class.

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
    seen = np.unique(labels[labeled_rows(split, "train")])
    if len(seen) < 2:  # nothing to learn
        return np.full(len(labels), seen[0] if len(seen) else UNLABELED)
    val = labeled_rows(split, "val")
    val = val[np.isin(labels[val], seen)]

    def fitted(model: Pipeline, *names: str) -> Pipeline:
        rows = labeled_rows(split, *names)
        inputs = views[rows].reshape(-1, views.shape[-1])
        return model.fit(inputs, labels[rows].repeat(views.shape[1]))

    def quality(model: Pipeline) -> tuple[float, float]:
        """Return the accuracy and the negative log loss on val, of classes that were seen."""
        probabilities = model.predict_proba(views[val, 0])
        found = model.classes_[probabilities.argmax(axis=1)]
        loss = log_loss(labels[val], probabilities, labels=model.classes_)
        return float((found == labels[val]).mean()), -float(loss)

    models = [fitted(_logistic(strength), "train") for strength in STRENGTHS]
    best = max(models, key=quality) if len(val) else models[len(models) // 2]
    if refit:
        best = fitted(best, "train", "val")
    return np.asarray(best.predict(views[:, 0]), dtype=np.int64)


def _logistic(strength: float) -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=300))
