import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from refusals import refused

from rsh.codes.binary import binarize, check_num_bits, check_packed, hamming, pack, unpack

SIGNS = st.sampled_from([-1, 1])


def signs(num_bits: st.SearchStrategy[int], count: st.SearchStrategy[int]):
    return st.tuples(count, num_bits).flatmap(lambda shape: arrays(np.int8, shape, elements=SIGNS))


@given(signs(st.integers(1, 256), st.integers(0, 4)))
def test_packing_and_unpacking_gives_the_code_back(codes):
    packed = pack(codes)
    assert packed.dtype == np.uint8
    assert packed.shape == (len(codes), -(-codes.shape[1] // 8))
    again = unpack(packed, codes.shape[1])
    assert again.dtype == np.int8
    assert np.array_equal(again, codes)


@given(signs(st.integers(1, 40), st.integers(1, 3)))
def test_layout_is_highest_bit_first_with_unused_bits_zero(codes):
    assert pack(codes).tolist() == [reference.bytes_of(code) for code in codes.tolist()]


def test_bit_0_is_the_highest_bit_of_byte_0():
    codes = np.full((2, 12), -1, dtype=np.int8)
    codes[0, 0] = codes[1, 11] = 1
    assert pack(codes).tolist() == [[0b10000000, 0], [0, 0b00010000]]


def test_zero_of_either_sign_becomes_plus_one():
    codes = binarize(np.array([[0.0, -0.0, 1e-30, -1e-30, np.inf, -np.inf]]))
    assert codes.dtype == np.int8
    assert codes.tolist() == [[1, 1, 1, -1, 1, -1]]


def test_nan_has_no_sign_and_its_row_is_named():
    relaxed = np.zeros((4, 8))
    relaxed[2, 5] = np.nan
    with refused(names=2):
        binarize(relaxed)


@given(st.integers(1, 64).flatmap(lambda bits: st.tuples(
    signs(st.just(bits), st.integers(1, 4)), signs(st.just(bits), st.integers(1, 4))
)))  # fmt: skip
def test_distance_counts_differing_bits(pair):
    query, gallery = pair
    expected = [[reference.hamming(a, b) for b in gallery.tolist()] for a in query.tolist()]
    found = hamming(pack(query), pack(gallery))
    assert found.dtype == np.int32
    assert found.tolist() == expected


@given(signs(st.integers(1, 256), st.integers(3, 6)))
def test_distance_is_a_metric_from_0_to_num_bits(codes):
    packed, num_bits = pack(codes), codes.shape[1]
    distance = hamming(packed, packed)
    assert np.array_equal(distance, distance.T)
    assert np.array_equal(distance == 0, (codes[:, None] == codes[None]).all(axis=2))
    assert distance.min() >= 0
    assert distance.max() <= num_bits
    through = distance[:, :, None] + distance[None, :, :]  # from i over j to k
    assert (distance[:, None, :] <= through).all()
    assert np.array_equal(np.diag(hamming(packed, pack(-codes))), np.full(len(codes), num_bits))


def test_distance_of_codes_of_different_width_is_refused():
    with refused(names=(2, 4)):
        hamming(np.zeros((1, 2), np.uint8), np.zeros((1, 4), np.uint8))


@pytest.mark.parametrize("num_bits", range(4, 257, 4))
def test_multiples_of_4_up_to_256_are_code_lengths(num_bits: int):
    assert check_num_bits(num_bits) == num_bits
    assert pack(np.ones((1, num_bits), np.int8)).shape == (1, -(-num_bits // 8))


@pytest.mark.parametrize(
    ("num_bits", "near"), [(0, 4), (-8, 4), (2, 4), (7, 8), (65, 64), (257, 256), (300, 256)]
)
def test_other_code_lengths_are_refused_with_a_near_choice(num_bits: int, near: int):
    with refused("num_bits", value=num_bits, names=near):
        check_num_bits(num_bits)


@pytest.mark.parametrize(
    "codes",
    [np.ones(8, np.int8), np.ones((1, 0), np.int8), np.ones((1, 257), np.int8), np.ones((1, 2, 3))],
    ids=["1-d", "no bits", "too many", "3-d"],
)
def test_packing_names_a_wrong_shape(codes):
    with refused(names=codes.shape):
        pack(codes)


@pytest.mark.parametrize("value", [0, 2, -3])
def test_packing_names_a_value_that_is_no_sign(value: int):
    codes = np.array([[1, -1, value, 1]], dtype=np.int8)
    with refused(names=value):
        pack(codes)


@pytest.mark.parametrize(
    ("packed", "named"),
    [
        (np.zeros((3, 3), np.uint8), "(3, 3)"),
        (np.zeros((3, 1), np.uint8), "(3, 1)"),
        (np.zeros((3, 2), np.int8), "int8"),
        (np.zeros((3, 2), np.float32), "float32"),
        (np.zeros((1, 3, 2), np.uint8), "(1, 3, 2)"),
    ],
)
def test_wrong_width_or_type_is_named_with_what_is_needed(packed, named: str):
    for call in (check_packed, unpack):
        with refused(names=(named, 16, "(n, 2)")):
            call(packed, 16)


def test_one_code_alone_counts_as_a_row():
    assert check_packed(np.zeros(2, np.uint8), 16).shape == (1, 2)
    assert unpack(np.array([255, 0], np.uint8), 16).shape == (1, 16)
