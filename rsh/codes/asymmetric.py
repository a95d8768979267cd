"""Asymmetric search: a query of real numbers against packed codes, which stay packed.

A query keeps a weight for each bit, from -1 to 1, and a tile keeps signs. Their score is the mean
over the bits of weight times sign, so that a bit counts as much as the query is sure of it. Eight
signs are one byte: a table of 256 sums a byte is made once a query, and a tile is a look-up a byte.

Source: Gordo et al. 2014, "Asymmetric distances for binary embeddings",
https://doi.org/10.1109/TPAMI.2013.101; the tables are those of Jegou et al. 2011, "Product
quantization for nearest neighbor search", https://doi.org/10.1109/TPAMI.2010.57
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsh.codes.binary import Packed, check_packed
from rsh.config import check_top_k
from rsh.errors import InputError
from rsh.io.files import recovery_hint

CHUNK = 2**16  # codes that are scored at a time, so that their scores stay in the cache
SIGNS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1) * 2.0 - 1  # (256, 8)


def soft_bits(relaxed: ArrayLike) -> NDArray[np.float32]:
    """Say how sure a tile is of each of its bits: tanh, under which codes are compared in training.

    Args:
        relaxed: hash layer output, (..., num_bits), any scale.

    Returns:
        The same shape, -1 to 1.

    Raises:
        InputError: NaN is among it.
    """
    weights = np.tanh(np.asarray(relaxed, dtype=np.float32))
    if np.isnan(weights).any():
        raise InputError(f"a code holds NaN before the sign: {recovery_hint('gallery')}")
    return weights


def score(weights: ArrayLike, packed: Packed) -> NDArray[np.float32]:
    """Score codes against one query.

    Args:
        weights: of the query's bits, (num_bits,), -1 to 1.
        packed: codes, (n, bytes) uint8.

    Returns:
        (n,) float32, -1 to 1, more is nearer; equal codes have exactly equal scores.

    Raises:
        InputError: the codes are of another width than the weights.
    """
    weights = np.asarray(weights, dtype=np.float32)
    packed = check_packed(packed, len(weights))
    return _look_up(_tables(weights), packed)


def nearest(
    weights: ArrayLike, packed: Packed, rows: NDArray[np.int64], *, top_k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the codes of the highest score, in the order (-score, row).

    Args:
        weights: of the query's bits, (num_bits,), -1 to 1.
        packed: codes, (n, bytes) uint8.
        rows: of those that may be found, ascending.
        top_k: how many, 1 to the number of rows.

    Returns:
        Rows and scores, each (top_k,).

    Raises:
        InputError: the codes are of another width than the weights, or top_k is out of range.
    """
    weights = np.asarray(weights, dtype=np.float32)
    packed = check_packed(packed, len(weights))
    top_k = check_top_k(top_k, len(rows))
    tables = _tables(weights)
    best, scores = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
    for start in range(0, len(rows), CHUNK):
        piece = rows[start : start + CHUNK]
        best = np.append(best, piece)
        scores = np.append(scores, _look_up(tables, packed[piece]))
        if len(best) > top_k:  # sort no more than what reaches the last place
            reach = scores >= np.partition(scores, -top_k)[-top_k]
            best, scores = best[reach], scores[reach]
        order = np.argsort(-scores, kind="stable")[:top_k]  # equal scores stay in order of rows
        best, scores = best[order], scores[order]
    return best, scores


def _tables(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what each byte adds to the score at each place, (bytes, 256)."""
    padded = np.pad(weights, (0, -len(weights) % 8)).reshape(-1, 8)  # unused bits weigh nothing
    return (padded @ SIGNS.T / len(weights)).astype(np.float32)


def _look_up(tables: NDArray[np.float32], packed: Packed) -> NDArray[np.float32]:
    scores = np.zeros(len(packed), dtype=np.float32)
    for table, column in zip(tables, packed.T, strict=True):
        scores += table[column]
    return scores
