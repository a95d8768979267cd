import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsh.codes.distinct import group_codes


@given(st.lists(st.integers(0, 5), max_size=30), st.sampled_from([1, 4, 8, 9, 32]))
def test_groups_are_those_of_a_slow_loop(values: list[int], width: int):
    packed = np.zeros((len(values), width), dtype=np.uint8)
    packed[:, -1] = values
    found = group_codes(packed)
    seen: list[int] = []
    for row, value in enumerate(values):
        if value not in seen:
            assert found.first[len(seen)] == row
            seen.append(value)
        assert found.number[row] == seen.index(value)
        assert found.rank[row] == values[:row].count(value)
    assert len(found.first) == len(seen)


@pytest.mark.parametrize("width", [1, 8])
def test_no_codes_make_no_groups(width: int):
    assert [len(part) for part in group_codes(np.empty((0, width), np.uint8))] == [0, 0, 0]
