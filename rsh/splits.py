"""Cutting a data set into train, val and query, so that a figure means something.

`query` is in no other split; the gallery is `train` and `val` together; `val` alone chooses
settings. Splits keep the class shares, and a split by block keeps neighbours together: tiles cut
from one place look alike, and a random split would let the model meet its queries beforehand.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedShuffleSplit

from rsh.errors import InputError

Names = NDArray[np.str_]


def stratified(labels: ArrayLike, *, query: float = 0.2, val: float = 0.15, seed: int = 0) -> Names:
    """Draw queries and validation tiles at random within each class.

    Args:
        labels: class of each item, (n,).
        query: share of the items that become queries, above 0, at most 0.5.
        val: share of the rest that becomes validation, likewise.
        seed: of the draw.

    Returns:
        "train", "val" or "query" for each item, (n,).

    Raises:
        InputError: fewer than two classes, or a class too small to be in every split.
    """
    labels = np.asarray(labels)
    _check_shares(query=query, val=val)
    check_classes(labels, least=3)
    splits = np.full(len(labels), "train", dtype="<U5")
    rest = np.arange(len(labels))
    for name, share in (("query", query), ("val", val)):
        draw = StratifiedShuffleSplit(1, test_size=share, random_state=seed)
        try:
            keep, taken = next(draw.split(rest, labels[rest]))
        except ValueError as error:
            raise InputError(f"cannot cut {share:.0%} off for {name}: {error}") from None
        splits[rest[taken]] = name
        rest = rest[keep]
    for name in ("train", "val", "query"):
        without = np.setdiff1d(labels, labels[splits == name])
        if len(without):
            raise InputError(
                f"class {str(without[0])!r} is too small to have a tile in {name}: "
                "add tiles, ask for a larger share, or leave the class out"
            )
    return splits


def by_block(
    labels: ArrayLike, blocks: ArrayLike, *, query: float = 0.2, val: float = 0.15, seed: int = 0
) -> Names:
    """Draw whole blocks, so that no block is in two splits, with class shares kept near.

    Args:
        labels: class of each item, (n,).
        blocks: block of each item, (n,), such as a cell of 10 x 10 degrees.
        query: share of the items that become queries, above 0, at most 0.5.
        val: share of the rest that becomes validation, likewise.
        seed: of the draw.

    Returns:
        "train", "val" or "query" for each item, (n,).

    Raises:
        InputError: fewer than two classes, a class of one tile, or too few blocks.
    """
    labels, blocks = np.asarray(labels), np.asarray(blocks)
    _check_shares(query=query, val=val)
    check_classes(labels, least=3)
    splits = np.full(len(labels), "train", dtype="<U5")
    rest = np.arange(len(labels))
    for name, share in (("query", query), ("val", val)):
        folds = max(2, round(1 / share))
        if len(np.unique(blocks[rest])) < folds:
            raise InputError(f"too few blocks to cut {share:.0%} off for {name}: split by class")
        draw = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        keep, taken = next(draw.split(rest, labels[rest], blocks[rest]))
        splits[rest[taken]] = name
        rest = rest[keep]
    return splits


def check_classes(labels: NDArray[np.generic], *, least: int) -> None:
    """Refuse labels that no contrast and no split can be made of.

    Raises:
        InputError: fewer than two classes, or a class with fewer than `least` items.
    """
    names, counts = np.unique(labels, return_counts=True)
    if len(names) < 2:
        found = f"one class ({str(names[0])!r})" if len(names) else "no class"
        raise InputError(f"the data has {found}: contrast needs folders of at least two classes")
    if counts.min() < least:
        short = str(names[counts.argmin()])
        raise InputError(
            f"class {short!r} has {counts.min()} tile(s), a split needs at least {least}: "
            "add tiles or leave the class out"
        )


def _check_shares(**shares: float) -> None:
    for name, share in shares.items():
        if not 0 < share <= 0.5:
            raise InputError(f"{name}={share}: choose a share above 0 and at most 0.5")


SplitBy = Literal["auto", "class", "block"]
