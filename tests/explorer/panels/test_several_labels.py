from pathlib import Path

import numpy as np
from make_gallery import retabled, tiny_gallery, without_classes

from rsh.explorer.panels.filter import list_columns
from rsh.explorer.panels.tiles import describe
from rsh.explorer.state import ExplorerState
from rsh.gallery.filters import Filter

LABELS = np.array(["sand;sea", "sea", "", "open_shrubland"], dtype=object)


def test_tiles_without_a_class_are_named_by_their_labels(tmp_path: Path):
    gallery = tiny_gallery(tmp_path / "g", num_tiles=40, more=without_classes, several=True)
    gallery = retabled(gallery, labels=LABELS[np.arange(40) % 4])
    assert [describe(gallery, row)["name"] for row in (0, 1, 3)] == [
        "sand, sea",
        "sea",
        "open shrubland",
    ]
    assert describe(gallery, 2)["name"] == gallery.ids[2].rsplit("/", 1)[-1]
    assert gallery.list_labels(0) == ["sand", "sea"] and gallery.list_labels(2) == []


def test_each_label_can_be_chosen_as_a_condition(tmp_path: Path):
    gallery = retabled(tiny_gallery(tmp_path / "g", num_tiles=40), labels=LABELS[np.arange(40) % 4])
    (column,) = [one for one in list_columns(ExplorerState(gallery)) if one["name"] == "labels"]
    assert column["values"] == ["open_shrubland", "sand", "sea"]
    found = Filter.read(["labels=sea"]).mask(gallery.table)
    np.testing.assert_array_equal(found, np.arange(40) % 4 < 2)


def test_a_class_comes_before_several_labels(tmp_path: Path):
    gallery = tiny_gallery(tmp_path / "g", num_tiles=40)
    before = [describe(gallery, row)["name"] for row in range(40)]
    gallery = retabled(gallery, labels=LABELS[np.arange(40) % 4])
    assert [describe(gallery, row)["name"] for row in range(40)] == before
