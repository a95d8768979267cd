"""Evaluation without labels: what codes keep of the neighborhoods of the backbone's features."""

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Packed
from rsh.codes.encodings import Encodings
from rsh.data.dataset import Split
from rsh.errors import InputError
from rsh.evaluation.protocols import Protocol
from rsh.evaluation.scoring import CUT, Report, Rows
from rsh.labels import UNLABELED
from rsh.metrics.neighbors import nearest_by_cosine, neighbors_kept, reranked, tied_at
from rsh.metrics.ranking import distinct_codes
from rsh.training.feature_cache import FeatureArray
from rsh.training.neighborhoods import Standardization

NEIGHBORS, POOL = 10, 100


def standardized(plain: FeatureArray, split: Split) -> NDArray[np.float32]:
    """Return backbone features of all tiles, standardized over the training tiles, of length 1.

    Args:
        plain: backbone features of all tiles, (n, views, d) float16.
        split: which tiles are training tiles.

    Returns:
        (n, d) float32.
    """
    return Standardization.fit(plain, split.rows("train")).apply(plain, np.arange(len(plain)))


def neighbor_report(
    encoded: Encodings, looks: NDArray[np.float32], split: Split, protocol: Protocol
) -> Report:
    """Measure how codes order tiles, beside the order of standardized backbone features.

    Args:
        encoded: of all tiles of the split.
        looks: see `standardized`.
        split: which tiles are queries, and which are searched.
        protocol: which splits these are.

    Returns:
        "neighbors" and "pool", two ranks, 10 and 100 or all tiles, and by them: "kept", how many of
        a query's nearest tiles by features are first by code; "kept_in_class", the same for the
        nearest tiles of its own class (None without one class each); "in_pool", how many are in the
        pool; "reranked", how many are first once the gallery's features have re-ranked the pool:
        mean fractions, over all orders of ties. "tied_at_20": the median number of tiles at the
        distance of the 20th. "codes": number of different codes. "queries" and "gallery": numbers
        of tiles.

    Raises:
        InputError: there are no queries, or no gallery tiles.
    """
    query, gallery = split.rows(*protocol.query), split.rows(*protocol.gallery)
    if not len(query):
        raise InputError("the data has no query tiles: split it first")
    own = np.searchsorted(gallery, query) if np.isin(query, gallery).all() else None
    most = len(gallery) - (own is not None)  # where queries are in the gallery, all of them are
    if not most:
        raise InputError(
            "the gallery is empty, add tiles", parameter="protocol", value=protocol.name
        )
    count, pool = min(NEIGHBORS, most), min(POOL, most)
    sides = looks[query], looks[gallery]
    features = [encoded.features[rows] for rows in (query, gallery)]
    packed = encoded.packed
    codes = packed[query], packed[gallery]
    nearest = nearest_by_cosine(*sides, count, own=own)
    in_pool, first = reranked(*codes, features[0], features[1], nearest, pool=pool, own=own)
    labels = split.dataset.labels
    return {
        "neighbors": count,
        "pool": pool,
        "kept": float(neighbors_kept(*codes, nearest, depth=count, own=own).mean()),
        "kept_in_class": None
        if split.dataset.has_several
        else _kept_in_class(codes, sides, (labels[query], labels[gallery]), own),
        "in_pool": float(in_pool.mean()),
        "reranked": float(first.mean()),
        "tied_at_20": float(np.median(tied_at(*codes, min(CUT, most), own=own))),
        "codes": distinct_codes(packed[gallery]),
        "queries": len(query),
        "gallery": len(gallery),
    }


def _kept_in_class(
    codes: tuple[Packed, Packed],
    looks: tuple[NDArray[np.float32], NDArray[np.float32]],
    labels: tuple[Rows, Rows],
    own: Rows | None,
) -> float | None:
    """Return how many of the nearest tiles of a query's class are first by code, of all tiles.

    Classes with too few tiles in the gallery are left out.
    """
    found: list[NDArray[np.float64]] = []
    for of_class in np.unique(labels[0][labels[0] != UNLABELED]):
        rows, members = (np.flatnonzero(part == of_class) for part in labels)
        inside = None if own is None else own[rows]
        if len(members) <= NEIGHBORS:
            continue
        among = None if inside is None else np.searchsorted(members, inside)
        nearest = nearest_by_cosine(looks[0][rows], looks[1][members], NEIGHBORS, own=among)
        query, gallery = codes[0][rows], codes[1]
        found.append(neighbors_kept(query, gallery, members[nearest], depth=NEIGHBORS, own=inside))
    return float(np.concatenate(found).mean()) if found else None
