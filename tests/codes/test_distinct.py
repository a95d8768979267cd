import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsh.codes.distinct import DistinctCodes, join_spans


@given(st.lists(st.integers(0, 5), max_size=30), st.sampled_from([1, 4, 8, 9, 32]))
def test_codes_are_those_of_a_slow_loop(values: list[int], width: int):
    packed = np.zeros((len(values), width), dtype=np.uint8)
    packed[:, -1] = values
    found = DistinctCodes.fold(packed)
    assert sorted(found.packed[:, -1].tolist()) == sorted(set(values))
    for row, value in enumerate(values):
        number = found.number[row]
        assert found.packed[number, -1] == value
        assert found.first[number] == values.index(value)
        assert found.rank[row] == values[:row].count(value)
    for number, code in enumerate(found.packed[:, -1].tolist()):
        same = [row for row, value in enumerate(values) if value == code]
        assert found.members(np.array([number])).tolist() == same
        assert found.sizes[number] == len(same)


@pytest.mark.parametrize("width", [1, 8])
def test_no_rows_have_no_codes(width: int):
    found = DistinctCodes.fold(np.empty((0, width), np.uint8))
    assert [len(found), len(found.first), len(found.number), len(found.rank)] == [0, 0, 0, 0]


def test_members_of_several_codes_come_code_by_code():
    found = DistinctCodes.fold(np.array([[7], [3], [7], [5], [3]], np.uint8))
    assert found.packed.tolist() == [[3], [5], [7]]
    assert found.members(np.array([2, 0, 2])).tolist() == [0, 2, 1, 4, 0, 2]


def test_spans_are_joined_in_their_order():
    assert join_spans(np.array([5, 0, 9]), np.array([2, 0, 3])).tolist() == [5, 6, 9, 10, 11]
    assert join_spans(np.array([], int), np.array([], int)).tolist() == []
