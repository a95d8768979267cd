"""Profile of a bit: its top-activating tiles, class shares, and correlation with other bits.

The correlation of two bits is that of their values over all tiles, the phi coefficient

    (n n11 - n1 m1) / sqrt(n1 (n - n1) m1 (n - m1))

of n tiles: n1 have the one bit on, m1 the other, and n11 both.

Source: showing the inputs that excite a unit most goes back to Zeiler & Fergus 2014, "Visualizing
and understanding convolutional networks", sec. 4, https://arxiv.org/abs/1311.2901; that bits should
be on for half of the tiles and independent of each other, to Weiss et al. 2008, "Spectral hashing"
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.codes.binary import Packed, count_on
from rsh.config import check_number
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.labels import UNLABELED

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
COUNT = 8  # tiles on each side, and correlated bits


@dataclass(frozen=True, eq=False)
class BitProfile:
    """One bit of a gallery, with its top-activating tiles.

    All tiles count, also those of the query split: a bit is a property of the network.

    Attributes:
        bit: which, from 0.
        on: rows that have it on, the largest activation first, then by row, (a,).
        off: rows that have it off, likewise, (b,).
        share: of the tiles of each class that have it on, (classes,), 0 to 1; tiles without a class
            do not count.
        balance: share of all tiles that have it on, 0 to 1; 0.5 is the most informative.
        correlation: with each bit, (num_bits,), -1 to 1; 1 with itself, 0 with another if one of
            the two is the same for all tiles.
        related: the other bits, strongest absolute correlation first, (c,).
    """

    bit: int
    on: Ints
    off: Ints
    share: Floats
    balance: float
    correlation: Floats
    related: Ints


def profile_bit(
    gallery: Gallery, bit: int, *, count: int = COUNT, per_class: int | None = None
) -> BitProfile:
    """Return the profile of a bit.

    Args:
        gallery: an opened gallery.
        bit: which, from 0.
        count: at most so many tiles on each side, and correlated bits.
        per_class: at most so many tiles of one class on each side. By default there is no limit: if
            one class fills the list, that is what the bit encodes. A small number shows which other
            classes share the bit. Tiles without a class have no limit.

    Raises:
        InputError: there is no such bit, or a number is below 1.
    """
    check_number("bit", bit, 0, gallery.num_bits - 1)
    for name, most in (("count", count), ("per_class", per_class)):
        if most is not None and most < 1:
            raise InputError("choose 1 or more", parameter=name, value=most)
    is_on = gallery.packed[:, bit // 8] & (128 >> bit % 8) != 0  # from the code
    relaxed = gallery.relaxed[:, bit].astype(np.float32)  # reads the whole file
    gallery.forget_pages()
    labels = gallery.labels
    known = labels != UNLABELED
    tiles = np.bincount(labels[known], minlength=len(gallery.classes))
    correlation = _correlation(gallery.packed, is_on, gallery.num_bits, bit)
    related = np.argsort(-np.abs(correlation), kind="stable")
    return BitProfile(
        bit=bit,
        on=_top_rows(np.flatnonzero(is_on), -relaxed, labels, count, per_class),
        off=_top_rows(np.flatnonzero(~is_on), relaxed, labels, count, per_class),
        share=np.bincount(labels[is_on & known], minlength=len(tiles)) / tiles,
        balance=float(is_on.mean()),
        correlation=correlation,
        related=related[related != bit][:count],
    )


def _top_rows(
    rows: Ints, relaxed: NDArray[np.float32], labels: Ints, count: int, per_class: int | None
) -> Ints:
    """Return the first rows in the order (relaxed, row), at most so many of a class."""
    ordered = rows[np.argsort(relaxed[rows], kind="stable")]
    if per_class is not None:
        number = pd.Series(labels[ordered]).groupby(labels[ordered]).cumcount().to_numpy()
        ordered = ordered[(number < per_class) | (labels[ordered] == UNLABELED)]
    return ordered[:count]


def _correlation(packed: Packed, is_on: NDArray[np.bool_], num_bits: int, bit: int) -> Floats:
    """Return the phi coefficient of one bit and each, (num_bits,)."""
    tiles = float(len(packed))
    every, both = (count_on(each, num_bits).astype(float) for each in (packed, packed[is_on]))
    own = every[bit]
    spread = np.sqrt(own * (tiles - own) * every * (tiles - every))
    covariance = tiles * both - own * every
    correlation: Floats = np.zeros(num_bits)
    np.divide(covariance, spread, out=correlation, where=spread > 0)
    correlation[bit] = 1
    return correlation
