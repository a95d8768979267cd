"""What learning from labels has changed: neighbors kept, and retrieval of labeled tiles.

Labels are few, so that none can be spared for measuring alone. The codes that are measured come
from heads that were taught without the labels that they are measured with: one half of the labels
and then the other (cross-validation), or one third if there are many. Held-out tiles search each
other and not those that taught the head, whose codes it knows by heart. "Before" is always the
network itself, which has seen none of the labels.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Packed, binarize, hamming, pack
from rsh.gallery.gallery import Gallery
from rsh.gallery.learn_report import BeforeAfter, HeldOut
from rsh.gallery.learned import LearnedHead
from rsh.learning.labels import GivenLabels
from rsh.learning.soft_codes import Rows, draw
from rsh.metrics.counts import DistanceCounts, count_by_distance, without_self
from rsh.metrics.neighbors import nearest_by_cosine, neighbors_kept
from rsh.metrics.ranking import average_precision, bootstrap_interval, precision_at

NEIGHBORS = 10
QUERIES, SEARCHED = 1000, 20_000  # tiles that neighbors are measured with
FEW = 100  # labels: of at most so many each is held out once
Floats = NDArray[np.float64]


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


def compare_neighbors(
    gallery: Gallery, head: LearnedHead, seed: int
) -> tuple[BeforeAfter, float, int]:
    """Compare the codes of a gallery's network with those that a head corrects.

    At most 1,000 tiles are compared with at most 20,000.

    Args:
        gallery: gives features and the network's codes.
        head: corrects them.
        seed: of the draw.

    Returns:
        Neighbors kept; the share of tiles whose nearest other tile, by code and then by features,
        is another one; and the number of tiles.
    """
    rows = draw(gallery.searchable, SEARCHED, seed)
    own = draw(np.arange(len(rows)), QUERIES, seed)
    features, network = gallery.features[rows], gallery.network[rows]
    wide = np.asarray(features, np.float32)
    count = min(NEIGHBORS, len(rows) - 1)
    near = nearest_by_cosine(wide[own], wide, count, own=own)
    cosine = wide[own] @ wide.T
    kept, first = [], []
    for relaxed in (network, head.correct(features, network)):
        packed = pack(binarize(relaxed))
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
