"""Projects feature space and hash space to the plane with UMAP."""

import warnings

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.config import SEEDS, check_number
from rsh.gallery.gallery import Gallery
from rsh.gallery.writer import write_projection
from rsh.io.files import check_writable

Points = NDArray[np.float32]
NEIGHBORS = 15
COMPARES_ALL = 4096  # rows: with fewer, all pairs are compared
GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))  # radians: points at its multiples never line up


def project(gallery: Gallery, *, seed: int = 0) -> pd.DataFrame:
    """Project features (cosine) and codes (Hamming) of a gallery, and store the result in it.

    Args:
        gallery: an opened gallery.
        seed: of UMAP; equal seeds give equal projections.

    Returns:
        feature_x, feature_y, code_x, code_y, one row per item.

    Raises:
        InputError: the seed is out of range, or the gallery cannot be written.
    """
    check_number("seed", seed, *SEEDS)
    check_writable(gallery.folder)
    features = umap_layout(gallery.features.astype(np.float32), metric="cosine", seed=seed)
    codes = umap_code_layout(gallery.codes > 0, seed=seed)
    projection = pd.DataFrame(
        np.hstack([features, codes]), columns=["feature_x", "feature_y", "code_x", "code_y"]
    )
    write_projection(gallery, projection)
    return projection


def umap_layout(rows: NDArray[np.generic], *, metric: str, seed: int = 0) -> Points:
    """Project rows to the plane so that near rows stay near.

    Args:
        rows: (n, d).
        metric: "cosine" or "hamming".
        seed: of UMAP.

    Returns:
        (n, 2) float32; fewer than 5 rows, too few for UMAP, form a circle.
    """
    if len(rows) < 5:
        angle = 2 * np.pi * np.arange(len(rows)) / max(len(rows), 1)
        return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    import umap  # slow import: it compiles for seconds

    count = min(NEIGHBORS, len(rows) - 1)
    known = nearest(rows, count, metric) if len(rows) < COMPARES_ALL else (None, None)
    model = umap.UMAP(
        n_neighbors=count,
        precomputed_knn=(*known, None),
        metric=metric,
        random_state=seed,
        n_jobs=1,  # a fixed seed requires it
        init="spectral" if len(rows) > NEIGHBORS else "random",
    )
    with warnings.catch_warnings():  # of transforms, which rsh does not use
        warnings.filterwarnings("ignore", "gradient function is not yet implemented")
        warnings.filterwarnings("ignore", ".* transforming new data with transform")
        return np.asarray(model.fit_transform(rows), dtype=np.float32)


def nearest(
    rows: NDArray[np.generic], count: int, metric: str
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the nearest rows of each row, itself among them, and their distances; exact.

    UMAP would call a function of Python for each pair of rows.

    Args:
        rows: (n, d).
        count: number of rows to find.
        metric: "cosine" or "hamming".

    Returns:
        Row numbers, (n, count), nearest first, and distances, (n, count).
    """
    from sklearn.metrics import pairwise_distances

    distances = pairwise_distances(rows, metric=metric).astype(np.float32)
    np.fill_diagonal(distances, 0)
    found = np.argsort(distances, axis=1, kind="stable")[:, :count]
    return found, np.take_along_axis(distances, found, axis=1)


def umap_code_layout(bits: NDArray[np.bool_], *, seed: int = 0) -> Points:
    """Project distinct codes with UMAP, and draw the tiles of each code as a disc.

    Tiles with the same code have distance 0, so UMAP would put them on one point, or distort the
    layout if there are many. In a sunflower disc each tile can be seen and selected, and the size
    of the disc shows their number.

    Args:
        bits: (n, num_bits) bool.
        seed: of UMAP.

    Returns:
        (n, 2) float32.
    """
    codes, code_numbers = np.unique(bits, axis=0, return_inverse=True)
    centers = umap_layout(codes, metric="hamming", seed=seed)
    number = pd.Series(code_numbers).groupby(code_numbers).cumcount().to_numpy()
    step = (np.ptp(centers, axis=0).max() or 1) / 250  # about one dot of a plot
    radius = step * np.sqrt(number)
    angle = number * GOLDEN_ANGLE
    disc = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return np.asarray(centers[code_numbers] + disc, dtype=np.float32)
