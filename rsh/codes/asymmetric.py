"""Asymmetric search: a real-valued query against packed binary codes.

A query has a weight from -1 to 1 for each bit, a tile has signs. Their score is the mean over the
bits of weight times sign, so that bits of which the query is certain count more. Eight signs are
one byte: each query needs one table of 256 sums per byte, and each tile one look-up per byte.

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

CHUNK = 2**16  # codes scored at once, so that their scores stay in the CPU cache
SIGNS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1) * 2.0 - 1  # (256, 8)


def soft_bits(relaxed: ArrayLike) -> NDArray[np.float32]:
    """Return soft bits, `tanh(relaxed)`, the activation used in training.

    Args:
        relaxed: hash layer output, (..., num_bits), any scale.

    Returns:
        The same shape, -1 to 1.

    Raises:
        InputError: a value is NaN.
    """
    weights = np.tanh(np.asarray(relaxed, dtype=np.float32))
    if np.isnan(weights).any():
        raise InputError(f"a continuous code contains NaN: {recovery_hint('gallery')}")
    return weights


def score(weights: ArrayLike, packed: Packed) -> NDArray[np.float32]:
    """Return the scores of codes for one query.

    Args:
        weights: soft bits of the query, (num_bits,), -1 to 1.
        packed: codes, (n, bytes) uint8.

    Returns:
        (n,) float32, -1 to 1, higher is nearer; equal codes have exactly equal scores.

    Raises:
        InputError: the width of the codes does not match the weights.
    """
    weights = np.asarray(weights, dtype=np.float32)
    packed = check_packed(packed, len(weights))
    return _look_up(_tables(weights), packed)


def nearest(
    weights: ArrayLike, packed: Packed, rows: NDArray[np.int64], *, top_k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the codes with the highest scores, and all that tie with the last of them.

    Args:
        weights: soft bits of the query, (num_bits,), -1 to 1.
        packed: codes, (n, bytes) uint8.
        rows: searched rows, ascending.
        top_k: least number of results, 1 to the number of rows.

    Returns:
        Rows and scores in the order (-score, row), each (k,) with k >= top_k.

    Raises:
        InputError: the width of the codes does not match the weights, or top_k is out of range.
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
        if len(best) > top_k:
            reach = scores >= np.partition(scores, -top_k)[-top_k]
            best, scores = best[reach], scores[reach]
    order = np.argsort(-scores, kind="stable")  # equal scores keep the order of rows
    return best[order], scores[order]


def _tables(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sum that each byte value adds to the score, (bytes, 256)."""
    padded = np.pad(weights, (0, -len(weights) % 8)).reshape(-1, 8)  # unused bits have weight 0
    return (padded @ SIGNS.T / len(weights)).astype(np.float32)


def _look_up(tables: NDArray[np.float32], packed: Packed) -> NDArray[np.float32]:
    scores = np.zeros(len(packed), dtype=np.float32)
    for table, column in zip(tables, packed.T, strict=True):
        scores += table[column]
    return scores
