"""What learning from labels has changed: neighbors kept, and retrieval of labeled tiles.

Labels are few, so that none can be spared for measuring alone. The codes that are measured come
from heads that were taught without the labels that they are measured with: one half of the labels
and then the other (cross-validation), or one third if there are many. Held-out tiles search each
other and not those that taught the head, whose codes it knows by heart. "Before" is always the
network itself, which has seen none of the labels.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Packed, binarize, hamming, pack
from rsh.gallery.gallery import Gallery
from rsh.learning.labels import GivenLabels
from rsh.learning.soft_codes import Rows, draw
from rsh.metrics.counts import DistanceCounts, count_by_distance, without_self
from rsh.metrics.neighbors import nearest_by_cosine, neighbors_kept
from rsh.metrics.ranking import average_precision, bootstrap_interval, precision_at

NEIGHBORS = 10
QUERIES, SEARCHED = 1000, 20_000  # tiles that neighbors are measured with
FEW = 100  # labels: of at most so many each is held out once
GUESS = 30  # queries: with fewer the figures are a guess
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BeforeAfter:
    """A metric before and after, fractions."""

    before: float
    after: float


@dataclass(frozen=True)
class HeldOut:
    """How well labeled tiles find others of their class, measured with labels that were held out.

    Attributes:
        queries: number of held-out tiles with another tile of their class to find.
        mean_average_precision: of these queries among the other held-out tiles.
        precision: share of a query's class among its nearest held-out tiles, as many as there are
            of its class (R-precision).
        gain: 95 % interval of the change of the mean average precision.
    """

    queries: int
    mean_average_precision: BeforeAfter
    precision: BeforeAfter
    gain: tuple[float, float]

    @property
    def is_guess(self) -> bool:
        """Whether there are too few queries to rely on the figures."""
        return self.queries < GUESS


@dataclass(frozen=True)
class LearnReport:
    """What learning has changed.

    Attributes:
        labels: number of labels that were learned from.
        left_out: number of labels of held-out tiles (split "query"), which are never learned from.
        classes: names.
        neighbors_kept: share of a tile's ten nearest by features among its ten nearest by code.
        nearest_changed: share of the tiles whose nearest tile is another one.
        compared: number of tiles that these two were measured with.
        held_out: None if the labels are too few to hold some out.
    """

    labels: int
    left_out: int
    classes: tuple[str, ...]
    neighbors_kept: BeforeAfter
    nearest_changed: float
    compared: int
    held_out: HeldOut | None


def split_folds(given: GivenLabels, seed: int) -> Iterator[NDArray[np.bool_]]:
    """Yield which labels are held out in turn: one half and then the other; of many one third.

    A part is left out if it has no two tiles of a class, or if the other labels are of one class.

    Args:
        given: the labels.
        seed: of the draw.
    """
    few = len(given) <= FEW
    parts, fold = (2 if few else 3), np.empty(len(given), np.int64)
    rng, begin = np.random.default_rng(seed), 0
    for number in range(len(given.classes)):
        members = rng.permutation(np.flatnonzero(given.numbers == number))
        fold[members] = (begin + np.arange(len(members))) % parts
        begin += len(members)  # so that classes of one label are not all in the same part
    for which in range(parts if few else 1):
        held_out = fold == which
        pairs = np.bincount(given.numbers[held_out]).max(initial=0) > 1
        if pairs and len(set(given.numbers[~held_out])) > 1:
            yield held_out


def score_held_out(packed: Packed, num_bits: int, labels: Rows) -> Floats:
    """Return average precision and R-precision of held-out tiles that search each other.

    Args:
        packed: codes of the held-out tiles, (m, bytes) uint8.
        num_bits: code length, bits.
        labels: their class numbers, (m,).

    Returns:
        (2, q), of those with another tile of their class to find; the mean over all orders of ties.
    """
    every = count_by_distance(packed, packed, labels, labels, num_bits=num_bits)
    counts = without_self(every)
    some = counts.relevant.any(axis=1)
    counts = DistanceCounts(counts.items[some], counts.relevant[some])
    return np.stack([average_precision(counts), _r_precision(counts)])


def _r_precision(counts: DistanceCounts) -> Floats:
    total = counts.relevant.sum(axis=1)
    found = np.empty(len(total))
    for count in np.unique(total):
        rows = total == count
        part = DistanceCounts(counts.items[rows], counts.relevant[rows])
        found[rows] = precision_at(part, top_k=int(count))
    return found


def summarize(before: Floats, after: Floats, seed: int) -> HeldOut:
    """Return the figures of all held-out tiles together.

    Args:
        before: what `score_held_out` returns for the network, (2, q).
        after: the same for taught heads.
        seed: of the interval.
    """
    means = zip(before.mean(axis=1).tolist(), after.mean(axis=1).tolist(), strict=True)
    average, precision = (BeforeAfter(*pair) for pair in means)
    gain = bootstrap_interval(after[0] - before[0], seed=seed)
    return HeldOut(before.shape[1], average, precision, gain)


def compare_neighbors(old: Gallery, new: Gallery, seed: int) -> tuple[BeforeAfter, float, int]:
    """Compare the codes of a network and those of a learned gallery with the same tiles.

    At most 1,000 tiles are compared with at most 20,000.

    Args:
        old: gives features and the network's codes.
        new: the learned gallery.
        seed: of the draw.

    Returns:
        Neighbors kept; the share of tiles whose nearest other tile, by code and then by features,
        is another one; and the number of tiles.
    """
    rows = draw(old.searchable, SEARCHED, seed)
    own = draw(np.arange(len(rows)), QUERIES, seed)
    features = np.asarray(old.features[rows], np.float32)
    count = min(NEIGHBORS, len(rows) - 1)
    near = nearest_by_cosine(features[own], features, count, own=own)
    cosine = features[own] @ features.T
    kept, first = [], []
    for packed in (pack(binarize(old.network[rows])), new.packed[rows]):
        kept.append(neighbors_kept(packed[own], packed, near, depth=count, own=own).mean())
        first.append(_nearest(packed, cosine, own))
    changed = float((first[0] != first[1]).mean())
    return BeforeAfter(float(kept[0]), float(kept[1])), changed, len(own)


def _nearest(packed: Packed, cosine: NDArray[np.float32], own: Rows) -> Rows:
    """Return the place of the nearest other tile by code, of equal ones by cosine, (q,)."""
    key = hamming(packed[own], packed) - 0.25 * cosine  # a cosine never outweighs a bit
    key[np.arange(len(own)), own] = np.inf
    nearest: Rows = key.argmin(axis=1)
    return nearest
