"""Cosines of stored features, exact, so that equal features have equal cosines."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsh.codes.encodings import HalfRows
from rsh.errors import InputError
from rsh.io.files import recovery_hint

BATCH = 2**17  # numbers converted to float64 at a time: 1 MB, which the processor's cache holds


def cosines(
    query: ArrayLike, features: HalfRows, rows: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """Return the cosine of one tile's features with those of other tiles.

    A product of two float16 numbers is a multiple of 2**-48, and so is a sum of such products.
    float64 holds it without rounding while it is below 32. So the sums are exact in any order, and
    equal features have equal cosines, as ties require.

    Args:
        query: features of the one tile, (d,) float16, of length 1 up to rounding.
        features: of all tiles, (n, d) float16; may lie on disk, and is read in batches.
        rows: of the other tiles, (k,); all by default.

    Returns:
        (k,) or (n,) float64, -1 to 1 up to rounding.

    Raises:
        InputError: a feature is not a finite number.
    """
    one = np.asarray(query, dtype=np.float64)
    found = np.empty(len(features) if rows is None else len(rows))
    step = max(1, BATCH // max(len(one), 1))
    with np.errstate(invalid="ignore"):  # reported below as an InputError
        for start in range(0, len(found), step):
            part = slice(start, start + step)
            batch = features[part] if rows is None else features[rows[part]]
            np.dot(batch.astype(np.float64), one, out=found[part])
    if not np.isfinite(found).all():
        raise InputError(f"a feature is not a finite number: {recovery_hint('gallery')}")
    return found
