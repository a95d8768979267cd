"""Labels of tiles: one class each, or several labels each.

The column `class` is "" for a tile whose class is unknown. The column `labels` holds several labels
a tile, separated by semicolons, in alphabetical order, and "" for a tile without one.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

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


class RelevanceWords(NamedTuple):
    """How a page and its files say that a tile is relevant to a query.

    Attributes:
        label: what a tile has.
        same: of a relevant tile.
        other: of another one.
        has: of one relevant tile.
        have: of several.
        marks: what the two signs mean.
        unknown: what has neither sign.
        left_out: that a filter leaves out all relevant tiles.
    """

    label: str
    same: str
    other: str
    has: str
    have: str
    marks: str
    unknown: str
    left_out: str


BY_CLASS = RelevanceWords(
    label="class",
    same="same class",
    other="another class",
    has="has the query's class",
    have="have the query's class",
    marks="\N{CHECK MARK} marks the query's class, \N{BALLOT X} another class",
    unknown="an unknown class",
    left_out="the filter leaves out the query's class",
)
BY_LABELS = RelevanceWords(
    label="label",
    same="shares a label",
    other="no shared label",
    has="shares a label with the query",
    have="share a label with the query",
    marks="\N{CHECK MARK} marks a label shared with the query, \N{BALLOT X} none",
    unknown="a tile without a label",
    left_out="the filter leaves out all tiles that share a label with the query",
)


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
    def relevance(self) -> RelevanceWords:
        """How to say that one item is relevant to another."""
        return BY_LABELS if self.has_several else BY_CLASS

    @property
    def label_names(self) -> list[str]:
        """Names of all labels in alphabetical order: those of the column `labels`, or classes."""
        return self._numbered_sets.names if self.has_several else self.classes

    @cached_property
    def label_matrix(self) -> "NDArray[np.bool_]":
        """Which labels each item has, (n, labels) bool, in the order of `label_names`.

        It is large where items are many: `count_labels` and `holds_label` do without it.
        """
        import numpy as np

        if not self.has_several:
            return np.asarray(self.labels[:, None] == np.arange(len(self.classes)))
        names, sets, numbers = self._numbered_sets
        return np.asarray(np.append(sets, np.zeros((1, len(names)), bool), axis=0)[numbers])

    @cached_property
    def has_label(self) -> "NDArray[np.bool_]":
        """Which items have a class, or a label at all if they may have several, (n,) bool."""
        found: NDArray[np.bool_] = self.label_sets != UNLABELED
        return found

    @cached_property
    def num_labeled(self) -> int:
        """How many items have a class, or a label at all."""
        return int(self.has_label.sum())

    @property
    def label_sets(self) -> "NDArray[np.int64]":
        """Number of each item's set of labels, (n,) int64; UNLABELED where it has none.

        That of its class if items have one class each.
        """
        return self._numbered_sets.numbers if self.has_several else self.labels

    def list_labels(self, row: int) -> list[str]:
        """Return the labels of an item in alphabetical order; or its class, if it has one."""
        number = int(self.label_sets[row])
        if number == UNLABELED:
            return []
        if not self.has_several:
            return [self.classes[number]]
        found = self._numbered_sets.sets[number]
        return [name for name, has in zip(self.label_names, found, strict=True) if has]

    def count_labels(self) -> "NDArray[np.int64]":
        """Return how many items have each label, (labels,), in the order of `label_names`."""
        import numpy as np

        sets = self._numbered_sets.sets if self.has_several else None
        known = len(self.classes) if sets is None else len(sets)
        counts = np.bincount(self.label_sets + 1, minlength=known + 1)[1:]
        return counts if sets is None else counts @ sets

    def holds_label(self, number: int) -> "NDArray[np.bool_]":
        """Return which items have a label, by its place in `label_names`, (n,)."""
        import numpy as np

        if not self.has_several:
            return np.asarray(self.labels == number)
        _, sets, numbers = self._numbered_sets
        return np.asarray(np.append(sets[:, number], False)[numbers])  # of UNLABELED, the last

    def shares_label(
        self, label_set: int, rows: "NDArray[np.int64] | slice" = slice(None)
    ) -> "NDArray[np.bool_]":
        """Return whether items have a label of a set, (n,).

        Args:
            label_set: its number, as in `label_sets`; no item shares a label with UNLABELED.
            rows: of the items; by default all.
        """
        import numpy as np

        numbers = self.label_sets[rows]
        if label_set == UNLABELED:
            return np.zeros(len(numbers), bool)
        if not self.has_several:
            return np.asarray(numbers == label_set)
        sets = self._numbered_sets.sets
        shared = (sets & sets[label_set]).any(axis=1)
        return np.asarray(np.append(shared, False)[numbers])  # of UNLABELED, the last

    @cached_property
    def _numbered_sets(self) -> "LabelSets":
        import numpy as np

        texts, numbers = np.unique(self.items[SEVERAL].to_numpy(str), return_inverse=True)
        return number_label_sets(texts.tolist(), numbers)

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


class LabelSets(NamedTuple):
    """Several labels a tile, each different set once.

    Attributes:
        names: of all labels, in alphabetical order.
        sets: which labels each set has, (sets, labels) bool.
        numbers: that of each tile's set, (n,) int64; UNLABELED where it has no label.
    """

    names: list[str]
    sets: "NDArray[Any]"
    numbers: "NDArray[np.int64]"


def number_label_sets(texts: list[str], numbers: "NDArray[Any]") -> LabelSets:
    """Number the sets of labels of tiles.

    Args:
        texts: labels separated by semicolons, "" for none; each text once, some perhaps unused.
        numbers: that of each tile's text, (n,); below 0 where it is unknown.
    """
    import numpy as np

    used = np.zeros(len(texts) + 1, bool)
    used[numbers] = True  # -1, unknown, is the last
    split = [set(text.split(SEPARATOR)) - {""} for text in texts]
    kept = [number for number, found in enumerate(split) if found and used[number]]
    names = sorted(set().union(*(split[number] for number in kept)))
    rows = [[name in split[number] for name in names] for number in kept]
    place = np.full(len(texts) + 1, UNLABELED)
    place[kept] = np.arange(len(kept))
    sets = np.array(rows, dtype=bool).reshape(len(kept), len(names))
    return LabelSets(names, sets, place[numbers])


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
