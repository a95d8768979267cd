"""Splits a data set into train, val and query, without leaking queries into training.

`query` overlaps no other split, the gallery is `train` and `val` together, and settings are chosen
on `val` only. Splits keep the class proportions. A split by block keeps neighboring tiles together:
they look alike, so a random split would put near-copies of the queries into the training tiles.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedShuffleSplit

from rsh.config import SEEDS, check_number
from rsh.errors import InputError

Names = NDArray[np.str_]


def stratified(labels: ArrayLike, *, query: float = 0.2, val: float = 0.15, seed: int = 0) -> Names:
    """Sample queries and validation tiles at random within each class.

    Args:
        labels: class of each item, (n,).
        query: fraction of the items that become queries, above 0, at most 0.5.
        val: fraction of the others that become validation items, likewise.
        seed: of the random sampling.

    Returns:
        "train", "val" or "query" for each item, (n,).

    Raises:
        InputError: fewer than two classes, or a class too small to be in every split.
    """
    labels = np.asarray(labels)
    _check_arguments(seed, query=query, val=val)
    check_classes(labels, least=3)
    splits = np.full(len(labels), "train", dtype="<U5")
    rest = np.arange(len(labels))
    for name, share in (("query", query), ("val", val)):
        draw = StratifiedShuffleSplit(1, test_size=share, random_state=seed)
        with _enough_tiles(name, share):
            keep, taken = next(draw.split(rest, labels[rest]))
        splits[rest[taken]] = name
        rest = rest[keep]
    _check_splits(labels, splits)
    return splits


def by_block(
    labels: ArrayLike, blocks: ArrayLike, *, query: float = 0.2, val: float = 0.15, seed: int = 0
) -> Names:
    """Assign whole blocks to splits, with nearly the same class proportions in each.

    Args:
        labels: class of each item, (n,).
        blocks: block of each item, (n,), such as a cell of 10 x 10 degrees.
        query: fraction of the items that become queries, above 0, at most 0.5.
        val: fraction of the others that become validation items, likewise.
        seed: of the random sampling.

    Returns:
        "train", "val" or "query" for each item, (n,).

    Raises:
        InputError: fewer than two classes, too few tiles or blocks, or a split without one of the
            classes.
    """
    labels, blocks = np.asarray(labels), np.asarray(blocks)
    _check_arguments(seed, query=query, val=val)
    check_classes(labels, least=3)
    splits = np.full(len(labels), "train", dtype="<U5")
    rest = np.arange(len(labels))
    for name, share in (("query", query), ("val", val)):
        folds = max(2, round(1 / share))
        if len(np.unique(blocks[rest])) < folds:
            raise InputError(
                f"too few blocks for a {name} split of {share:.0%}: split by class "
                '(by="class", or no column block in items.csv)'
            )
        draw = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        with _enough_tiles(name, share):
            cuts = [
                (rest[keep], rest[taken])
                for keep, taken in draw.split(rest, labels[rest], blocks[rest])
            ]
        rest, taken = next((cut for cut in cuts if _same_classes(labels, *cut)), cuts[0])
        splits[taken] = name
    _check_splits(labels, splits)
    return splits


def check_classes(labels: NDArray[np.generic], *, least: int) -> None:
    """Raise InputError for labels that cannot be contrasted or split.

    Raises:
        InputError: fewer than two classes, or a class with fewer than `least` items.
    """
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


@contextmanager
def _enough_tiles(name: str, share: float) -> Iterator[None]:
    """Turn scikit-learn's error about too few tiles into an InputError."""
    try:
        yield
    except ValueError:
        raise InputError(
            f"too few tiles for a {name} split of {share:.0%}: add tiles to each class"
        ) from None


def _same_classes(labels: NDArray[np.generic], *parts: NDArray[np.int64]) -> bool:
    return len({tuple(np.unique(labels[rows])) for rows in parts}) == 1


def _check_splits(labels: NDArray[np.generic], splits: Names) -> None:
    """Raise InputError if a split lacks one of the classes."""
    for name in ("train", "val", "query"):
        without = np.setdiff1d(labels, labels[splits == name])
        if len(without):
            raise InputError(
                f"class {str(without[0])!r} has no tile in {name}: "
                "add tiles, use another seed, or remove the class"
            )


def _check_arguments(seed: int, **shares: float) -> None:
    check_number("seed", seed, *SEEDS)
    for name, share in shares.items():
        if not 0 < share <= 0.5:
            raise InputError(
                "choose a fraction above 0 and at most 0.5", parameter=name, value=share
            )


SplitBy = Literal["auto", "class", "block"]
