"""The parts of a code: class bits, which say what a tile is, and look bits, what it looks like."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Packed, check_packed


class CodePart(NamedTuple):
    """Some successive bits of a code.

    Attributes:
        name: "class" or "look"; "code" for all bits.
        start: first bit, from 0.
        stop: last bit + 1.
    """

    name: str
    start: int
    stop: int

    @property
    def num_bits(self) -> int:
        """Length of the part, bits."""
        return self.stop - self.start


def code_parts(num_bits: int, look_bits: int) -> list[CodePart]:
    """Return the parts of a code, which has class bits first and look bits last.

    Args:
        num_bits: code length, bits.
        look_bits: how many of them are look bits, 0 to num_bits.

    Returns:
        One or two parts, or none for codes without look bits: these are not divided.
    """
    if not look_bits:
        return []
    border = num_bits - look_bits
    parts = [CodePart("class", 0, border), CodePart("look", border, num_bits)]
    return [part for part in parts if part.num_bits]


def meaning_part(num_bits: int, look_bits: int) -> CodePart:
    """Return the part of a code that says what a tile is: its class bits, or all without them."""
    parts = code_parts(num_bits, look_bits)
    return next((part for part in parts if part.name == "class"), CodePart("code", 0, num_bits))


def part_mask(part: CodePart, num_bits: int) -> Packed:
    """Return a code in which only the bits of a part are on, (bytes,) uint8."""
    places = np.arange(num_bits)
    return np.packbits((places >= part.start) & (places < part.stop))


def part_distances(
    query_packed: Packed, packed: Packed, part: CodePart, *, num_bits: int
) -> NDArray[np.int64]:
    """Return in how many bits of a part each code differs from the query's.

    Args:
        query_packed: one code, (1, bytes) uint8.
        packed: codes, (n, bytes) uint8.
        part: of the code.
        num_bits: code length, bits.

    Returns:
        (n,) int64, bits, 0 to the length of the part.

    Raises:
        InputError: width or type do not match num_bits.
    """
    query_packed, packed = (check_packed(each, num_bits) for each in (query_packed, packed))
    differing = np.bitwise_count((packed ^ query_packed) & part_mask(part, num_bits))
    return np.asarray(differing.sum(axis=1), dtype=np.int64)
