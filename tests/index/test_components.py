"""Components of edges that come in portions, compared with those of all edges at once."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rsh.data.twins import join_pairs
from rsh.index.components import Components


@given(st.lists(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=6)))
def test_components_are_those_of_all_edges_at_once(portions: list[list[tuple[int, int]]]):
    found = Components(20)
    for portion in portions:
        first, second = np.array(portion, np.int64).reshape(-1, 2).T
        found.join(np.ascontiguousarray(first), np.ascontiguousarray(second))
    labels = found.labels()
    expected = join_pairs(np.arange(20), [edge for portion in portions for edge in portion])
    assert np.array_equal(labels[:, None] == labels, expected[:, None] == expected)
    assert all(labels[labels] == labels) and all(labels <= np.arange(20))
