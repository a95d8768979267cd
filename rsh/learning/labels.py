"""Given labels: the classes of some tiles, by their ids, and files of them.

    id,class
    coast/1.png,harbor

They are the visitor's own: the classes that a gallery was encoded with stay as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.text import first_sentence

Rows = NDArray[np.int64]
Labels = Mapping[str, str]  # class by id
COLUMNS = ["id", "class"]


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


def find_labels(gallery: Gallery, labels: Labels) -> GivenLabels:
    """Return given labels as rows of a gallery.

    Args:
        gallery: an opened gallery.
        labels: class by id.

    Raises:
        InputError: the gallery lacks a tile, or a class has no name.
    """
    for tile, name in labels.items():
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"labels: {tile} has a class without a name; leave the tile out")
    rows = np.array([gallery.find_row(tile, parameter="labels") for tile in labels], dtype=np.int64)
    classes, numbers = np.unique(np.array(list(labels.values()), object), return_inverse=True)
    order = np.argsort(rows)
    return GivenLabels(rows[order], classes.tolist(), numbers.astype(np.int64)[order])


def read_labels(file: Path) -> dict[str, str]:
    """Return the class by id that a file of labels holds; rows without a class are left out.

    Args:
        file: .csv or .parquet, with the columns id and class; others are not read.

    Raises:
        InputError: the file is no such table, or gives a tile two classes.
    """
    readers = {".csv": _read_csv, ".parquet": _read_parquet}
    if file.suffix.lower() not in readers:
        raise InputError(f"{file} is no file of labels: give a .csv or .parquet file")
    try:
        table = readers[file.suffix.lower()](file)
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror or error}; give a file") from None
    except Exception as error:  # pandas and pyarrow raise errors of many kinds
        reason = first_sentence(error)
        raise InputError(f"{file} is no table of id and class ({reason}): save it again") from None
    table = table[table["class"].notna() & (table["class"] != "")]
    if table["id"].isna().any() or not all(isinstance(x, str) for x in table.to_numpy().ravel()):
        raise InputError(f"{file} has an id or a class that is no text: write names")
    table = table.drop_duplicates()
    twice = table["id"][table["id"].duplicated()]
    if len(twice):
        raise InputError(f"{file} gives {twice.iloc[0]} two classes: keep one of them")
    return dict(zip(table["id"], table["class"], strict=True))


def _read_csv(file: Path) -> pd.DataFrame:
    return pd.read_csv(
        file, usecols=COLUMNS, dtype=str, keep_default_na=False, encoding="utf-8-sig"
    )


def _read_parquet(file: Path) -> pd.DataFrame:
    return pd.read_parquet(file, columns=COLUMNS)
