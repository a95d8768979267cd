"""Binary codes: binarization, packing and Hamming distances.

A code is a row of num_bits signs, in three forms:

    relaxed  (n, num_bits) float   hash layer output, any scale
    codes    (n, num_bits) int8    -1 or +1
    packed   (n, ceil(num_bits / 8)) uint8, bit 0 of the code is the highest bit of byte 0;
             +1 is stored as 1, the unused bits of the last byte are 0
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsh.errors import InputError

Ids = NDArray[np.int64]

MAX_BITS = 256

Codes = NDArray[np.int8]
Packed = NDArray[np.uint8]
Words = NDArray[np.unsignedinteger]  # of 32 bits or 64
BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)  # of each byte, (256, 8)


def binarize(relaxed: ArrayLike) -> Codes:
    """Return the sign of each number; zero becomes +1.

    Args:
        relaxed: hash layer output, (n, num_bits) float, any scale.

    Returns:
        Codes, (n, num_bits) int8, only -1 and +1.

    Raises:
        InputError: a number is NaN.
    """
    values = np.asarray(relaxed)
    if np.isnan(values).any():
        row = int(np.argwhere(np.isnan(values))[0][0])
        raise InputError(f"row {row} of the hash layer output is NaN: the model has diverged")
    return np.where(values >= 0, np.int8(1), np.int8(-1))


def pack(codes: Codes) -> Packed:
    """Return codes as bits in bytes.

    Args:
        codes: (n, num_bits), only -1 and +1, 1 to 256 bits.

    Returns:
        (n, ceil(num_bits / 8)) uint8.

    Raises:
        InputError: the shape is wrong, or a value is not -1 or +1.
    """
    codes = np.asarray(codes)
    if codes.ndim != 2 or not 1 <= codes.shape[1] <= MAX_BITS:
        raise InputError(f"codes of shape {codes.shape}: need (n, 1 to {MAX_BITS}) signs")
    if not np.isin(codes, (-1, 1)).all():
        raise InputError(f"codes contain {np.setdiff1d(codes, (-1, 1))[0]}: need only -1 and +1")
    return np.packbits(codes > 0, axis=1)


def unpack(packed: Packed, num_bits: int) -> Codes:
    """Return the codes that `pack` packed.

    Args:
        packed: (n, ceil(num_bits / 8)) uint8.
        num_bits: code length, bits, 1 to 256.

    Returns:
        Codes, (n, num_bits) int8, only -1 and +1.

    Raises:
        InputError: width or type do not match num_bits.
    """
    packed = check_packed(packed, num_bits)
    bits = np.unpackbits(packed, axis=1, count=num_bits)
    return (bits.astype(np.int8) * 2 - 1).astype(np.int8)


def as_words(packed: Packed) -> Words:
    """Return packed codes as 32- or 64-bit words, (n, words), padded with zeros."""
    width = packed.shape[1]
    word = np.dtype(np.uint32 if width <= 4 else np.uint64)
    padded = np.zeros((len(packed), -(-width // word.itemsize) * word.itemsize), dtype=np.uint8)
    padded[:, :width] = packed
    return padded.view(word)


def count_on(packed: Packed, num_bits: int) -> NDArray[np.int64]:
    """Return how many codes have each bit on, (num_bits,): by the 256 values of each byte."""
    counts = [np.bincount(column, minlength=256) @ BITS for column in packed.T]
    return np.concatenate(counts)[:num_bits]


def to_hex(packed: Packed, num_bits: int) -> str:
    """Return one code as hexadecimal digits, four bits each: 12 bits are three digits.

    Args:
        packed: one code, (bytes,) or (1, bytes) uint8.
        num_bits: code length, bits.
    """
    return str(packed.tobytes().hex())[: -(-num_bits // 4)]


def hamming(query_packed: Packed, gallery_packed: Packed) -> NDArray[np.int32]:
    """Return the number of differing bits between every query and every gallery code.

    Args:
        query_packed: (q, bytes) uint8.
        gallery_packed: (g, bytes) uint8.

    Returns:
        Distances, (q, g) int32, bits, 0 to num_bits.

    Raises:
        InputError: the two have different widths.
    """
    query, gallery = np.atleast_2d(query_packed), np.atleast_2d(gallery_packed)
    if query.shape[1] != gallery.shape[1]:
        raise InputError(
            f"query codes have {query.shape[1]} bytes, gallery codes {gallery.shape[1]}: "
            "encode both with the same model"
        )
    distance = np.zeros((len(query), len(gallery)), dtype=np.int32)
    for byte in range(query.shape[1]):  # one byte column at a time, so that memory is (q, g)
        distance += np.bitwise_count(query[:, byte, None] ^ gallery[None, :, byte])
    return distance


def check_num_bits(num_bits: int) -> int:
    """Return num_bits; raise InputError unless it is a multiple of 4 from 4 to 256.

    Codes are shown as hexadecimal digits of 4 bits each.
    """
    if num_bits % 4 or not 4 <= num_bits <= MAX_BITS:
        near = min(max(4 * round(num_bits / 4), 4), MAX_BITS)
        raise InputError(
            f"choose a multiple of 4 from 4 to {MAX_BITS}, such as {near}",
            parameter="num_bits",
            value=num_bits,
        )
    return num_bits


def check_packed(packed: Packed, num_bits: int) -> Packed:
    """Return packed; raise InputError unless it is (n, ceil(num_bits / 8)) uint8."""
    packed = np.atleast_2d(packed)
    width = -(-num_bits // 8)
    if packed.dtype != np.uint8 or packed.ndim != 2 or packed.shape[1] != width:
        raise InputError(
            f"packed codes are {packed.dtype} of shape {packed.shape}: "
            f"{num_bits} bits need uint8 of shape (n, {width})"
        )
    return packed
