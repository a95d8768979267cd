import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsh.codes.binary import hamming
from rsh.codes.encodings import unit
from rsh.index.neighbors import CodeNeighbors, VectorNeighbors


def test_vector_neighbors_are_those_of_a_slow_loop():
    draw = np.random.default_rng(0)
    rows, queries = (unit(draw.normal(size=(count, 12))) for count in (40, 9))
    rows[7] = rows[3]
    found = VectorNeighbors(rows).search(queries, 6)
    for query, near, far in zip(queries, *found, strict=True):
        cosine = [1 - float(query @ row) for row in rows]
        assert np.allclose(far, sorted(cosine)[:6], atol=1e-6)
        assert np.allclose([cosine[row] for row in near], far, atol=1e-6)
        assert len(set(near.tolist())) == 6


def test_equal_vectors_are_at_distance_zero():
    rows = unit(np.random.default_rng(0).normal(size=(50, 640)))
    rows[9] = rows[3]
    found = VectorNeighbors(rows).search(rows, 2)
    assert (found.distances[:, 0] == 0).all()
    assert set(found.rows[3].tolist()) == {3, 9} and (found.distances[3] == 0).all()


@given(st.sampled_from([1, 2, 4, 8, 9, 32]), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_code_neighbors_come_by_distance_and_row(width: int, count: int, seed: int):
    draw = np.random.default_rng(seed)
    packed = draw.integers(0, 4, (20, width), dtype=np.uint8)
    queries = draw.integers(0, 4, (3, width), dtype=np.uint8)
    found = CodeNeighbors(packed).search(queries, count)
    distances = hamming(queries, packed)
    expected = np.argsort(distances, axis=1, kind="stable")[:, :count]
    assert (found.rows == expected).all()
    assert (found.distances == np.take_along_axis(distances, expected, axis=1)).all()


@pytest.mark.parametrize("search", [VectorNeighbors, CodeNeighbors])
def test_no_queries_have_no_neighbors(search: type):
    rows = np.zeros((3, 8), np.float32 if search is VectorNeighbors else np.uint8)
    assert search(rows).search(rows[:0], 2).rows.shape == (0, 2)
