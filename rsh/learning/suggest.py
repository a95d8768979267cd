"""What to label next: tiles that stand for many others, and of which the labels do not decide yet.

Each tile of the gallery is as well known as the most similar labeled tile is similar to it, where
similarity is the cosine of soft codes to the power of three: what is far away says nothing. The
next suggestion is the tile that makes most of the others better known, those counting more whose
class is uncertain; then the next one, as if it had a label. So suggestions are typical and far
apart, without any label as well. Uncertainty counts more the more labels there are: of few it says
little.

Source: facility location, in Wei, Iyer and Bilmes 2015, "Submodularity in data subset selection and
active learning", https://proceedings.mlr.press/v37/wei15.html
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsh.config import SEEDS, check_number
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.learning.confidence import confidence
from rsh.learning.labels import Labels, find_labels
from rsh.learning.soft_codes import Rows, draw, soft_codes

Floats = NDArray[np.float32]
COUNT = 10
MOST = 1000  # suggestions at once
COMPARED = 2000  # tiles without a label, drawn from larger galleries: 30 MB, 0.1 s
AT_ONCE = 500  # rows, so that a kernel needs no more memory
SHARPNESS = 3  # power of the cosine
HALF = 50  # labels with which the uncertainty counts half


class Suggestion(NamedTuple):
    """A tile to label next.

    Attributes:
        row: of the tile in the gallery.
        tile: its id.
        guess: the most likely of the classes, "" without labels or if none is likely.
        confidence: of the guess, or that it is of none of the classes, 0 to 1; 0 without labels.
    """

    row: int
    tile: str
    guess: str
    confidence: float


def suggest(
    gallery: Gallery, labels: Labels | None = None, *, count: int = COUNT, seed: int = 0
) -> list[Suggestion]:
    """Return the tiles to label next, the most useful one first.

    Args:
        gallery: an opened gallery.
        labels: class by id, which may be none; by default those recorded in the gallery.
        count: number of tiles; fewer are returned if fewer have no label.
        seed: of the tiles that are compared in a gallery of over 2,000; otherwise it has no effect.

    Returns:
        Tiles that a search may find, none of which has a label.

    Raises:
        InputError: the gallery lacks a labeled tile, a number is out of range, or all searchable
            tiles have a label.
    """
    check_number("count", count, 1, MOST)
    check_number("seed", seed, *SEEDS)
    given = find_labels(gallery, labels)
    candidates = draw(np.setdiff1d(gallery.searchable, given.rows), max(COMPARED, count), seed)
    if not len(candidates):
        raise InputError(f"all searchable tiles of {gallery.folder} have a label: encode more")
    guesses, scores = np.full(len(candidates), ""), np.zeros(len(candidates))
    weights = np.ones(len(candidates), np.float32)
    if len(given):
        found = confidence(gallery, labels, seed=seed)
        of_each = found.scores[candidates]
        best = of_each.argmax(axis=1)
        guesses, scores = np.array(found.classes)[best], of_each.max(axis=1)
        none = 1 - of_each.sum(axis=1)
        guesses[scores < none] = ""
        scores = np.maximum(scores, none)
        known = len(given) / (len(given) + HALF)
        weights = 1 - known + known * _uncertainty(of_each)
    codes = _unit(soft_codes(gallery, candidates))
    chosen = _cover(codes, _unit(soft_codes(gallery, given.rows)), weights, count)
    return [
        Suggestion(
            int(candidates[place]),
            gallery.ids[int(candidates[place])],
            str(guesses[place]),
            float(scores[place]),
        )
        for place in chosen
    ]


def _uncertainty(scores: Floats) -> Floats:
    """Return 1 less the margin of the two likeliest classes, "none of these" being one, (n,)."""
    every = np.concatenate([scores, 1 - scores.sum(axis=1, keepdims=True)], axis=1)
    first, second = np.sort(every, axis=1)[:, :-3:-1].T
    uncertainty: Floats = 1 - (first - second)
    return uncertainty


def _cover(codes: Floats, labeled: Floats, weights: Floats, count: int) -> Rows:
    """Choose the tiles that make most others better known, one after the other.

    Args:
        codes: of the candidates, (n, d), length 1.
        labeled: of the labeled tiles, (m, d), length 1.
        weights: how much it matters that a candidate is known, (n,).
        count: number of tiles to choose.

    Returns:
        Places among the candidates, in the order of the choice.
    """
    similar = _similarity(codes, codes)  # (n, n)
    known = _similarity(codes, labeled).max(axis=1, initial=0)
    chosen: list[int] = []
    for _ in range(min(count, len(codes))):
        gain = _gains(similar, known, weights)
        gain[chosen] = -1
        chosen.append(int(gain.argmax()))
        known = np.maximum(known, similar[chosen[-1]])
    return np.array(chosen, dtype=np.int64)


def _similarity(codes: Floats, others: Floats) -> Floats:
    """Return 0 to 1 for each pair of codes of length 1, (n, m)."""
    similar: Floats = np.maximum(codes @ others.T, 0) ** SHARPNESS
    return similar


def _gains(similar: Floats, known: Floats, weights: Floats) -> Floats:
    """Return how much better all tiles are known after each of them got a label, (n,)."""
    parts = (similar[start : start + AT_ONCE] for start in range(0, len(similar), AT_ONCE))
    return np.concatenate([np.maximum(part - known, 0) @ weights for part in parts])


def _unit(rows: Floats) -> Floats:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Floats = rows / np.maximum(length, np.float32(1e-12))
    return unit
