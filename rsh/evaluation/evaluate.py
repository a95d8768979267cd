"""Evaluation under a named protocol, with what a hashing loss must be held against.

Beside the mAP of the codes stand others on the same tiles and the same backbone: of the hash
layer before the sign (what binarizing gives up), of the projection head's features, of "classifier
center" (a linear classifier that emits one fixed code for each class), and the accuracy of that
classifier on tiles that were neither trained on nor chosen on.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from rsh.codes.asymmetric import soft_bits
from rsh.codes.centers import random_codewords
from rsh.codes.encodings import Encodings
from rsh.data.dataset import Split
from rsh.encoding.build import encode_dataset
from rsh.evaluation.feedback import simulate
from rsh.evaluation.protocols import PROTOCOLS, find_protocol
from rsh.evaluation.reranking import reranking_gain
from rsh.evaluation.scoring import (
    Floats,
    Report,
    RetrievalTask,
    cosine_map,
    metrics_by_ranking,
    score,
)
from rsh.metrics.ranking import Ties
from rsh.models.hashnet import HashNet
from rsh.training.feature_cache import cached_features

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # inverse regularization, tried on val


class _Answers(NamedTuple):
    """What is said of all tiles of a split, a row a tile."""

    encoded: Encodings  # by the network
    predicted: NDArray[np.int64]  # class numbers by the linear classifier, (n,)


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
        ties: the mean over all orders of tied tiles, or one of them, see
            `scoring.metrics_by_ranking`.
        feedback: also simulate users who mark tiles, see `feedback.simulate`.
        progress: show bars while tiles are encoded.

    Returns:
        Figures by name, fractions from 0 to 1, with the protocol and the numbers of tiles.

    Raises:
        InputError: there is no such protocol, there are no queries, a tile cannot be read, or there
            are too few for feedback.
    """
    setting = RetrievalTask(split, find_protocol(protocol))
    answers = _ask(net, split, progress)
    report = _report(answers, setting, ties)
    return report | ({"feedback": simulate(answers.encoded, setting)} if feedback else {})


def evaluate_all(
    net: HashNet, split: Split, *, ties: Ties = "average", progress: bool = True
) -> dict[str, Report]:
    """Measure a trained network under every protocol: the reports of `evaluate` by name."""
    settings = [RetrievalTask(split, protocol) for protocol in PROTOCOLS.values()]
    answers = _ask(net, split, progress)
    return {setting.protocol.name: _report(answers, setting, ties) for setting in settings}


def _ask(net: HashNet, split: Split, progress: bool) -> _Answers:
    plain = cached_features(net, split.dataset, net.plain, progress=progress)
    predicted = linear_classifier(plain, split.dataset.labels, split)
    return _Answers(encode_dataset(net, split.dataset, progress=progress), predicted)


def _report(answers: _Answers, setting: RetrievalTask, ties: Ties) -> Report:
    split, protocol, encoded = setting.split, setting.protocol, answers.encoded
    unseen, right = split.rows("query"), answers.predicted == split.dataset.labels
    num_bits = encoded.codes.shape[1]
    centers = random_codewords(len(split.dataset.classes), num_bits)[answers.predicted]
    return {
        "protocol": protocol.name,
        "figure": protocol.figure,
        "ties": ties,
        "data": {"name": split.dataset.name, "fingerprint": split.dataset.fingerprint},
        "split_fingerprint": split.fingerprint,
        "classes": split.dataset.classes,
        "num_bits": num_bits,
        "queries": len(setting.query),
        "gallery": len(setting.gallery),
        "accuracy": float(right[unseen].mean()),
        "map_classifier_center": float(
            np.nanmean(metrics_by_ranking(centers, setting, ties)["map"])
        ),
        "map_before_sign": cosine_map(soft_bits(encoded.relaxed), setting),
        "map_features": cosine_map(encoded.features.astype(np.float32), setting),
        "reranking": reranking_gain(encoded, setting),
    } | score(encoded.codes, setting, ties=ties)


def linear_classifier(
    features: Floats,
    labels: NDArray[np.int64],
    split: Split,
    *,
    refit: bool = False,
) -> NDArray[np.int64]:
    """Predict the class of every tile by a logistic regression fitted on `train`.

    Its regularization is the one of `STRENGTHS` that is most often right on `val`.

    Args:
        features: backbone features of all tiles, (n, num_features), or of several views of each,
            (n, views, num_features): it learns from all views and predicts from the first.
        labels: class numbers, (n,).
        split: says which tiles are train and val.
        refit: with the regularization chosen, fit again on train and val together.

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
