"""Splits a data set into train, val and query, without leaking queries into training.

`query` overlaps no other split, the gallery is `train` and `val` together, and settings are chosen
on `val` only. Splits keep the class proportions. A split by block keeps neighboring tiles together:
they look alike, so a random split would put near-copies of the queries into the training tiles.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedShuffleSplit

from rsh.config import SEEDS, check_number
from rsh.errors import InputError

Names = NDArray[np.str_]


def assign_splits(
    labels: ArrayLike,
    blocks: ArrayLike | None = None,
    *,
    query: float = 0.2,
    val: float = 0.15,
    seed: int = 0,
) -> Names:
    """Sample queries and validation items with nearly the same class proportions as in the whole.

    Args:
        labels: class of each item, (n,).
        blocks: block of each item, (n,), such as a cell of 10 x 10 degrees, for splits of whole
            blocks; by default items are sampled at random within each class.
        query: fraction of the items that become queries, above 0, at most 0.5.
        val: fraction of the others that become validation items, likewise.
        seed: of the random sampling.

    Returns:
        "train", "val" or "query" for each item, (n,).

    Raises:
        InputError: fewer than two classes, too few items or blocks, or a split without one of the
            classes.
    """
    labels = np.asarray(labels)
    _check_arguments(seed, query=query, val=val)
    check_classes(labels, least=3)
    splits = np.full(len(labels), "train", dtype="<U5")
    rest = np.arange(len(labels))
    for name, share in (("query", query), ("val", val)):
        groups = None if blocks is None else np.asarray(blocks)[rest]
        draw = _splitter(groups, name, share, seed)
        try:
            cuts = [
                (rest[keep], rest[taken]) for keep, taken in draw.split(rest, labels[rest], groups)
            ]
        except ValueError:
            raise InputError(
                f"too few tiles for a {name} split of {share:.0%}: add tiles to each class"
            ) from None
        rest, taken = next((cut for cut in cuts if _same_classes(labels, *cut)), cuts[0])
        splits[taken] = name
    for name in ("train", "val", "query"):
        without = np.setdiff1d(labels, labels[splits == name])
        if len(without):
            raise InputError(
                f"class {str(without[0])!r} has no tile in {name}: "
                "add tiles, use another seed, or remove the class"
            )
    return splits


def _splitter(
    blocks: NDArray[np.generic] | None, name: str, share: float, seed: int
) -> StratifiedShuffleSplit | StratifiedGroupKFold:
    """Return what draws a split: once at random, or once for each of several folds of blocks."""
    if blocks is None:
        return StratifiedShuffleSplit(1, test_size=share, random_state=seed)
    folds = max(2, round(1 / share))
    if len(np.unique(blocks)) < folds:
        raise InputError(
            f"too few blocks for a {name} split of {share:.0%}: split by class "
            '(by="class", or no column block in items.csv)'
        )
    return StratifiedGroupKFold(folds, shuffle=True, random_state=seed)


def check_classes(labels: NDArray[np.generic], *, least: int) -> None:
    """Raise InputError for fewer than two classes, or a class with fewer than `least` items."""
    names, counts = np.unique(labels, return_counts=True)
    if len(names) < 2:
        found = f"one class ({str(names[0])!r})" if len(names) else "no class"
        raise InputError(
            f"the data has {found}: a contrastive loss needs folders of at least two classes"
        )
    if counts.min() < least:
        short = str(names[counts.argmin()])
        raise InputError(
            f"class {short!r} has {counts.min()} tile(s), a split needs at least {least}: "
            "add tiles or remove the class"
        )


def _same_classes(labels: NDArray[np.generic], *parts: NDArray[np.int64]) -> bool:
    return len({tuple(np.unique(labels[rows])) for rows in parts}) == 1


def _check_arguments(seed: int, **shares: float) -> None:
    check_number("seed", seed, *SEEDS)
    for name, share in shares.items():
        if not 0 < share <= 0.5:
            raise InputError(
                "choose a fraction above 0 and at most 0.5", parameter=name, value=share
            )


SplitBy = Literal["auto", "class", "block"]
