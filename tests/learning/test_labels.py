"""Labels that are given."""

import numpy as np
import pytest
from make_learning import cluster_gallery
from refusals import refused

from rsh.gallery.gallery import Gallery
from rsh.learning.labels import find_labels


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return cluster_gallery(tmp_path_factory.mktemp("labels") / "gallery", per_class=5)


def test_labels_are_found_in_the_order_of_rows(gallery: Gallery):
    ids = gallery.items["id"]
    given = find_labels(gallery, {ids[7]: "b", ids[3]: "c", ids[11]: "b", ids[2]: "a"})
    assert given.rows.tolist() == [2, 3, 7, 11]
    assert given.classes == ["a", "b", "c"] and given.numbers.tolist() == [0, 2, 1, 1]
    part = given.select(np.array([True, False, True, False]))
    assert part.rows.tolist() == [2, 7] and part.numbers.tolist() == [0, 1]
    assert len(find_labels(gallery, {})) == 0


def test_labels_of_unknown_tiles_and_without_a_name_are_refused(gallery: Gallery):
    with refused("labels", value="nowhere.png"):
        find_labels(gallery, {"nowhere.png": "coast"})
    for name in ("", "  ", None, 3):
        with refused(names=gallery.items["id"][0]):
            find_labels(gallery, {gallery.items["id"][0]: name})
