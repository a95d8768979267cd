"""Cuts codes into blocks of bits, so that near codes can be found by sorting: see `near_pairs`.

Two codes at most r bits apart differ in at most r of m blocks, so they agree in the m - r others.
One pass for each choice of r blocks sorts the codes by all other blocks, and compares those that
agree there. More blocks mean longer keys and fewer comparisons, but more passes.

Bits of learned codes depend on one another, and some are nearly constant: blocks of successive bits
would have few distinct values, and most codes would be compared. So the bits are dealt to the
blocks by what they tell apart in a sample, and the number of blocks is that of the least estimated
time. Where sorting does not pay, all codes are compared, so no data takes longer than that.

Source: Manku et al. 2007, "Detecting near-duplicates for web crawling"; Tabei et al. 2010, "Single
versus multiple sorting in all pairs similarity search", http://proceedings.mlr.press/v13/tabei10a
"""

from math import comb

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Packed, Words, as_words

SAMPLE = 1500  # codes of each set, a million pairs: they reveal keys that one pair in 10^6 shares
HARD = 2**14  # nearest pairs of the sample, by which bits are dealt
MOST_BLOCKS = 62  # their numbers are bits of an int64
FEW = 2**31  # comparisons that take less time than planning
SORTING = 2e-7  # seconds for a code in a pass: sorting, and looking for codes that agree
COMPARING = 1.2e-10  # seconds for a word of a pair


def choose_blocks(
    packed: Packed, others: Packed | None, num_bits: int, *, radius: int, seed: int = 0
) -> Words:
    """Return the blocks of bits that find all near pairs in the least estimated time.

    Args:
        packed: distinct codes, (n, bytes) uint8.
        others: those that they are compared with; None to compare them with one another.
        num_bits: code length, bits.
        radius: the largest distance of a near pair, bits.
        seed: of the sample.

    Returns:
        A mask of each block in words as `as_words` gives them, (m, words), m above radius; (0,
        words) if comparing all codes is faster.
    """
    one, other = len(packed), len(packed if others is None else others)
    pairs = one * other // (2 if others is None else 1)
    none = as_words(packed[:0])
    if pairs <= FEW:
        return none
    differing = _sample(packed, others, np.random.default_rng(seed))
    passing = (one + (other if others is not None else 0)) * SORTING
    comparing = pairs * COMPARING * none.shape[1]
    best, least = none, comparing
    for count in range(radius + 1, min(num_bits, MOST_BLOCKS) + 1):
        sorting = comb(count, radius) * passing
        if sorting >= least:
            break
        blocks = _deal(differing, num_bits, count)
        seconds = sorting + comparing * _expected_comparisons(differing, blocks, radius)
        if seconds < least:
            best, least = blocks, seconds
    return best


def _sample(packed: Packed, others: Packed | None, random: np.random.Generator) -> Packed:
    """Return the differing bits of sampled pairs, packed, (p, bytes)."""
    one = packed[random.choice(len(packed), min(SAMPLE, len(packed)), replace=False)]
    if others is None:
        first, second = np.triu_indices(len(one), 1)
        return one[first] ^ one[second]
    other = others[random.choice(len(others), min(SAMPLE, len(others)), replace=False)]
    return (one[:, None] ^ other[None]).reshape(-1, packed.shape[1])


def _deal(differing: Packed, num_bits: int, count: int) -> Words:
    """Return masks of `count` blocks that tell apart the nearest of the sampled pairs.

    The block that confuses most pairs takes the bit that separates most of them, until none is
    left. So bits that say the same, and bits that say little, spread over the blocks.
    """
    distances = np.bitwise_count(differing).sum(axis=1, dtype=np.int64)
    hard = np.argpartition(distances, HARD)[:HARD] if len(distances) > HARD else slice(None)
    separates = np.unpackbits(differing[hard], axis=1, count=num_bits).astype(np.float32)
    confused = np.ones((count, len(separates)), dtype=np.float32)
    members = np.zeros((count, num_bits), dtype=bool)
    free = np.ones(num_bits, dtype=bool)
    for _ in range(num_bits):
        block = np.lexsort((members.sum(axis=1), -confused.sum(axis=1)))[0]
        gain = np.where(free, confused[block] @ separates, -1)
        bit = int(gain.argmax())
        free[bit], members[block, bit] = False, True
        confused[block] *= 1 - separates[:, bit]
    return as_words(np.packbits(members, axis=1))


def _expected_comparisons(differing: Packed, blocks: Words, radius: int) -> float:
    """Return how often a pair is compared over all passes, on average over sampled pairs.

    A pass compares the pairs that agree outside its r blocks: of a pair that differs in d blocks,
    C(m - d, r - d) passes do.
    """
    words, number = as_words(differing), np.zeros(len(differing), dtype=np.int64)
    for block in blocks:
        number += (words & block).any(axis=1)
    passes = [comb(len(blocks) - d, radius - d) for d in range(radius + 1)]
    pairs: NDArray[np.int64] = np.bincount(number, minlength=radius + 1)[: radius + 1]
    return float(pairs @ np.array(passes, dtype=np.float64)) / len(differing)
