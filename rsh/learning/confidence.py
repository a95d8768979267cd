"""How likely each tile is of each class that a visitor has given to some tiles.

A logistic regression for each class, on soft codes: its tiles against the other labels and against
tiles drawn from the gallery. The latter stand for all that has no label, and hold tiles of the
class as well. So a regression gives too little to its own class. Of each labeled tile we know what
it would give if the label were unknown; a tile with as much as the best quarter of these is of the
class, and others in proportion. Few labels prove little: with m of them no score exceeds
(m + 1) / (m + 2). What the classes leave of 1 is for "none of these".

Source: of learning from labeled and unlabeled tiles, Elkan and Noto 2008,
https://doi.org/10.1145/1401890.1401920; of leaving one out without fitting again, Rad and Maleki
2020, https://arxiv.org/abs/1801.10243.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rsh.config import SEEDS, check_number
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.learning.labels import GivenLabels, Labels, find_labels
from rsh.learning.soft_codes import draw, soft_codes

Floats = NDArray[np.floating]
Rows = NDArray[np.int64]
BACKGROUND = 500  # tiles that stand for all without a label
MEASURED = 4096  # tiles whose mean and spread stand for all
WEIGHTS = 20.0, 10.0, 20.0  # in sum, of the tiles of a class, of other labels, of the background
RIDGE = 2.0
STEPS = 12  # of Newton's method
SURE = 0.75  # quantile of the labeled tiles' own scores above which a tile is of the class
UNSEEN = 0.6  # of the score of the only label of a class, since there is no other to compare with
ROWS_AT_ONCE = 1 << 16


@dataclass(frozen=True, eq=False)
class Confidence:
    """How likely each tile of a gallery is of each class.

    Attributes:
        classes: names, in alphabetical order.
        scores: (n, classes) float32, 0 to 1; a row adds up to at most 1.
        labels: what they were computed from.
        held_out: scores that the labeled tiles would have without their own label, (m, classes).
        note: what to know of the scores, one sentence, or "".
    """

    classes: list[str]
    scores: NDArray[np.float32]
    labels: GivenLabels
    held_out: NDArray[np.float32]
    note: str

    @property
    def none_of_these(self) -> NDArray[np.float32]:
        """How likely each tile is of none of the classes, (n,), 0 to 1."""
        rest: NDArray[np.float32] = 1 - self.scores.sum(axis=1)
        return rest

    def check(self, least: float) -> tuple[int, int]:
        """Return how many labeled tiles would have at least this score without their own label.

        Args:
            least: 0 to 1.

        Returns:
            The number of those whose class has the score, and that of all.
        """
        claimed = self.held_out >= least
        right = claimed[np.arange(len(claimed)), self.labels.numbers]
        return int(right.sum()), int(claimed.sum())

    def find(self, least: float) -> tuple[Rows, Rows]:
        """Return the tiles with at least this score for any class, and the likeliest class.

        Args:
            least: 0 to 1.

        Returns:
            Rows, and numbers of classes, in the order of classes and then of scores, highest first.
        """
        best = self.scores.argmax(axis=1)
        score = self.scores[np.arange(len(best)), best]
        rows = np.flatnonzero(score >= least)
        rows = rows[np.lexsort((-score[rows], best[rows]))]
        return rows, best[rows]

    def count(self, least: float) -> dict[str, int]:
        """Return how many tiles have at least this score, by class."""
        found = (self.scores >= least).sum(axis=0)
        return dict(zip(self.classes, found.tolist(), strict=True))


def confidence(gallery: Gallery, labels: Labels | None = None, *, seed: int = 0) -> Confidence:
    """Score all tiles for each of the given classes.

    Args:
        gallery: an opened gallery.
        labels: class by id, of one tile or more; by default those recorded in the gallery. One
            class alone is compared with all tiles.
        seed: of the tiles that stand for those without a label.

    Raises:
        InputError: there are no labels, the gallery lacks a tile, or all of its tiles are of one
            class.
    """
    check_number("seed", seed, *SEEDS)
    given = find_labels(gallery, labels)
    if not len(given):
        raise InputError("no tile has a label: give one to a few tiles first")
    unlabeled = np.setdiff1d(np.arange(len(gallery)), given.rows, assume_unique=True)
    if not len(unlabeled) and len(given.classes) == 1:
        raise InputError(
            f"all tiles of {gallery.folder} are {given.classes[0]!r}: there is none to tell apart"
        )
    background = draw(unlabeled, BACKGROUND, seed)
    scaling = _Scaling.fit(soft_codes(gallery, draw(np.arange(len(gallery)), MEASURED, seed)))
    rows = scaling.apply(soft_codes(gallery, np.concatenate([given.rows, background])))
    weights, held_out = _fit(rows.astype(np.float64), given, len(background))
    level = _levels(held_out, _sigmoid(rows[: len(given)] @ weights.T), given)
    scores = np.empty((len(gallery), len(given.classes)), np.float32)
    for start in range(0, len(gallery), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        logits = scaling.apply(soft_codes(gallery, part)) @ weights.T.astype(np.float32)
        scores[part] = _share(_sigmoid(logits), level, given)
    checked = _share(held_out, level, given).astype(np.float32)
    return Confidence(given.classes, scores, given, checked, _note(given))


@dataclass(frozen=True, eq=False)
class _Scaling:
    """Shifts and scales soft codes, and appends the constant 1.

    Attributes:
        mean: (d,) float32.
        std: of all numbers together.
    """

    mean: NDArray[np.float32]
    std: np.float32

    @classmethod
    def fit(cls, codes: NDArray[np.float32]) -> "_Scaling":
        std = codes.std(axis=0).mean()
        return cls(codes.mean(axis=0), max(std, np.float32(1e-6)))

    def apply(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        scaled = (codes - self.mean) / self.std
        return np.concatenate([scaled, np.ones((len(codes), 1), np.float32)], axis=1)


def _fit(rows: Floats, given: GivenLabels, background: int) -> tuple[Floats, Floats]:
    """Fit a regression for each class.

    Args:
        rows: inputs of the labeled tiles and then of the background, (r, d).
        given: the labels.
        background: number of the other tiles.

    Returns:
        Weights, (classes, d), and the output for each labeled tile with its label left out,
        (m, classes).
    """
    count, dim = len(given), rows.shape[1]
    own = given.numbers == np.arange(len(given.classes))[:, None]  # (classes, m)
    members, others = own.sum(axis=1, keepdims=True), (~own).sum(axis=1, keepdims=True)
    labeled = np.where(own, WEIGHTS[0] / members, WEIGHTS[1] / np.maximum(others, 1))
    rest = np.full((len(own), background), WEIGHTS[2] / max(background, 1))
    sample_weights = np.concatenate([labeled, rest], axis=1)
    targets = np.concatenate([own, np.zeros_like(rest, dtype=bool)], axis=1)
    penalty = np.diag([RIDGE] * (dim - 1) + [1e-3])  # the constant is free
    weights = np.zeros((len(own), dim))
    for _ in range(STEPS):
        outputs = _sigmoid(weights @ rows.T)
        curvature = sample_weights * outputs * (1 - outputs)
        hessian = (rows.T * curvature[:, None]) @ rows + penalty
        gradient = (sample_weights * (outputs - targets)) @ rows + weights @ penalty
        weights -= np.linalg.solve(hessian, gradient[..., None])[..., 0]
    known = rows[:count]
    influence = np.einsum("md,cdm->cm", known, np.linalg.solve(hessian, known.T))
    slope, curved = (sample_weights * (outputs - targets))[:, :count], curvature[:, :count]
    left_out = weights @ known.T + slope * influence / np.maximum(1 - curved * influence, 0.1)
    return weights, _sigmoid(left_out).T


def _levels(held_out: Floats, outputs: Floats, given: GivenLabels) -> Floats:
    """Return for each class the output from which on a tile is of the class, (classes,)."""
    levels = np.empty(len(given.classes))
    for number in range(len(levels)):
        members = given.numbers == number
        if members.sum() > 1:
            levels[number] = np.quantile(held_out[members, number], SURE)
        else:
            levels[number] = UNSEEN * outputs[members, number].sum()
    return np.maximum(levels, 1e-6)


def _share(outputs: Floats, levels: Floats, given: GivenLabels) -> Floats:
    """Return scores of tiles whose rows add up to at most 1.

    Args:
        outputs: of the regressions, (n, classes).
        levels: see `_levels`.
        given: the labels.
    """
    members = np.bincount(given.numbers, minlength=len(levels))
    most = (members + 1) / (members + 2)
    alone = np.minimum(outputs / levels, 1) * most
    odds = alone / (1 - alone)
    scores: Floats = odds / (1 + odds.sum(axis=1, keepdims=True))
    return scores


def _sigmoid(logits: Floats) -> Floats:
    values: Floats = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    return values


def _note(given: GivenLabels) -> str:
    if len(given.classes) > 1:
        return ""
    return (
        f"all labels are {given.classes[0]!r}: a score says how much a tile is like them, among "
        "all tiles, and not where the class ends; label other tiles, too"
    )
