"""Lays rows out in a plane with UMAP, from exact neighbors.

umap-learn makes the layout; its search for neighbors and its class are not used. The class compiles
functions for eight seconds that NumPy does not need, and below 4,096 rows it computes all distances
even if it is given the neighbors.
"""

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from rsh.gallery.pull import NEIGHBORS, edge_weights
from rsh.index.neighbors import Neighbors
from rsh.metrics.trustworthiness import mark_others

Points = NDArray[np.float32]
MIN_ROWS = 5  # with fewer, there is nothing for UMAP to do
MOST_COMPONENTS = 100  # of the graph; UMAP takes long to place more


def lay_out(
    rows: NDArray[np.float32],
    neighbors: Neighbors,
    *,
    seed: int = 0,
    title: str = "UMAP",
    progress: bool = False,
) -> Points:
    """Return a UMAP of rows.

    Args:
        rows: (n, d), which place groups without a connection.
        neighbors: `neighbor_count(n)` nearest rows of each row, itself among them.
        seed: of UMAP; equal seeds give equal layouts.
        title: of the progress bar.
        progress: show a bar.

    Returns:
        (n, 2); fewer than 5 rows form a circle.
    """
    if len(rows) < MIN_ROWS:
        angle = 2 * np.pi * np.arange(len(rows)) / max(len(rows), 1)
        return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    from umap.umap_ import find_ab_params, simplicial_set_embedding  # slow: it compiles

    graph = fuzzy_graph(neighbors)
    a, b = find_ab_params(spread=1.0, min_dist=0.1)
    with warnings.catch_warnings():  # of fallbacks in the first positions, which do no harm
        warnings.simplefilter("ignore", UserWarning)
        points, _ = simplicial_set_embedding(
            rows,
            graph,
            n_components=2,
            initial_alpha=1.0,
            a=a,
            b=b,
            gamma=1.0,
            negative_sample_rate=5,
            n_epochs=None,
            init=_first_positions(graph),
            random_state=np.random.RandomState(seed),
            metric="euclidean",
            metric_kwds={},
            densmap=False,
            densmap_kwds={},
            output_dens=False,
            parallel=False,  # or equal seeds would not give equal layouts
            tqdm_kwds={"desc": title, "unit": "epoch", "disable": not progress},
        )
    return np.asarray(points, dtype=np.float32)


def neighbor_count(num_rows: int) -> int:
    """Return the number of neighbors that a layout of so many rows takes, the row among them."""
    return min(NEIGHBORS, max(num_rows - 1, 1))


def fuzzy_graph(neighbors: Neighbors) -> csr_matrix:
    """Return UMAP's graph: the fuzzy union of the edges from each row to its neighbors.

    Args:
        neighbors: of n rows, each row among its own.

    Returns:
        Weights of the edges, (n, n) sparse, symmetric.
    """
    count, width = neighbors.rows.shape
    is_other = mark_others(neighbors.rows, np.arange(count))
    ends = neighbors.rows[is_other]
    weights = edge_weights(neighbors.distances[is_other].reshape(count, width - 1))
    starts = np.arange(count + 1) * (width - 1)
    directed = csr_matrix((weights.ravel().astype(np.float32), ends, starts), (count, count))
    return (directed + directed.T - directed.multiply(directed.T)).tocsr()


def _first_positions(graph: csr_matrix) -> str:
    if graph.shape[0] <= NEIGHBORS:
        return "random"
    components, _ = connected_components(graph, directed=False)
    return "spectral" if components <= MOST_COMPONENTS else "pca"
