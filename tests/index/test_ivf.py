"""Lists of which a part is looked at: what they find, and what they say of it."""

import numpy as np
import pytest
from refusals import refused

from rsh.index.flat import FlatIndex
from rsh.index.ivf import IVFIndex


def clustered(count: int, num_bits: int = 64) -> np.ndarray:
    rng = np.random.default_rng(0)
    centers = rng.integers(0, 256, (45, num_bits // 8), dtype=np.uint8)
    noise = np.packbits(rng.random((count, num_bits)) < 0.08, axis=1)
    return centers[rng.integers(45, size=count)] ^ noise


def test_lists_find_what_they_say_they_find():
    """The recall is measured on the gallery's own codes; here it is counted on other ones."""
    codes = clustered(20_500)
    gallery, queries = codes[:20_000], codes[20_000:]
    index = IVFIndex.build(gallery, 64, recall=0.9)
    assert index.nprobe < index.nlist
    assert 0.9 <= index.recall < 1
    true = FlatIndex(gallery, 64).search(queries, top_k=20)
    found = index.search(queries, top_k=20)
    shares = [
        np.mean(hits.distances <= best.distances[-1])
        for hits, best in zip(found, true, strict=True)
    ]
    assert np.mean(shares) == pytest.approx(index.recall, abs=0.05)
    assert all((np.diff(hits.distances) >= 0).all() for hits in found)


def test_lists_that_hold_too_little_give_fewer_hits():
    index = IVFIndex.build(clustered(20_000), 64, recall=0.5)
    (hits,) = index.search(clustered(1), top_k=20_000)
    assert 0 < len(hits.ids) < 20_000
    assert (hits.ids >= 0).all()


@pytest.mark.parametrize("recall", [0, -1, 1.5, float("nan")])
def test_a_recall_that_cannot_be_is_refused(recall: float):
    with refused("recall", names=(0, 1)):
        IVFIndex.build(clustered(50), 64, recall=recall)


def test_lists_of_nothing_are_refused():
    with refused(names="codes"):
        IVFIndex.build(clustered(0), 64)
