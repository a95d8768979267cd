"""How likely each tile is of each class that a visitor has given to some tiles.

A logistic regression for each class, on soft codes: its tiles against the other labels and against
tiles drawn from the gallery. The latter stand for all that has no label, and hold tiles of the
class as well. So a regression gives too little to its own class. Of each labeled tile we know
about what it would give if the label were unknown; a tile with as much as the best quarter of these
is of the class, and others in proportion. Few labels prove little: with m of them no score exceeds
(m + 1) / (m + 2). What the classes leave of 1 is for "none of these".

A check leaves each label out in turn and computes all again, levels and limits included: with a few
labels of a class they depend on every single one.

Source: of learning from labeled and unlabeled tiles, Elkan and Noto 2008,
https://doi.org/10.1145/1401890.1401920; of leaving one out without fitting again, Rad and Maleki
2020, https://arxiv.org/abs/1801.10243.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsh.config import SEEDS, check_number
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.labels import UNLABELED
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
CHECKED = 100  # labels that are left out in turn
ROWS_AT_ONCE = 1 << 16


@dataclass(frozen=True, eq=False)
class Confidence:
    """How likely each tile of a gallery is of each class.

    Attributes:
        classes: names, in alphabetical order.
        scores: (n, classes) float32, 0 to 1; a row adds up to at most 1.
        labels: what they were computed from.
        note: what to know of the scores, one sentence, or "".
        examples: what a check leaves labels out of.
    """

    classes: list[str]
    scores: NDArray[np.float32]
    labels: GivenLabels
    note: str
    examples: "_Examples"

    @property
    def checked(self) -> GivenLabels:
        """The labels that are left out in turn: all of two or more, or 100 drawn from them."""
        chosen = np.zeros(len(self.labels), bool)
        chosen[self.examples.checked] = True
        return self.labels.select(chosen)

    @cached_property
    def held_out(self) -> NDArray[np.float32]:
        """Scores that the checked tiles would have without their own label, (checked, classes).

        All is computed again for each of them, in up to some seconds.
        """
        return self.examples.leave_out(self.labels.numbers, len(self.classes))

    @property
    def none_of_these(self) -> NDArray[np.float32]:
        """How likely each tile is of none of the classes, (n,), 0 to 1."""
        rest: NDArray[np.float32] = 1 - self.scores.sum(axis=1)
        return rest

    def check(self, least: float) -> tuple[int, int]:
        """Return how many labels the others guess, with at least this score.

        A guess is the likeliest class, fitted without the tile's own label.

        Args:
            least: 0 to 1.

        Returns:
            The number of right guesses, and that of all guesses.

        Raises:
            InputError: the score is no number from 0 to 1.
        """
        check_number("least", least, 0.0, 1.0)
        claimed = self.held_out.max(axis=1, initial=0) >= least
        right = claimed & (self.held_out.argmax(axis=1) == self.checked.numbers)
        return int(right.sum()), int(claimed.sum())

    def find(self, least: float) -> tuple[Rows, Rows]:
        """Return the tiles with at least this score for any class, and the likeliest class.

        Args:
            least: 0 to 1.

        Returns:
            Rows, and numbers of classes, in the order of classes and then of scores, highest first.

        Raises:
            InputError: the score is no number from 0 to 1.
        """
        check_number("least", least, 0.0, 1.0)
        best = self.scores.argmax(axis=1)
        score = self.scores[np.arange(len(best)), best]
        rows = np.flatnonzero(score >= least)
        rows = rows[np.lexsort((-score[rows], best[rows]))]
        return rows, best[rows]

    def count(self, least: float) -> dict[str, int]:
        """Return how many tiles `find` finds of each class.

        Raises:
            InputError: the score is no number from 0 to 1.
        """
        _, numbers = self.find(least)
        found = np.bincount(numbers, minlength=len(self.classes))
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
    model = _Model.fit(gallery, labels, seed)
    given, scores = model.labels, model.score(gallery, slice(None))
    return Confidence(given.classes, scores, given, _note(given), model.examples)


class Guesses(NamedTuple):
    """The likeliest of the given classes, of k tiles.

    Attributes:
        classes: its name, k of them.
        scores: how likely it is, (k,) float32, 0 to 1.
    """

    classes: list[str]
    scores: NDArray[np.float32]


def guess_classes(gallery: Gallery, rows: Rows) -> Guesses | None:
    """Return the likeliest class of some tiles, by the labels recorded in the gallery.

    Args:
        gallery: an opened gallery.
        rows: of the tiles, (k,).

    Returns:
        None if no tile has a label, or all tiles have the same.

    Raises:
        InputError: annotations cannot be read.
    """
    given = gallery.annotations.state.given.numbers
    if (given == UNLABELED).all() or len(np.unique(given)) == 1:
        return None
    model = _Model.fit(gallery, None, 0)
    scores = model.score(gallery, rows)
    best = scores.argmax(axis=1)
    names = [model.labels.classes[number] for number in best.tolist()]
    return Guesses(names, scores[np.arange(len(best)), best])


@dataclass(frozen=True, eq=False)
class _Model:
    """What labels of a gallery have taught.

    Attributes:
        labels: from which.
        scaling: of the inputs.
        fitted: the regressions.
        examples: that they were fitted to.
    """

    labels: GivenLabels
    scaling: "_Scaling"
    fitted: "_Fitted"
    examples: "_Examples"

    @classmethod
    def fit(cls, gallery: Gallery, labels: Labels | None, seed: int) -> "_Model":
        """Fit the regressions: see `confidence`."""
        check_number("seed", seed, *SEEDS)
        given = find_labels(gallery, labels)
        if not len(given):
            raise InputError(
                "no tile was given a class: give one to a few tiles first, see `rsh labels --help`"
            )
        unlabeled = np.setdiff1d(np.arange(len(gallery)), given.rows, assume_unique=True)
        if not len(unlabeled) and len(given.classes) == 1:
            raise InputError(
                f"all tiles of {gallery.folder} are {given.classes[0]!r}: there is none to tell "
                "apart"
            )
        background = draw(unlabeled, BACKGROUND, seed)
        scaling = _Scaling.fit(soft_codes(gallery, draw(np.arange(len(gallery)), MEASURED, seed)))
        rows = scaling.apply(soft_codes(gallery, np.concatenate([given.rows, background])))
        known, others = np.split(rows.astype(np.float64), [len(given)])
        checked = draw(np.arange(len(given)), CHECKED if len(given) > 1 else 0, seed)
        examples = _Examples(known, others, checked, len(background) == len(unlabeled))
        return cls(given, scaling, _Fitted.fit(known, given.numbers, others), examples)

    def score(self, gallery: Gallery, rows: Rows | slice) -> NDArray[np.float32]:
        """Return the scores of some tiles, (k, classes) float32: see `Confidence`."""
        wanted = np.arange(len(gallery))[rows]
        scores = np.empty((len(wanted), len(self.labels.classes)), np.float32)
        for start in range(0, len(wanted), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            read = part if isinstance(rows, slice) else wanted[part]  # a slice is not copied
            scores[part] = self.fitted.score(self.scaling.apply(soft_codes(gallery, read)))
        return scores


@dataclass(frozen=True, eq=False)
class _Examples:
    """What the regressions were fitted to.

    Attributes:
        known: inputs of the labeled tiles, (m, d).
        others: of the background, (b, d).
        checked: places of the labeled tiles that a check leaves out in turn.
        whole: whether the background is all tiles without a label, so that a tile whose label is
            left out is one of them.
    """

    known: Floats
    others: Floats
    checked: Rows
    whole: bool

    def leave_out(self, numbers: Rows, classes: int) -> NDArray[np.float32]:
        """Return the scores of the checked tiles, each fitted without its own label.

        Args:
            numbers: class of each labeled tile, (m,).
            classes: their number.

        Returns:
            (checked, classes); 0 of a class that has no other label.
        """
        scores = np.zeros((len(self.checked), classes), np.float32)
        for place, tile in enumerate(self.checked):
            left = np.delete(numbers, tile)
            names, left = np.unique(left, return_inverse=True)
            own = self.known[tile : tile + 1]
            others = np.concatenate([self.others, own]) if self.whole else self.others
            fitted = _Fitted.fit(np.delete(self.known, tile, axis=0), left, others)
            scores[place, names] = fitted.score(own.astype(np.float32))[0]
        return scores


@dataclass(frozen=True, eq=False)
class _Fitted:
    """A regression for each class.

    Attributes:
        weights: (classes, d).
        levels: output from which on a tile is of the class, (classes,).
        members: number of labels of each class.
    """

    weights: Floats
    levels: Floats
    members: Rows

    @classmethod
    def fit(cls, known: Floats, numbers: Rows, others: Floats) -> "_Fitted":
        """Fit the regressions.

        Args:
            known: inputs of the labeled tiles, (m, d).
            numbers: their classes, (m,), 0 to classes - 1.
            others: inputs of the background, (b, d).
        """
        rows = np.concatenate([known, others])
        weights, held_out = _fit(rows, numbers, len(others))
        levels = _levels(held_out, _sigmoid(known @ weights.T), numbers)
        return cls(weights, levels, np.bincount(numbers))

    def score(self, rows: NDArray[np.float32]) -> Floats:
        """Return scores of tiles, of which each row adds up to at most 1, (n, classes)."""
        outputs = _sigmoid(rows @ self.weights.T.astype(np.float32))
        most = (self.members + 1) / (self.members + 2)
        alone = np.minimum(outputs / self.levels, 1) * most
        odds = alone / (1 - alone)
        scores: Floats = odds / (1 + odds.sum(axis=1, keepdims=True))
        return scores


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


def _fit(rows: Floats, numbers: Rows, background: int) -> tuple[Floats, Floats]:
    """Fit a regression for each class.

    Args:
        rows: inputs of the labeled tiles and then of the background, (r, d).
        numbers: classes of the labeled tiles, (m,).
        background: number of the other tiles.

    Returns:
        Weights, (classes, d), and nearly the output for each labeled tile with its label left out,
        (m, classes).
    """
    count, dim = len(numbers), rows.shape[1]
    own = numbers == np.arange(numbers.max() + 1)[:, None]  # (classes, m)
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


def _levels(held_out: Floats, outputs: Floats, numbers: Rows) -> Floats:
    """Return for each class the output from which on a tile is of the class, (classes,)."""
    levels = np.empty(held_out.shape[1])
    for number in range(len(levels)):
        members = numbers == number
        if members.sum() > 1:
            levels[number] = np.quantile(held_out[members, number], SURE)
        else:
            levels[number] = UNSEEN * outputs[members, number].sum()
    return np.maximum(levels, 1e-6)


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
