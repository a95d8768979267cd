"""Labels of a gallery with the classes that visitors gave, and conditions on these and on sets."""

from collections.abc import Iterable
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rsh.errors import InputError
from rsh.gallery.annotations.names import tidy_name
from rsh.gallery.annotations.state import AnnotationState
from rsh.gallery.filters import Condition, Mask, malformed
from rsh.labels import UNLABELED, Labeled

LabelChoice = Literal["all", "given", "file"]  # given before encoded, given alone, encoded alone


def choose_labels(
    tiles: Labeled, state: AnnotationState, choice: LabelChoice = "all"
) -> tuple[list[str], NDArray[np.int64]]:
    """Return the classes and the number of each tile's class, like `Labeled`.

    Args:
        tiles: the gallery, whose table keeps the classes that it was encoded with.
        state: what visitors gave.
        choice: "all", the class that a visitor gave, or else the one in the table; "given", what
            visitors gave alone; "file", the table alone.

    Returns:
        Names in alphabetical order, and (n,) int64, UNLABELED where a tile has none.

    Raises:
        InputError: there is no such choice.
    """
    if choice not in get_args(LabelChoice):
        choices = ", ".join(get_args(LabelChoice))
        raise InputError(f"choose one of {choices}", parameter="labels", value=choice)
    given = state.given
    if choice == "file" or (choice == "all" and not given.names):
        return tiles.classes, tiles.labels
    if choice == "given":
        return given.names, given.numbers.astype(np.int64)
    names = sorted({*tiles.classes, *given.names})
    place = {name: number for number, name in enumerate(names)}
    encoded = np.array([*(place[name] for name in tiles.classes), UNLABELED])[tiles.labels]
    ours = np.array([*(place[name] for name in given.names), UNLABELED])[given.numbers]
    return names, np.where(given.numbers == UNLABELED, encoded, ours)


def meets(condition: Condition, tiles: Labeled, state: AnnotationState) -> Mask:
    """Return whether each tile meets a condition on its sets or its label, (n,).

    Of a negated condition on the label, a tile without one meets none.

    Raises:
        InputError: there is no such set, or a name is empty.
    """
    if condition.column == "set":
        try:
            names = read_names(condition, (one.name for one in state.sets))
            keys = [state.find_set(tidy_name(name)).key for name in names]
        except InputError as error:
            raise InputError(error.reason, parameter="filter", value=condition) from None
        is_member = np.zeros(len(tiles.labels), bool)
        for key in keys:
            is_member[state.members(key)] = True
        return ~is_member if condition.negated else is_member
    classes, numbers = choose_labels(tiles, state)
    chosen = set(map(tidy_name, read_names(condition, map(tidy_name, classes))))
    wanted = [number for number, name in enumerate(classes) if tidy_name(name) in chosen]
    is_wanted = np.isin(numbers, wanted, invert=condition.negated)
    return np.asarray(is_wanted & (numbers != UNLABELED), bool)


def read_names(condition: Condition, known: Iterable[str]) -> list[str]:
    """Return the names between the commas of a condition; a known name may hold commas itself.

    Args:
        condition: on sets, labels or groups.
        known: names that there are, tidy.

    Returns:
        The names as they are written, without spaces around them.

    Raises:
        InputError: a name is empty.
    """
    all_known = set(known)
    most = 1 + max((name.count(",") for name in all_known), default=0)  # parts of a name
    parts = condition.text.split(",")
    names: list[str] = []
    while parts:
        tried = ((size, tidy_name(",".join(parts[:size]))) for size in range(most, 1, -1))
        known_size = (size for size, name in tried if name in all_known and size <= len(parts))
        size = next(known_size, 1)
        names.append(",".join(parts[:size]).strip())
        parts = parts[size:]
    if not all(names):
        raise malformed(str(condition))
    return names
