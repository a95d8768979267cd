"""Unusual tiles come first, with the reason."""

from pathlib import Path

import numpy as np
import pytest
from make_gallery import tiny_gallery, without_classes
from refusals import refused

import rsh.gallery.gallery as gallery_module
from rsh.gallery.gallery import Gallery
from rsh.gallery.groups import find_groups
from rsh.gallery.unusual import most_unusual
from rsh.gallery.writer import write_groups


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return tiny_gallery(tmp_path_factory.mktemp("unusual") / "gallery", look_bits=8)


def test_the_largest_factors_come_first(gallery: Gallery):
    found = most_unusual(gallery, count=7)
    factors = gallery.outliers.of_tiles(np.arange(len(gallery)))
    assert found.rows.tolist() == np.argsort(-factors, kind="stable")[:7].tolist()
    assert found.factors.tolist() == factors[found.rows].tolist()
    assert found.sparsity.tolist() == gallery.groups.sparsity[found.rows].tolist()
    assert len(most_unusual(gallery, count=10**6)) == len(gallery)


def test_the_reason_is_in_bits(gallery: Gallery):
    found = most_unusual(gallery)
    words = found.explain(0)
    assert f"{found.factors[0]:.1f} times" in words
    assert f"{found.sparsity[0]:.1f} of 24 class bits" in words
    assert f"{np.median(gallery.groups.sparsity):.1f} for the median tile" in words


def test_without_classes_the_bits_are_called_as_on_the_page(tmp_path: Path):
    unlabeled = tiny_gallery(tmp_path / "g", num_tiles=40, look_bits=8, more=without_classes)
    assert " of 24 group bits differ" in most_unusual(unlabeled).explain(0)


def test_codes_without_parts_have_no_class_bits(tmp_path: Path):
    plain = tiny_gallery(tmp_path / "gallery", num_tiles=40)
    assert " of 32 bits differ" in most_unusual(plain).explain(0)


def test_count_is_one_or_more(gallery: Gallery):
    with refused("count", value=0):
        most_unusual(gallery, count=0)


def test_a_large_gallery_is_measured_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    large = tiny_gallery(tmp_path / "gallery", num_tiles=40)
    before = most_unusual(large)
    write_groups(large, find_groups(large))
    monkeypatch.setattr(gallery_module, "AT_ONCE", 39)
    stored = Gallery.open(large.folder)
    assert most_unusual(stored).factors.tolist() == before.factors.tolist()
    assert "outliers" not in vars(stored)  # nothing was measured again
    unmeasured = tiny_gallery(tmp_path / "other", num_tiles=40)
    with refused(names=(unmeasured.folder, "rsh groups")):
        most_unusual(unmeasured)
