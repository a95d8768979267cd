"""Distinct codes and who shares them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rsh.codes.distinct import DistinctCodes, join_spans


@given(st.lists(st.lists(st.integers(0, 2), min_size=9, max_size=9), max_size=30))
def test_each_code_is_there_once_with_its_rows_in_ascending_order(rows: list[list[int]]):
    packed = np.array(rows, np.uint8).reshape(-1, 9)
    distinct = DistinctCodes.fold(packed)
    assert len(distinct) == len({tuple(row) for row in rows}) == len(distinct.sizes)
    assert sorted(distinct.rows.tolist()) == list(range(len(rows)))
    for code in range(len(distinct)):
        members = distinct.members(np.array([code])).tolist()
        assert members == [i for i, row in enumerate(rows) if row == distinct.packed[code].tolist()]


def test_members_of_several_codes_come_code_by_code():
    distinct = DistinctCodes.fold(np.array([[7], [3], [7], [5], [3]], np.uint8))
    assert distinct.packed.tolist() == [[3], [5], [7]]
    assert distinct.members(np.array([2, 0, 2])).tolist() == [0, 2, 1, 4, 0, 2]


def test_spans_are_joined_in_their_order():
    assert join_spans(np.array([5, 0, 9]), np.array([2, 0, 3])).tolist() == [5, 6, 9, 10, 11]
    assert join_spans(np.array([], int), np.array([], int)).tolist() == []
