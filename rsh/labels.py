"""Classes of tiles, which may be unknown: the column `class` is "" for a tile without a label."""

from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

from rsh.errors import InputError
from rsh.text import plural

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

LabelSource = Literal["auto", "none"]  # whether classes are read, or dropped
UNLABELED = -1  # number of the class of a tile without a label; two of them are not of one class


def check_label_source(labels: str) -> None:
    """Refuse what is no `LabelSource`.

    Raises:
        InputError: names the value and the choices.
    """
    if labels not in get_args(LabelSource):
        choices = ", ".join(get_args(LabelSource))
        raise InputError(f"choose one of {choices}", parameter="labels", value=labels)


class Labeled:
    """A table of items with the column `class`, and the classes as numbers.

    Attributes:
        items: one row per item.
    """

    if TYPE_CHECKING:  # a field of some, and made on demand by others

        @property
        def items(self) -> pd.DataFrame:
            """One row per item."""

    @property
    def classes(self) -> list[str]:
        """Names of the known classes in alphabetical order; empty without labels."""
        return self._class_numbers[0]

    @property
    def labels(self) -> "NDArray[np.int64]":
        """Class numbers in the order of `classes`, (n,) int64; UNLABELED, -1, where unknown."""
        return self._class_numbers[1]

    @cached_property
    def num_labeled(self) -> int:
        """How many items have a class."""
        return int((self.labels != UNLABELED).sum())

    @cached_property
    def _class_numbers(self) -> "tuple[list[str], NDArray[np.int64]]":
        return class_numbers(self.items["class"])


def class_numbers(column: "pd.Series[str]") -> "tuple[list[str], NDArray[np.int64]]":
    """Return the known classes, and the number of each tile's class among them.

    Args:
        column: class of each tile, (n,); "" where it is unknown.

    Returns:
        The class names in alphabetical order, without "", and (n,) int64, UNLABELED where the class
        is unknown.
    """
    import pandas as pd  # not when `rsh --help` starts

    classes = sorted(set(column.unique()) - {""})
    return classes, pd.Index(classes, dtype=object).get_indexer(pd.Index(column, dtype=object))


def describe_labels(num_tiles: int, num_labeled: int, num_classes: int) -> str:
    """Say which tiles have a class: "9 classes", "no labels", "9 classes, of 40 of 48 tiles"."""
    if not num_labeled:
        return "no labels"
    classes = plural(num_classes, "class")
    if num_labeled == num_tiles:
        return classes
    return f"{classes}, {num_labeled:,} of {plural(num_tiles, 'tile')} have a class"
