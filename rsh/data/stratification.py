"""Iterative stratification: parts of a data set in which each label keeps its share.

A tile with several labels counts for all of them, so sampling within each class does not apply. The
rarest label is dealt first, since common ones still have tiles left to even out. Packages for it
deal single items; here equal images, or the tiles of a block, stay together.

Source: Sechidis, Tsoumakas and Vlahavas 2011, "On the stratification of multi-label data",
algorithm 1, https://doi.org/10.1007/978-3-642-23808-6_10
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def stratify(
    labels: NDArray[np.bool_], groups: NDArray[np.generic], shares: Sequence[float], seed: int
) -> Rows:
    """Deal groups of items to parts, so that each label has its share of items in each.

    A label that at least as many groups have as there are parts gets one item or more in each, as
    far as its groups allow.

    Args:
        labels: which labels each item has, (n, labels).
        groups: group of each item, (n,), which stays together.
        shares: of the items in each part; they add up to 1.
        seed: of the order in which groups are dealt, and of ties.

    Returns:
        Number of the part of each item, (n,) int64.
    """
    _, members = np.unique(groups, return_inverse=True)
    sizes = np.bincount(members)
    counts = np.zeros((len(sizes), labels.shape[1]), dtype=np.int64)
    np.add.at(counts, members, labels.astype(np.int64))
    rng = np.random.default_rng(seed)
    wanted = _wanted(counts, np.array(shares))  # (parts, labels), falls as groups are dealt
    room = np.array(shares) * len(labels)  # (parts,)
    part = np.full(len(sizes), -1, dtype=np.int64)
    free: NDArray[np.bool_] = np.asarray(counts.any(axis=1))
    while free.any():
        left = (counts[free] > 0).sum(axis=0)
        label = int(np.where(left > 0, left, len(sizes) + 1).argmin())
        order = rng.permutation(np.flatnonzero(free & (counts[:, label] > 0)))
        for group in order[np.argsort(-counts[order, label], kind="stable")].tolist():
            part[group] = _neediest(wanted[:, label], room, rng)
            wanted[part[group]] -= counts[group]
            room[part[group]] -= sizes[group]
        free[order] = False
    rest = rng.permutation(np.flatnonzero(part < 0))
    for group in rest[np.argsort(-sizes[rest], kind="stable")].tolist():
        part[group] = _neediest(room, room, rng)
        room[part[group]] -= sizes[group]
    return part[members]


def _wanted(counts: Rows, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many items with each label each part should have, (parts, labels)."""
    wanted: NDArray[np.float64] = shares[:, None] * counts.sum(axis=0)
    everywhere = (counts > 0).sum(axis=0) >= len(shares)
    least: NDArray[np.float64] = np.where(everywhere, np.maximum(wanted, 1), wanted)
    largest = int(shares.argmax())
    least[largest] -= least.sum(axis=0) - wanted.sum(axis=0)
    return least


def _neediest(
    wanted: NDArray[np.float64], room: NDArray[np.float64], rng: np.random.Generator
) -> int:
    """Return the part that lacks most items with a label; of equal ones that with most room."""
    most = np.flatnonzero(wanted >= wanted.max() - 1e-9)
    if len(most) > 1:
        most = most[room[most] >= room[most].max() - 1e-9]
    return int(most[0] if len(most) == 1 else rng.choice(most))
