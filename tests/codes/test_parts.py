"""Distances in a part of a code are those of the bits of this part."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_counts import random_codes
from refusals import refused

from rsh.codes.binary import hamming, pack
from rsh.codes.parts import code_parts, part_distances


@given(st.integers(0, 10**6), st.integers(1, 64), st.data())
def test_distances_of_a_part_are_those_of_a_slow_loop(seed, quarter, data):
    num_bits = 4 * quarter
    look_bits = 4 * data.draw(st.integers(0, quarter))
    codes = random_codes(seed, 9, num_bits)
    packed, parts = pack(codes), code_parts(num_bits, look_bits)
    assert sum(part.num_bits for part in parts) == (num_bits if look_bits else 0)
    total = np.zeros(9, dtype=int)
    for part in parts:
        found = part_distances(packed[:1], packed, part, num_bits=num_bits)
        rows = codes[:, part.start : part.stop].tolist()
        assert found.tolist() == [sum(a != b for a, b in zip(rows[0], row)) for row in rows]  # noqa: B905
        total += found
    if parts:
        assert total.tolist() == hamming(packed[:1], packed)[0].tolist()


@pytest.mark.parametrize(("look_bits", "names"), [(0, []), (4, ["class", "look"]), (12, ["look"])])
def test_a_code_has_up_to_two_parts(look_bits, names):
    assert [part.name for part in code_parts(12, look_bits)] == names


def test_codes_of_another_width_are_refused():
    packed = pack(random_codes(0, 3, 16))
    with refused():
        part_distances(packed[:1], packed, code_parts(32, 8)[0], num_bits=32)
