"""Given labels: the classes of some tiles, by their ids.

They are the visitors' own: the classes that a gallery was encoded with stay as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.labels import UNLABELED

Rows = NDArray[np.int64]
Labels = Mapping[str, str]  # class by id


@dataclass(frozen=True, eq=False)
class GivenLabels:
    """The labels of m tiles, in the order of their rows.

    Attributes:
        rows: of the tiles in the gallery, (m,), ascending.
        classes: their names in alphabetical order.
        numbers: class of each tile, (m,) int64, in the order of `classes`.
    """

    rows: Rows
    classes: list[str]
    numbers: Rows

    def __len__(self) -> int:
        return len(self.rows)

    def select(self, chosen: NDArray[np.bool_]) -> "GivenLabels":
        """Return some of the labels, with the same numbers of classes."""
        return GivenLabels(self.rows[chosen], self.classes, self.numbers[chosen])


def recorded_labels(gallery: Gallery) -> dict[str, str]:
    """Return the class by id of the tiles that visitors gave one, on the page or by `rsh labels`.

    Raises:
        InputError: the gallery's annotations cannot be read.
    """
    given = gallery.annotations.state.given
    rows = np.flatnonzero(given.numbers != UNLABELED)
    return {gallery.ids[row]: given.names[given.numbers[row]] for row in rows.tolist()}


def find_labels(gallery: Gallery, labels: Labels | None) -> GivenLabels:
    """Return given labels as rows of a gallery.

    Args:
        gallery: an opened gallery.
        labels: class by id; by default those recorded in the gallery.

    Raises:
        InputError: the gallery lacks a tile, or a class has no name.
    """
    if labels is None:
        labels = recorded_labels(gallery)
    for tile, name in labels.items():
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"labels: {tile} has a class without a name; leave the tile out")
    rows = np.array([gallery.find_row(tile, parameter="labels") for tile in labels], dtype=np.int64)
    classes, numbers = np.unique(np.array(list(labels.values()), object), return_inverse=True)
    order = np.argsort(rows)
    return GivenLabels(rows[order], classes.tolist(), numbers.astype(np.int64)[order])
