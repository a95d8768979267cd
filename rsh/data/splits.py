"""Cutting a data set into train, val and query, so that a figure means something.

`query` is in no other split; the gallery is `train` and `val` together; `val` alone chooses
settings. Splits keep the class shares, and a split by block keeps neighbors together: tiles cut
from one place look alike, and a random split would let the model meet its queries beforehand.
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
    _check_draw(seed, query=query, val=val)
    check_classes(labels, least=3)
    splits = np.full(len(labels), "train", dtype="<U5")
    rest = np.arange(len(labels))
    for name, share in (("query", query), ("val", val)):
        draw = StratifiedShuffleSplit(1, test_size=share, random_state=seed)
        with _enough_tiles(name, share):
            keep, taken = next(draw.split(rest, labels[rest]))
        splits[rest[taken]] = name
        rest = rest[keep]
    _check_parts(labels, splits)
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
        InputError: fewer than two classes, too few tiles or blocks, or a class that is not in
            every split.
    """
    labels, blocks = np.asarray(labels), np.asarray(blocks)
    _check_draw(seed, query=query, val=val)
    check_classes(labels, least=3)
    splits = np.full(len(labels), "train", dtype="<U5")
    rest = np.arange(len(labels))
    for name, share in (("query", query), ("val", val)):
        folds = max(2, round(1 / share))
        if len(np.unique(blocks[rest])) < folds:
            raise InputError(
                f"too few blocks to cut {share:.0%} off for {name}: split by class "
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
    _check_parts(labels, splits)
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


@contextmanager
def _enough_tiles(name: str, share: float) -> Iterator[None]:
    """Say in our words what scikit-learn raises when there is too little to cut."""
    try:
        yield
    except ValueError:
        raise InputError(
            f"too few tiles to cut {share:.0%} off for {name}: add tiles to each class"
        ) from None


def _same_classes(labels: NDArray[np.generic], *parts: NDArray[np.int64]) -> bool:
    return len({tuple(np.unique(labels[rows])) for rows in parts}) == 1


def _check_parts(labels: NDArray[np.generic], splits: Names) -> None:
    """Refuse a draw after which a class could not be learned, chosen on or asked for."""
    for name in ("train", "val", "query"):
        without = np.setdiff1d(labels, labels[splits == name])
        if len(without):
            raise InputError(
                f"class {str(without[0])!r} has no tile in {name}: "
                "add tiles, take another seed, or leave the class out"
            )


def _check_draw(seed: int, **shares: float) -> None:
    check_number("seed", seed, *SEEDS)
    for name, share in shares.items():
        if not 0 < share <= 0.5:
            raise InputError("choose a share above 0 and at most 0.5", parameter=name, value=share)


SplitBy = Literal["auto", "class", "block"]
