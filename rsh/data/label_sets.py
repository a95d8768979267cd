"""Several labels a tile, as tables have them: a column of lists, or one column a label.

    path,labels                       labels of each tile, separated by semicolons; in Parquet also
    coast/1.png,sand;sea              a list of texts

    path,label:sand,label:sea         1 where a tile has the label, 0 where it has not
    coast/1.png,1,1

An empty list, or a row of zeros, is a tile without a label.
"""

import numpy as np
import pandas as pd

from rsh.errors import InputError
from rsh.labels import SEPARATOR, SEVERAL
from rsh.text import plural

PREFIX = "label:"  # of the name of a column that holds one label
YES, NO = {"1", "true"}, {"0", "false"}


def has_label_sets(table: pd.DataFrame) -> bool:
    """Whether a table of tiles has several labels a tile, without being asked to look."""
    if _columns(table):
        return True
    return SEVERAL in table and bool(_texts(table[SEVERAL]).str.contains(SEPARATOR).any())


def read_label_sets(items: pd.DataFrame, where: str) -> "pd.Series[str]":
    """Return the labels of each tile, separated by semicolons, in alphabetical order.

    Args:
        items: one row a tile, with its id and the columns of its table.
        where: name of the data set in error messages.

    Returns:
        (n,) texts, "" for a tile without a label.

    Raises:
        InputError: there is no such column, or one of both kinds; a column of one label holds
            another value than 0 and 1, or 0 alone; a tile has a label twice; no tile has one.
    """
    ids, columns = items["id"], _columns(items)
    if columns and SEVERAL in items:
        raise InputError(
            f"{where} has its labels in the column {SEVERAL} and in {columns[0]}: remove one"
        )
    if not columns and SEVERAL not in items:
        raise InputError(
            f"{where} has no several labels a tile: give its table a column {SEVERAL} such as "
            f"sand{SEPARATOR}sea, or columns of 0 and 1 such as {PREFIX}sand and {PREFIX}sea",
            parameter="labels",
            value="multi",
        )
    if columns:
        found = _of_columns(items, columns, where)
    else:
        pairs = zip(ids, _texts(items[SEVERAL]), strict=True)
        found = [_split(text, tile, where) for tile, text in pairs]
    if not any(found):
        raise InputError(
            f"{where} gives no tile a label, of {plural(len(ids), 'tile')}: fill in the column "
            f"{SEVERAL}"
        )
    return pd.Series([SEPARATOR.join(sorted(names)) for names in found], index=items.index)


def join_labels(names: object, where: str) -> str:
    """Return a list of labels as a text, as the column `labels` has it.

    Args:
        names: the list, of which missing values are left out; a text, as it is; or one value.
        where: what it is of, in error messages.

    Raises:
        InputError: a label holds a semicolon.
    """
    if isinstance(names, str):
        return names
    listed = list(names) if isinstance(names, list | tuple | np.ndarray) else [names]
    texts = [str(name).strip() for name in listed if name is not None and name == name]  # NaN
    wrong = next((text for text in texts if SEPARATOR in text), None)
    if wrong is not None:
        raise InputError(
            f"{where} has the label {wrong!r}: write it without {SEPARATOR}, which separates labels"
        )
    return SEPARATOR.join(texts)


def _columns(table: pd.DataFrame) -> list[str]:
    return [str(name) for name in table.columns if str(name).startswith(PREFIX)]


def _texts(column: "pd.Series[str]") -> "pd.Series[str]":
    is_whole = pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all()
    texts = (column.astype("Int64") if is_whole else column).astype("string")
    return texts.fillna("").astype(object)


def _split(text: str, tile: str, where: str) -> list[str]:
    """Return the labels in a text."""
    names = [name for part in text.split(SEPARATOR) if (name := part.strip())]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{where} gives {tile} the label {twice!r} twice: write it once")
    return names


def _of_columns(items: pd.DataFrame, columns: list[str], where: str) -> list[list[str]]:
    """Return the labels of each tile from columns of zeros and ones."""
    found: list[list[str]] = [[] for _ in range(len(items))]
    known: dict[str, str] = {}
    for column in columns:
        name = column.removeprefix(PREFIX).strip()
        if not name or SEPARATOR in name:
            raise InputError(
                f"{where} has a column {column!r}, which names no label: write {PREFIX}sand, "
                f"without {SEPARATOR}"
            )
        if name in known:
            raise InputError(
                f"{where} has the label {name!r} in two columns, {known[name]!r} and {column!r}: "
                "remove one"
            )
        known[name] = column
        values = _texts(items[column]).str.strip().str.lower()
        wrong = ~values.isin(YES | NO)
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            raise InputError(
                f"{where} gives {items['id'].iloc[row]} the value {values.iloc[row]!r} in the "
                f"column {column!r}: write 1 where the tile has the label, and 0 where it has not"
            )
        has = values.isin(YES).to_numpy()
        if not has.any():
            raise InputError(
                f"{where} gives no tile the label {name!r}: remove the column {column!r}"
            )
        for place in has.nonzero()[0].tolist():
            found[place].append(name)
    return found
