import warnings

import numpy as np
import pytest
import reference

from rsh.codes.encodings import unit
from rsh.gallery.layout import fuzzy_graph, lay_out, neighbor_count
from rsh.index.neighbors import Neighbors, VectorNeighbors


def draw(count: int, seed: int = 0) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(count, 8)))


def neighbors_of(rows: np.ndarray, count: int) -> Neighbors:
    return VectorNeighbors(rows).search(rows, count)


def test_graph_is_the_fuzzy_union_of_a_slow_loop():
    rows = draw(30)
    rows[4] = rows[9]
    found = neighbors_of(rows, 7)
    directed = np.zeros((30, 30))
    for row, (near, far) in enumerate(zip(*found, strict=True)):
        others = [(end, d) for end, d in zip(near.tolist(), far.tolist(), strict=True)]
        others = [pair for pair in others if pair[0] != row][:6]
        (weights,) = reference.edge_weights([[d for _, d in others]])
        for (end, _), weight in zip(others, weights, strict=True):
            directed[row, end] = weight
    expected = directed + directed.T - directed * directed.T
    graph = fuzzy_graph(found).toarray()
    assert np.allclose(graph, expected, atol=1e-5)
    assert (graph.diagonal() == 0).all() and (graph == graph.T).all()


@pytest.mark.release
def test_graph_is_that_of_umap():
    from umap.umap_ import fuzzy_simplicial_set

    rows = draw(200)
    found = neighbors_of(rows, 15)
    expected, *_ = fuzzy_simplicial_set(
        rows, 15, None, "cosine", knn_indices=found.rows, knn_dists=found.distances
    )
    assert np.allclose(fuzzy_graph(found).toarray(), expected.toarray(), atol=1e-4)


def test_more_equal_rows_than_neighbors_are_laid_out():
    rows = np.repeat(draw(2), 40, axis=0)
    points = lay_out(rows, neighbors_of(rows, neighbor_count(80)))
    assert np.isfinite(points).all()
    assert len(np.unique(points, axis=0)) == 80


def test_rows_in_many_groups_without_a_connection_are_laid_out():
    centers = unit(np.random.default_rng(0).normal(size=(120, 40)))
    rows = unit(np.repeat(centers, 16, axis=0) + 1e-3 * np.random.default_rng(1).normal(size=40))
    points = lay_out(rows, neighbors_of(rows, neighbor_count(len(rows))))
    assert np.isfinite(points).all()


@pytest.mark.parametrize("count", [0, 1, 4])
def test_few_rows_form_a_circle(count: int):
    points = lay_out(draw(count), Neighbors(np.empty((0, 1), int), np.empty((0, 1), np.float32)))
    assert np.allclose(np.linalg.norm(points, axis=1), 1) and points.shape == (count, 2)


def test_umap_s_own_warnings_are_not_for_the_reader():
    rows = draw(40)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        lay_out(rows, neighbors_of(rows, neighbor_count(40)))


def test_equal_seeds_give_equal_layouts():
    rows = draw(40)
    found = neighbors_of(rows, neighbor_count(40))
    first, second, other = (lay_out(rows, found, seed=seed) for seed in (3, 3, 4))
    assert (first == second).all() and (first != other).any()
