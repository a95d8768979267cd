"""The tiles that a visitor has selected in a map."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsh.errors import InputError

MAX_SELECTED = 100_000  # 400 kB in a message to Python


def select_rows(rows: ArrayLike, *, num_tiles: int) -> NDArray[np.int64]:
    """Return rows of a gallery, each once, in ascending order, read-only.

    Args:
        rows: integers, (n,), in any order.
        num_tiles: how many tiles the gallery has.

    Raises:
        InputError: a value is not a row number, or there are too many.
    """
    given = np.asarray(rows)
    if given.size and (given.dtype.kind not in "iu" or given.ndim != 1):
        raise InputError(
            f"a selection of {given.dtype} of shape {given.shape}: give a list of row numbers"
        )
    kept: NDArray[np.int64] = np.unique(given.astype(np.int64))
    wrong = kept[(kept < 0) | (kept >= num_tiles)]
    if len(wrong):
        raise InputError(f"there is no tile {wrong[0]}: select from 0 to {num_tiles - 1}")
    if len(kept) > MAX_SELECTED:
        raise InputError(
            f"{len(kept):,} tiles are too many to select: choose at most {MAX_SELECTED:,}"
        )
    kept.flags.writeable = False
    return kept


def rows_sent(buffers: Sequence[bytes | memoryview]) -> NDArray[np.int32]:
    """Return the rows that a browser sent as one buffer of int32; none for no buffer."""
    return np.frombuffer(b"".join(buffers), dtype=np.int32)
