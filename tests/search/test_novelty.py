"""Queries unlike everything in a gallery are said to be so, and its own tiles are not."""

from pathlib import Path

import numpy as np
import pytest
from make_gallery import tiny_gallery

from rsh.codes.binary import binarize
from rsh.codes.encodings import Encodings
from rsh.gallery.gallery import Gallery
from rsh.search.novelty import measure_novelty
from rsh.search.query import Query, QueryImage


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return tiny_gallery(tmp_path_factory.mktemp("novelty") / "gallery", num_tiles=400)


def odd(count: int, like: Gallery) -> list[Query]:
    """Images whose continuous codes are orthogonal to those of all kinds of tiles."""
    rng = np.random.default_rng(0)
    _, _, axes = np.linalg.svd(like.relaxed.astype(np.float64), full_matrices=False)
    return [image(rng.normal(size=(1, 6)) @ axes[-6:], like) for _ in range(count)]


def image(relaxed: np.ndarray, like: Gallery) -> Query:
    feature = np.ones((1, like.features.shape[1]), np.float16)
    made = Encodings(binarize(relaxed), relaxed.astype(np.float16), feature)
    return Query(image=QueryImage("odd.png", b"", made))


def test_one_in_a_hundred_tiles_is_unlike_all_others(gallery: Gallery):
    found = [measure_novelty(gallery, Query(row)) for row in range(len(gallery))]
    flagged = np.mean([each.unlike_everything for each in found])
    assert 0 < flagged <= 0.011
    for each, factor in zip(found, gallery.outliers.factors, strict=True):
        assert each.factor == pytest.approx(factor, abs=1e-3)
        assert each.unlike_everything == (each.factor > each.threshold)


def test_noise_is_unlike_everything_and_a_copy_is_not(gallery: Gallery):
    found = [measure_novelty(gallery, query) for query in odd(20, gallery)]
    assert np.mean([each.unlike_everything for each in found]) > 0.9
    assert "unlike everything" in str(found[0]) and f"{found[0].factor:.1f} times" in str(found[0])
    copies = [image(gallery.relaxed[[row]], gallery) for row in range(0, 400, 10)]
    same = [measure_novelty(gallery, query) for query in copies]
    assert np.mean([each.unlike_everything for each in same]) < 0.05
    assert {each.distance for each in same} == {0}
    assert "like some tiles" in str(same[0])


def test_share_counts_the_tiles_that_lie_so_far(gallery: Gallery):
    for row in (0, 5, 9):
        found = measure_novelty(gallery, Query(row))
        factors = gallery.outliers.factors
        assert found.share == pytest.approx((factors >= factors[row]).mean(), abs=0.003)


def test_few_tiles_tell_nothing(tmp_path: Path):
    few = tiny_gallery(tmp_path / "gallery", num_tiles=99)
    assert measure_novelty(few, Query(0)) is None
