"""Labels of tiles: one class each, or several labels each.

The column `class` is "" for a tile whose class is unknown. The column `labels` holds several labels
a tile, separated by semicolons, in alphabetical order, and "" for a tile without one.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

from rsh.errors import InputError
from rsh.text import plural

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

LabelSource = Literal["auto", "none", "multi"]  # see `rsh.data.dataset.Dataset`
SEVERAL = "labels"  # column of several labels a tile
SEPARATOR = ";"  # of several labels in a text
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

    If a tile may have several labels, they are in the column `labels` as well.

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

    @property
    def has_several(self) -> bool:
        """Whether an item may have several labels, which count instead of its class."""
        return False

    @property
    def label_names(self) -> list[str]:
        """Names of all labels in alphabetical order: those of the column `labels`, or classes."""
        return self._label_sets[0]

    @property
    def label_matrix(self) -> "NDArray[np.bool_]":
        """Which labels each item has, (n, labels) bool, in the order of `label_names`."""
        return self._label_sets[1]

    @cached_property
    def has_label(self) -> "NDArray[np.bool_]":
        """Which items have a class, or a label at all if they may have several, (n,) bool."""
        found: NDArray[np.bool_] = self.labels != UNLABELED
        return self.label_matrix.any(axis=1, out=found) if self.has_several else found

    @cached_property
    def num_labeled(self) -> int:
        """How many items have a class, or a label at all."""
        return int(self.has_label.sum())

    @cached_property
    def _label_sets(self) -> "tuple[list[str], NDArray[np.bool_]]":
        import numpy as np

        if self.has_several:
            return label_sets(self.items[SEVERAL])
        return self.classes, self.labels[:, None] == np.arange(len(self.classes))

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


def label_sets(column: "pd.Series[str]") -> "tuple[list[str], NDArray[np.bool_]]":
    """Return the names of all labels, and which of them each tile has.

    Args:
        column: labels of each tile, separated by semicolons, (n,); "" where there is none.

    Returns:
        The names in alphabetical order, and (n, labels) bool.
    """
    import numpy as np

    texts, number = np.unique(column.to_numpy(str), return_inverse=True)
    sets = [set(text.split(SEPARATOR)) - {""} for text in texts.tolist()]
    names = sorted(set().union(*sets))
    rows = [[name in found for name in names] for found in sets]
    return names, np.array(rows, dtype=bool).reshape(len(sets), len(names))[number]


def describe_labels(
    num_tiles: int, num_labeled: int, num_classes: int, *, several: bool = False
) -> str:
    """Say which tiles have a label: "9 classes", "no labels", "9 classes, of 40 of 48 tiles".

    Args:
        num_tiles: number of tiles.
        num_labeled: how many have a label.
        num_classes: number of different labels.
        several: whether a tile may have several.
    """
    if not num_labeled:
        return "no labels"
    what = "label" if several else "class"
    known = plural(num_classes, what) + (", several a tile" if several else "")
    if num_labeled == num_tiles:
        return known
    return f"{known}, {num_labeled:,} of {plural(num_tiles, 'tile')} have a {what}"
