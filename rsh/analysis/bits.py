"""What a bit has learned: the tiles that turn it most strongly on and off, and what goes with it.

The correlation of two bits is that of their values over all tiles, the phi coefficient

    (n n11 - n1 m1) / sqrt(n1 (n - n1) m1 (n - m1))

of n tiles, n1 and m1 of which have the one and the other bit on, and n11 both.

Source: showing the inputs that excite a unit most goes back to Zeiler & Fergus 2014, "Visualizing
and understanding convolutional networks", sec. 4, https://arxiv.org/abs/1311.2901; that bits shall
be on for half of the tiles and independent of each other, to Weiss et al. 2008, "Spectral hashing"
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.codes.binary import Packed
from rsh.config import check_number
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
COUNT = 8  # tiles on each side, and bits that go with it
BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)  # (256, 8)


@dataclass(frozen=True, eq=False)
class BitProfile:
    """One bit of a gallery, and the tiles that show what it stands for.

    All tiles count, those of the query split, too: a bit is the network's, and no search is made.

    Attributes:
        bit: which, from 0.
        on: rows that have it on, the surest first, equally sure ones in order of rows, (a,).
        off: rows that have it off, likewise, (b,).
        share: of the tiles of each class, how many have it on, (classes,), 0 to 1.
        balance: of all tiles, how many have it on, 0 to 1; 0.5 tells most.
        correlation: with each bit, (num_bits,), -1 to 1; 1 with itself, 0 with another if one of
            the two is the same for all tiles.
        related: the other bits of the strongest correlation, for or against, strongest first, (c,).
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
    """Find out what a bit has learned.

    Args:
        gallery: an opened gallery.
        bit: which, from 0.
        count: how many tiles on each side, and bits that go with it, at most.
        per_class: at most so many tiles of one class on each side. By default as many as there
            are: that one class fills the list is what the bit has learned, and to hide it would
            make it look richer than it is. A small number shows which other classes share it.

    Raises:
        InputError: there is no such bit, or a number is below 1.
    """
    check_number("bit", bit, 0, gallery.num_bits - 1)
    for name, most in (("count", count), ("per_class", per_class)):
        if most is not None and most < 1:
            raise InputError("choose 1 or more", parameter=name, value=most)
    is_on = gallery.packed[:, bit // 8] & (128 >> bit % 8) != 0  # as a search sees it
    relaxed = gallery.relaxed[:, bit].astype(np.float32)  # one column is read, not the whole map
    labels, tiles = gallery.labels, np.bincount(gallery.labels)
    correlation = _correlation(gallery.packed, is_on, gallery.num_bits, bit)
    related = np.argsort(-np.abs(correlation), kind="stable")
    return BitProfile(
        bit=bit,
        on=_surest(np.flatnonzero(is_on), -relaxed, labels, count, per_class),
        off=_surest(np.flatnonzero(~is_on), relaxed, labels, count, per_class),
        share=np.bincount(labels[is_on], minlength=len(tiles)) / tiles,
        balance=float(is_on.mean()),
        correlation=correlation,
        related=related[related != bit][:count],
    )


def _surest(
    rows: Ints, relaxed: NDArray[np.float32], labels: Ints, count: int, per_class: int | None
) -> Ints:
    """Return the first rows in the order (relaxed, row), at most so many of a class."""
    ordered = rows[np.argsort(relaxed[rows], kind="stable")]
    if per_class is not None:
        number = pd.Series(labels[ordered]).groupby(labels[ordered]).cumcount().to_numpy()
        ordered = ordered[number < per_class]
    return ordered[:count]


def _correlation(packed: Packed, is_on: NDArray[np.bool_], num_bits: int, bit: int) -> Floats:
    """Return the phi coefficient of one bit and each, (num_bits,)."""
    tiles = float(len(packed))
    every, both = _count_on(packed, num_bits), _count_on(packed[is_on], num_bits)
    own = every[bit]
    spread = np.sqrt(own * (tiles - own) * every * (tiles - every))
    covariance = tiles * both - own * every
    correlation: Floats = np.zeros(num_bits)
    np.divide(covariance, spread, out=correlation, where=spread > 0)
    correlation[bit] = 1
    return correlation


def _count_on(packed: Packed, num_bits: int) -> Floats:
    """Count the tiles that have each bit on, (num_bits,): by the 256 values of each byte."""
    counts = [np.bincount(column, minlength=256) @ BITS for column in packed.T]
    return np.concatenate(counts)[:num_bits].astype(np.float64)
