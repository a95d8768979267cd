"""All pairs of near codes, compared with two loops."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused

from rsh.codes.binary import as_words, pack
from rsh.codes.distinct import DistinctCodes
from rsh.index import blocks, pairs
from rsh.index.base import CodePairs
from rsh.index.pairs import BLOCK, STRIP, near_pairs

Triple = tuple[int, int, int]


@st.composite
def sets(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    """Two sets of codes around few centers, and a radius."""
    num_bits = draw(st.sampled_from([4, 8, 12, 32, 36, 64, 68, 128, 252, 256]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    centers = rng.random((draw(st.integers(1, 4)), num_bits)) < draw(st.sampled_from([0.1, 0.5]))
    flipped = draw(st.sampled_from([0.01, 0.05, 0.3]))
    made = []
    for _ in range(2):
        chosen = centers[rng.integers(len(centers), size=draw(st.integers(0, 50)))]
        made.append(np.where(chosen ^ (rng.random(chosen.shape) < flipped), 1, -1).astype(np.int8))
    return made[0], made[1], draw(st.integers(0, min(num_bits, 9)))


def triples(found: Iterator[CodePairs]) -> list[Triple]:
    """All pairs in order, each as often as it comes."""
    return sorted(
        (first, second, distance)
        for portion in found
        for first, second, distance in zip(*(part.tolist() for part in portion), strict=True)
    )


def fold(codes: np.ndarray) -> tuple[DistinctCodes, list[list[int]]]:
    distinct = DistinctCodes.fold(pack(codes))
    first = distinct.rows[distinct.starts[:-1]]
    return distinct, codes[first].tolist()


def sort_by(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let codes be cut into so many blocks more than the radius."""

    def choose(packed, others, num_bits, *, radius):  # type: ignore[no-untyped-def]
        differing = blocks._sample(packed, others, np.random.default_rng(0))
        return blocks._deal(differing, num_bits, min(radius + count, num_bits))

    monkeypatch.setattr(pairs, "choose_blocks", choose)


@pytest.mark.parametrize("more_blocks", [None, 1, 2, 3])
@given(sets())
def test_pairs_are_those_of_two_loops_each_once(more_blocks, case):
    one, other, radius = case
    num_bits = one.shape[1]
    (codes, rows), (others, other_rows) = fold(one), fold(other)
    with pytest.MonkeyPatch.context() as patch:
        if more_blocks and radius < min(num_bits, 5):  # else there are too many passes
            sort_by(more_blocks, patch)
        within = triples(near_pairs(codes, num_bits=num_bits, radius=radius))
        between = triples(near_pairs(codes, others, num_bits=num_bits, radius=radius))
    assert within == reference.near_pairs(rows, None, radius)
    assert between == reference.near_pairs(rows, other_rows, radius)


def test_every_radius_up_to_all_bits_is_exact():
    codes, rows = fold(np.random.default_rng(0).choice(np.array([-1, 1], np.int8), (30, 12)))
    for radius in range(13):
        found = triples(near_pairs(codes, num_bits=12, radius=radius))
        assert found == reference.near_pairs(rows, None, radius)


def test_more_pairs_than_a_task_returns_at_a_time_come_in_portions(monkeypatch):
    """All 512 codes of 9 bits are near, and a portion may end after each strip and block."""
    codes = DistinctCodes.fold((np.arange(512, dtype=">u2") << 4).view(np.uint8).reshape(-1, 2))
    expected = triples(near_pairs(codes, num_bits=16, radius=16))
    monkeypatch.setattr(pairs, "CAPACITY", STRIP * BLOCK)
    portions = list(near_pairs(codes, num_bits=16, radius=16))
    count = len(codes) * (len(codes) - 1) // 2
    assert len(portions) > 2 and max(len(portion.first) for portion in portions) < count
    assert triples(iter(portions)) == expected and len(expected) == count


def test_strips_blocks_and_tasks_make_no_difference(monkeypatch):
    monkeypatch.setattr(pairs, "TASK", 2**16)
    rng = np.random.default_rng(0)
    codes = DistinctCodes.fold(rng.integers(0, 256, (3 * BLOCK + 7, 3), dtype=np.uint8))
    compared = triples(near_pairs(codes, num_bits=24, radius=2))
    sort_by(1, monkeypatch)
    assert triples(near_pairs(codes, num_bits=24, radius=2)) == compared
    distances = np.bitwise_count(codes.packed[:500, None] ^ codes.packed[None]).sum(axis=2)
    assert sum(first < 500 for first, _, _ in compared) == sum(
        int((distances[row, row + 1 :] <= 2).sum()) for row in range(500)
    )


def test_uniform_codes_are_sorted_and_codes_that_agree_everywhere_compared(monkeypatch):
    monkeypatch.setattr(blocks, "FEW", 0)
    rng = np.random.default_rng(0)
    uniform = rng.integers(0, 256, (20_000, 8), dtype=np.uint8)
    alike = uniform.copy()
    alike[:, 1:] = 0
    alike[:, 1] &= 7
    assert len(blocks.choose_blocks(uniform, None, 64, radius=2)) >= 3
    assert len(blocks.choose_blocks(alike, None, 64, radius=2)) == 0
    assert len(blocks.choose_blocks(uniform, None, 64, radius=40)) == 0
    assert len(blocks.choose_blocks(uniform, uniform[:5000], 64, radius=1)) >= 2
    assert len(blocks.choose_blocks(uniform[:10], None, 64, radius=2)) == 0


def test_bits_that_say_the_same_spread_over_the_blocks():
    """Four groups of bits, each of equal bits: a block that holds one of each tells most apart."""
    rng = np.random.default_rng(0)
    codes = np.packbits(np.repeat(rng.random((500, 4)) < 0.5, 4, axis=1), axis=1)
    found = blocks._deal(blocks._sample(codes, None, rng), 16, 4)
    members = np.unpackbits(found.view(np.uint8)[:, :2], axis=1)
    assert members.sum(axis=0).tolist() == [1] * 16  # each bit is in one block
    assert members.reshape(4, 4, 4).sum(axis=2).tolist() == [[1] * 4] * 4


def test_bits_that_never_differ_share_no_block_of_their_own():
    rng = np.random.default_rng(0)
    codes = np.packbits(np.hstack([rng.random((500, 8)) < 0.5, np.zeros((500, 24), bool)]), axis=1)
    found = blocks._deal(blocks._sample(codes, None, rng), 32, 4)
    members = np.unpackbits(found.view(np.uint8), axis=1)
    assert members[:, :8].sum(axis=1).tolist() == [2] * 4


def test_skewed_codes_take_far_fewer_comparisons_than_all_pairs(monkeypatch):
    """Bits of a few directions and of one class: successive bits would agree in most pairs."""
    monkeypatch.setattr(blocks, "FEW", 0)
    rng = np.random.default_rng(0)
    look = rng.normal(size=(30_000, 12)) @ rng.normal(size=(12, 32)) > 0
    codes = DistinctCodes.fold(
        np.packbits(np.hstack([rng.random((30_000, 32)) < 0.02, look]), axis=1)
    )
    chosen = blocks.choose_blocks(codes.packed, None, 64, radius=2)
    compared = 0
    for ignored in ((0, 1), (0, 2), (1, 2)) if len(chosen) == 3 else ():
        done = pairs._sort(as_words(codes.packed), None, chosen, ignored)
        compared += int((done.high - done.low).sum())
    assert len(chosen) > 3 or compared < len(codes) ** 2 / 100


def test_equal_codes_of_two_sets_are_pairs_and_within_a_set_they_are_one():
    codes = DistinctCodes.fold(np.array([[1], [1], [9]], np.uint8))
    assert triples(near_pairs(codes, num_bits=8, radius=0)) == []
    assert triples(near_pairs(codes, num_bits=8, radius=1)) == [(0, 1, 1)]
    assert triples(near_pairs(codes, codes, num_bits=8, radius=0)) == [(0, 0, 0), (1, 1, 0)]


def test_no_codes_give_no_pairs():
    none, some = (DistinctCodes.fold(np.zeros((count, 4), np.uint8)) for count in (0, 3))
    for one, other in ((none, None), (some, None), (none, some), (some, none)):
        assert triples(near_pairs(one, other, num_bits=32, radius=2)) == []


def test_a_caller_may_stop_early():
    codes = DistinctCodes.fold(np.arange(4096, dtype=">u2").view(np.uint8).reshape(-1, 2))
    before = threading.active_count()
    found = near_pairs(codes, num_bits=16, radius=3)
    next(found)
    found.close()
    assert threading.active_count() == before


@pytest.mark.parametrize("radius", [-1, 17])
def test_radius_out_of_range_is_refused_at_once(radius: int):
    codes = DistinctCodes.fold(np.zeros((3, 2), np.uint8))
    with refused("radius", value=radius, names=(0, 16)):
        near_pairs(codes, num_bits=16, radius=radius)


def test_codes_of_another_width_are_refused():
    codes, wide = (DistinctCodes.fold(np.zeros((3, width), np.uint8)) for width in (2, 3))
    for one, other in ((wide, None), (codes, wide), (wide, codes)):
        with refused(names=16):
            near_pairs(one, other, num_bits=16, radius=1)
