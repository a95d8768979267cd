"""Dense regions of codes become groups, and nothing else does."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from make_counts import random_codes

import rsh.codes.density as density
from rsh.codes.binary import pack, unpack
from rsh.codes.density import measure_density
from rsh.codes.distinct import DistinctCodes
from rsh.codes.groups import (
    NO_GROUP,
    find_valleys,
    group_codes,
    majority_code,
    number_by_size,
    rows_of_groups,
)


def clouds(
    seed: int, sizes: list[int], num_bits: int = 48, flips: float = 0.05
) -> tuple[np.ndarray, np.ndarray]:
    """Codes around centers that are far apart, and the number of each tile's center."""
    rng = np.random.default_rng(seed)
    centers = random_codes(seed, len(sizes), num_bits)
    own = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    return centers[own] * np.where(rng.random((len(own), num_bits)) < flips, -1, 1), own


def far_codes(rng: np.random.Generator, count: int, num_bits: int) -> np.ndarray:
    """Codes of which any two differ in half of the bits, or in all: rows of a Hadamard matrix."""
    rows = np.ones((1, 1), np.int8)
    while len(rows) < num_bits:
        rows = np.block([[rows, rows], [rows, -rows]])
    return rng.permutation(np.vstack([rows, -rows]))[:count]


def same_partition(one: np.ndarray, other: np.ndarray) -> bool:
    pairs = set(zip(one.tolist(), other.tolist(), strict=True))
    return len(pairs) == len(set(one.tolist())) == len(set(other.tolist()))


@given(
    st.integers(0, 10**6),
    st.integers(2, 24),
    st.sampled_from([4, 8, 64]),
    st.sampled_from([0.0, 0.2, 1.0, 3.0, 256.0]),
)
def test_valleys_are_those_of_a_slow_loop(seed, count, num_bits, prominence):
    codes = DistinctCodes.fold(pack(random_codes(seed, count, num_bits)))
    density = measure_density(codes.packed, codes, neighbors=3)
    heights = np.random.default_rng(seed).integers(0, 9, len(codes)).astype(np.float32) / 2
    found = find_valleys(density._replace(sparsity=heights), prominence=prominence)
    signs = unpack(codes.packed, num_bits).tolist()
    expected = reference.valleys(signs, heights.tolist(), 3, prominence)
    assert {frozenset(np.flatnonzero(found == bottom)) for bottom in set(found)} == {
        frozenset(valley) for valley in expected
    }
    for bottom in set(found.tolist()):  # it is the lowest of its valley
        assert heights[bottom] == heights[found == bottom].min()


@pytest.mark.parametrize("seed", range(3))
def test_regions_are_found_without_their_number(seed: int):
    signs, own = clouds(seed, [300, 200, 100, 60, 40])
    found = group_codes(pack(signs), 48, prominence=1).number
    assert (found >= 0).mean() > 0.98
    assert found.max() == 4
    inside = found >= 0
    assert same_partition(found[inside], own[inside])
    assert np.bincount(found[inside]).tolist() == sorted(np.bincount(found[inside]), reverse=True)


def test_sparse_tiles_are_in_no_group():
    signs, own = clouds(0, [200, 200])
    noise = random_codes(9, 100, 48)
    found = group_codes(pack(np.vstack([signs, noise])), 48, prominence=1).number
    assert same_partition(found[:400][found[:400] >= 0], own[found[:400] >= 0])
    assert (found[:400] >= 0).mean() > 0.98
    assert (found[400:] == NO_GROUP).mean() > 0.9


def test_codes_that_resemble_nothing_are_in_no_group():
    found = group_codes(pack(random_codes(4, 1000, 64)), 64, prominence=1)
    assert (found.number == NO_GROUP).mean() > 0.9


@pytest.mark.parametrize("num_bits", [1, 8, 64, 256])
def test_tiles_of_one_code_are_one_group(num_bits: int):
    packed = np.repeat(pack(random_codes(0, 1, num_bits)), 228, axis=0)
    found = group_codes(packed, num_bits, prominence=1)
    assert set(found.number.tolist()) == {0}
    assert set(found.sparsity.tolist()) == {0}


def test_many_tiles_of_one_code_do_not_hide_others():
    signs, own = clouds(1, [100, 100])
    packed = pack(np.vstack([signs, np.repeat(-signs[:1], 228, axis=0)]))
    found = group_codes(packed, 48, prominence=1).number
    assert (found[200:] == 0).all()
    inside = found[:200] > 0
    assert inside.mean() > 0.98
    assert same_partition(found[:200][inside], own[inside])


@given(
    st.integers(0, 10**6),
    st.integers(2, 30),
    st.sampled_from([16, 32, 64, 256]),
    st.sampled_from([0.0, 0.001]),
)
def test_far_codes_of_many_equal_tiles_are_groups(seed, count, num_bits, flips):
    rng = np.random.default_rng(seed)
    centers = far_codes(rng, count, num_bits)
    own = rng.permutation(np.repeat(np.arange(count), rng.integers(40, 60, count)))
    tiles = centers[own] * np.where(rng.random((len(own), num_bits)) < flips, -1, 1)
    found = group_codes(pack(tiles), num_bits, prominence=1).number
    assert (found >= 0).all()
    assert same_partition(found, own)


@pytest.mark.parametrize("least", [1, 2, 4])
def test_codes_of_many_tiles_are_one_group_where_few_bits_tell_them_apart(least: int):
    codes = np.ones((2, 64), np.int8)
    codes[1, :least] = -1
    found = group_codes(pack(np.repeat(codes, 100, axis=0)), 64, prominence=1).number
    assert found.max() + 1 == (1 if least < 2 else 2)
    assert set(group_codes(pack(np.repeat(codes, 100, axis=0)), 64, prominence=3).number) == {0}


@given(st.integers(0, 10**6))
def test_the_order_of_the_tiles_does_not_matter(seed: int):
    signs, _ = clouds(seed, [30, 20, 10], num_bits=20, flips=0.15)
    order = np.random.default_rng(seed).permutation(60)
    found = group_codes(pack(signs), 20, prominence=0.5)
    again = group_codes(pack(signs[order]), 20, prominence=0.5)
    assert same_partition(found.number[order], again.number)
    assert (found.sparsity[order] == again.sparsity).all()


@given(st.integers(0, 10**6))
def test_more_prominence_never_makes_more_valleys(seed: int):
    codes = DistinctCodes.fold(pack(clouds(seed, [30, 30, 30], flips=0.2)[0]))
    density = measure_density(codes.packed, codes, neighbors=5)
    counts = [len(set(find_valleys(density, prominence=p).tolist())) for p in (0, 0.5, 1, 4, 256)]
    assert counts == sorted(counts, reverse=True)


def test_other_tiles_join_the_group_of_the_nearest_code(monkeypatch: pytest.MonkeyPatch):
    signs, own = clouds(2, [600, 400])
    monkeypatch.setattr(density.sample_rows, "__defaults__", (200,))
    found = group_codes(pack(signs), 48, prominence=1)
    inside = found.number >= 0
    assert inside.mean() > 0.98
    assert same_partition(found.number[inside], own[inside])
    assert np.isfinite(found.sparsity).all()


def test_small_groups_are_none():
    signs, _ = clouds(3, [300, 4])
    found = group_codes(pack(signs), 48, prominence=1).number
    assert set(found.tolist()) == {0, NO_GROUP}
    assert 4 <= (found == NO_GROUP).sum() <= 8


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_few_tiles_form_no_group(count: int):
    found = group_codes(pack(random_codes(0, count, 8)) if count else np.empty((0, 1), np.uint8), 8,
                        prominence=1)  # fmt: skip
    assert found.number.tolist() == [NO_GROUP] * count


@given(st.lists(st.integers(-1, 6), max_size=30), st.integers(1, 4))
def test_groups_are_numbered_by_size(numbers: list[int], least: int):
    number = np.array(numbers, dtype=np.int64)
    found = number_by_size(number, least)
    sizes = [len(rows) for rows in rows_of_groups(found)]
    assert sizes == sorted(sizes, reverse=True)
    for group in set(numbers):
        members = set(found[number == group].tolist())
        kept = group >= 0 and numbers.count(group) >= least
        assert len(members) == 1 and (members != {NO_GROUP}) == kept
    for group, rows in enumerate(rows_of_groups(found)):
        assert rows.tolist() == np.flatnonzero(found == group).tolist()


@given(st.integers(0, 10**6), st.integers(1, 20), st.integers(1, 40))
def test_majority_code_has_what_most_have(seed: int, count: int, num_bits: int):
    signs = random_codes(seed, count, num_bits)
    found = unpack(majority_code(pack(signs)), num_bits)[0]
    on = (signs > 0).sum(axis=0)
    assert (found[2 * on > count] == 1).all() and (found[2 * on < count] == -1).all()
