"""Splits a data set into train, val and query, without leaking queries into training.

`query` overlaps no other split, the gallery is `train` and `val` together, and settings are chosen
on `val` only. Whole classes may be `unseen`: in none of the three. Splits keep the proportions of
classes, or of labels; tiles without a class are drawn like one more class. A split by block keeps
neighboring tiles together: they look alike, so a random split would put near-copies of the queries
into the training tiles.
"""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedShuffleSplit

from rsh.config import SEEDS, check_number
from rsh.data.stratification import stratify
from rsh.data.twins import join
from rsh.errors import InputError, RshWarning
from rsh.text import plural

Names = NDArray[np.str_]
Rows = NDArray[np.int64]
TRIES = 10  # further draws of blocks, where the first leaves out a class
LEAST = 3  # tiles or blocks of a class, one for each part
LEAST_CLASSES = 4  # where some of them are not learned
BY_CLASS = 'let rsh draw single tiles (--split-by class, or by="class")'


def assign_splits(
    labels: ArrayLike,
    *,
    block: ArrayLike | None = None,
    given: ArrayLike | None = None,
    twins: ArrayLike | None = None,
    label_matrix: NDArray[np.bool_] | None = None,
    query: float = 0.2,
    val: float = 0.15,
    seed: int = 0,
) -> Names:
    """Sample queries and validation items with nearly the same class proportions as in the whole.

    Args:
        labels: class of each item, (n,); "" for an item without one.
        block: block of each item, (n,), such as a cell of 10 x 10 degrees, for splits of whole
            blocks; by default items are sampled at random within each class.
        given: split of each item as a name in `SPLIT_NAMES`, (n,); validation items are
            sampled only if none are named.
        twins: group of each item, (n,); items of one group, such as equal images, stay together.
        label_matrix: which of several labels each item has, (n, labels); they count instead of the
            classes.
        query: fraction of the items that become queries, above 0, at most 0.5.
        val: fraction of the others that become validation items, likewise.
        seed: of the random sampling.

    Returns:
        "train", "val" or "query" for each item, (n,). Beside items without a class, a class of
        fewer than three groups or blocks stays in train, as far as enough others are left.

    Raises:
        InputError: too few items or blocks; or, where every item has a class, fewer than two
            classes, a class of fewer than three groups or blocks, no split of whole blocks that has
            every class everywhere, or a given split that leaves a class out of train or query.
    """
    labels = np.asarray(labels)
    _check_arguments(seed, query=query, val=val)
    groups = np.arange(len(labels)) if twins is None else np.asarray(twins)
    if given is not None:
        return _follow(labels, np.asarray(given), groups, val, seed, label_matrix)
    blocks = None if block is None else _join_blocks(np.asarray(block), groups)
    if label_matrix is not None:
        return _stratified(label_matrix, groups, blocks, query, val, seed)
    partly = _lacks_classes(labels)
    if partly and blocks is not None:
        return _sample_partly(labels, blocks, query, val, seed)
    if partly:
        names, members = _class_of_each(labels, groups)
        return _sample_partly(names, None, query, val, seed)[members]
    check_classes(labels, least=LEAST)
    if blocks is not None:
        return _sample(labels, blocks, query, val, seed)
    _, firsts, members = np.unique(groups, return_index=True, return_inverse=True)
    for name in np.unique(labels):
        if np.count_nonzero(labels[firsts] == name) < LEAST:
            raise InputError(
                f"class {str(name)!r} has fewer than 3 tiles that are not copies of others: add "
                "tiles or remove the class"
            )
    return _sample(labels[firsts], None, query, val, seed)[members]


def draw_unseen(labels: ArrayLike, share: float, seed: int) -> NDArray[np.bool_]:
    """Draw classes that are not learned, to measure codes of classes that no training has seen.

    Args:
        labels: class of each item, (n,); "" for an item without one.
        share: of the classes, above 0, at most 0.5; at least one is drawn.
        seed: of the draw.

    Returns:
        Whether each item is of such a class, (n,).

    Raises:
        InputError: fewer than four classes, or a share out of range.
    """
    _check_arguments(seed, unseen=share)
    classes = np.unique(np.asarray(labels)[np.asarray(labels) != ""])
    if len(classes) < LEAST_CLASSES:
        raise InputError(
            f"the data has {plural(len(classes), 'class')}, and some must be left to learn: "
            f"it needs {LEAST_CLASSES}",
            parameter="unseen",
            value=share,
        )
    drawn = np.random.default_rng(seed).permutation(classes)[: max(1, int(share * len(classes)))]
    return np.isin(labels, drawn)


def _sample(
    labels: NDArray[np.generic],
    blocks: NDArray[np.generic] | None,
    query: float,
    val: float,
    seed: int,
) -> Names:
    if blocks is not None:
        _check_blocks(labels, blocks)
    splits = np.full(len(labels), "train", dtype="<U5")
    for rest, queries in _cuts(labels, blocks, np.arange(len(labels)), "query", query, seed, 2):
        for _, chosen in _cuts(labels, blocks, rest, "val", val, seed, 1):
            splits[queries], splits[chosen] = "query", "val"
            return splits
    raise InputError(
        f"no split of whole blocks has every class in train, val and query: {BY_CLASS}"
    )


def _lacks_classes(labels: NDArray[np.generic]) -> bool:
    """Whether an item has no class; labels that are numbers are all known."""
    return labels.dtype.kind in "UO" and bool((labels == "").any())


def _class_of_each(labels: NDArray[np.generic], groups: Rows) -> tuple[NDArray[np.generic], Rows]:
    """Return a class of each group, "" if no item has one, and the group of each item."""
    known_first = np.argsort(labels == "", kind="stable")
    _, firsts = np.unique(groups[known_first], return_index=True)
    return labels[known_first[firsts]], np.unique(groups, return_inverse=True)[1]


def _sample_partly(
    labels: NDArray[np.generic],
    blocks: NDArray[np.generic] | None,
    query: float,
    val: float,
    seed: int,
) -> Names:
    """Sample items of which some have no class, or whole blocks of them.

    A block that holds an item of a small class stays in train, since its label is rare. Where that
    leaves too little to draw, first the proportions of classes give way, then the rare labels.
    """
    units = np.arange(len(labels)) if blocks is None else blocks
    _check_units(units, blocks is not None)
    small = [name for name in np.unique(labels) if len(np.unique(units[labels == name])) < LEAST]
    alike = np.zeros(len(labels), dtype=np.int64)
    free = ~np.isin(units, units[np.isin(labels, small)])
    splits = np.full(len(labels), "train", dtype="<U5")
    for rows, kinds in ((free, labels), (free, alike)):
        with suppress(InputError):
            if len(np.unique(units[rows])) >= LEAST:
                among = None if blocks is None else blocks[rows]
                splits[rows] = _sample(kinds[rows], among, query, val, seed)
                return splits
    return _sample(alike, blocks, query, val, seed)


def _check_units(units: NDArray[np.generic], are_blocks: bool) -> None:
    """Refuse fewer tiles or blocks than a split has parts."""
    total = len(np.unique(units))
    if total < LEAST:
        what = "block" if are_blocks else "different tile"
        hint = f"add tiles, or {BY_CLASS}" if are_blocks else "add tiles"
        raise InputError(f"the data has {plural(total, what)}, a split needs {LEAST}: {hint}")


def _stratified(
    matrix: NDArray[np.bool_],
    groups: Rows,
    blocks: NDArray[np.generic] | None,
    query: float,
    val: float,
    seed: int,
) -> Names:
    """Sample groups of tiles, or whole blocks, so that each label keeps its share."""
    units = groups if blocks is None else blocks
    _check_units(units, blocks is not None)
    held_out = (1 - query) * val
    shares = (1 - query - held_out, held_out, query)
    names = np.array(["train", "val", "query"])
    splits: Names = names[stratify(matrix, units, shares, seed)]
    if len(np.unique(splits)) < LEAST:
        raise InputError(
            f"the data has too few tiles for train, val and query: add some, or {BY_CLASS}"
        )
    return splits


def _join_blocks(blocks: NDArray[np.generic], groups: Rows) -> NDArray[np.generic]:
    """Return the blocks of items, where blocks that share a group become one."""
    joined = pd.Series(blocks).groupby(join(blocks, groups)).transform("min")
    return joined.to_numpy()


def _follow(
    labels: NDArray[np.generic],
    given: NDArray[np.generic],
    groups: Rows,
    val: float,
    seed: int,
    matrix: NDArray[np.bool_] | None,
) -> Names:
    """Return the splits that are given; without one for validation, take it from train."""
    splits = split_parts(given).to_numpy("<U5")
    if "query" not in splits:
        splits[splits == "val"] = "query"
    partly = matrix is not None or _lacks_classes(labels)
    kinds = np.full(len(labels), "") if partly else labels  # how the tiles are counted
    for name in np.unique(kinds):
        for split, least in (("train", 2), ("query", 1)):
            count = int(((kinds == name) & (splits == split)).sum())
            if count < least:
                whose = "the data" if partly else f"class {str(name)!r}"
                raise InputError(
                    f"{whose} has {plural(count, 'tile')} for {split} in the given split, which "
                    f"needs {least}: add tiles, or {BY_CLASS}"
                )
    _warn_of_leaks(splits, groups)
    if "val" not in splits:
        train = np.flatnonzero(splits == "train")
        if matrix is not None:
            parts = stratify(matrix[train], groups[train], (1 - val, val), seed)
            splits[train[parts == 1]] = "val"
            return splits
        if partly:
            names, counts = np.unique(labels[train], return_counts=True)
            free = train[np.isin(labels[train], names[counts >= LEAST])]
            train, labels = (free, labels) if len(free) else (train, kinds)
        _, chosen = next(_cuts(labels, None, train, "val", val, seed, 1))
        splits[chosen] = "val"
    return splits


def split_parts(names: Any) -> "pd.Series[str]":
    """Return "train", "val" or "query" for each name of a split, NaN for other names."""
    return pd.Series(names).astype(str).str.lower().map(SPLIT_NAMES)


def _warn_of_leaks(splits: Names, groups: Rows) -> None:
    """Warn of queries with an equal image among the other tiles."""
    queries = splits == "query"
    leaked = np.isin(groups[queries], groups[~queries]).sum()
    if leaked:
        warnings.warn(
            f"{leaked} of {plural(int(queries.sum()), 'query')} have an equal image among the "
            "other tiles of the given split: `rsh evaluate` also gives the mAP without them",
            RshWarning,
            stacklevel=4,
        )


def _cuts(
    labels: NDArray[np.generic],
    blocks: NDArray[np.generic] | None,
    rows: Rows,
    name: str,
    share: float,
    seed: int,
    least: int,
) -> Iterator[tuple[Rows, Rows]]:
    """Yield ways to take a share of rows, as those that are kept and those that are taken.

    Every class has an item among those taken and `least` items among those kept. Without blocks
    there is always one way: the first is that of scikit-learn, which may leave out a small class.
    """
    mine, groups = labels[rows], None if blocks is None else blocks[rows]
    if groups is None:
        draws: Iterable[Any] = [StratifiedShuffleSplit(1, test_size=share, random_state=seed)]
    else:
        folds = max(2, round(1 / share))
        if len(np.unique(groups)) < folds:
            raise InputError(f"too few blocks for a {name} split of {share:.0%}: {BY_CLASS}")
        seeds = [seed, *np.random.SeedSequence(seed).generate_state(TRIES).tolist()]
        draws = (StratifiedGroupKFold(folds, shuffle=True, random_state=each) for each in seeds)
    for draw in draws:
        cuts: list[tuple[Rows, Rows]] = []
        # It refuses to take fewer tiles than there are classes, and warns of small ones.
        with suppress(ValueError), warnings.catch_warnings(action="ignore"):
            cuts += draw.split(rows, mine, groups)
        for kept, taken in cuts:
            if _has_all(mine, kept, least) and _has_all(mine, taken, 1):
                yield rows[kept], rows[taken]
    if blocks is None:
        mask = _take_of_each(mine, share, seed, least)
        yield rows[~mask], rows[mask]


def _take_of_each(
    labels: NDArray[np.generic], share: float, seed: int, least: int
) -> NDArray[np.bool_]:
    """Take a share of each class at random, at least one item, and leave at least `least`."""
    random = np.random.default_rng(seed)
    taken = np.zeros(len(labels), dtype=bool)
    for name in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == name))
        taken[rows[: min(max(1, round(share * len(rows))), len(rows) - least)]] = True
    return taken


def _has_all(labels: NDArray[np.generic], rows: Rows, least: int) -> bool:
    names, counts = np.unique(labels[rows], return_counts=True)
    return len(names) == len(np.unique(labels)) and counts.min() >= least


def _check_blocks(labels: NDArray[np.generic], blocks: NDArray[np.generic]) -> None:
    for name in np.unique(labels):
        found = len(np.unique(blocks[labels == name]))
        if found < LEAST:
            raise InputError(
                f"class {str(name)!r} lies in {plural(found, 'block')}, a split of whole blocks "
                f"needs three: {BY_CLASS}"
            )


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


def _check_arguments(seed: int, **shares: float) -> None:
    check_number("seed", seed, *SEEDS)
    for name, share in shares.items():
        if not 0 < share <= 0.5:
            raise InputError(
                "choose a fraction above 0 and at most 0.5", parameter=name, value=share
            )


SPLIT_COLUMNS = {"given": "given_split", "block": "block"}  # of the items table, best first
SPLIT_NAMES = {  # of folders, or in the column split of items.csv, and what they stand for
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing", "query"), "query"),
}
