"""Galleries of tiles of which all or some have no class."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from make_gallery import (
    PARTS_BITS,
    half_labeled,
    parts,
    some,
    tiles_of,
    tiny_gallery,
    without_classes,
)
from refusals import refused

from rsh.gallery.filters import Filter
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import DataInfo, Manifest, ModelInfo
from rsh.gallery.writer import add_tiles, index_gallery, merge_galleries, write_gallery

ITEMS = pd.DataFrame({"id": list("abcd"), "class": ["sea", "", "ice", ""], "split": ""})


def gallery_of(folder: Path, **columns: object) -> Gallery:
    made = parts(12)
    made["items"] = made["items"].assign(**columns)
    del made["info"]
    return write_gallery(
        folder, Manifest("x", PARTS_BITS, ModelInfo(), DataInfo()), tiles_of(**made)
    )


def test_numbers_of_classes_skip_the_tiles_without_one(tmp_path: Path):
    gallery = tiny_gallery(tmp_path / "g", num_tiles=60, more=half_labeled)
    for name, label in zip(gallery.items["class"], gallery.labels, strict=True):
        assert label == -1 if name == "" else gallery.classes[label] == name
    assert "" not in gallery.classes and gallery.num_labeled == 30


def test_gallery_without_classes_is_searched_like_any(tmp_path: Path):
    plain = tiny_gallery(tmp_path / "p", num_tiles=60, more=lambda items: without_classes(items))
    assert plain.classes == [] and (plain.labels == -1).all() and plain.num_labeled == 0
    (hits,) = plain.search(plain.packed[:1], top_k=5)
    assert len(hits.ids) == 5


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("class=sea", "a"),
        ("class!=sea", "c"),
        ("class=sea,ice", "ac"),
        ("class=a..j", "c"),
        ("class!=a..j", "a"),
    ],
)
def test_unknown_class_meets_no_condition_on_the_class(text: str, found: str):
    mask = Filter.read([text]).mask(ITEMS)
    assert "".join(ITEMS["id"][mask]) == found


@pytest.mark.parametrize("text", ["class=sea", "class!=sea"])
def test_condition_on_a_class_without_any_is_one_sentence(text: str):
    with refused("filter", names=(text, "these tiles have no classes")):
        Filter.read([text]).mask(ITEMS.assign(**{"class": ""}))


@pytest.mark.parametrize("index", ["exact", "ivf"])
def test_every_index_filters_alike(tmp_path: Path, index: str):
    gallery = tiny_gallery(tmp_path / "g", num_tiles=200, more=half_labeled)
    name = gallery.classes[0]
    opened = index_gallery(gallery.folder, index, recall=1.0)
    (hits,) = opened.search(opened.packed[:1], top_k=8, filter=Filter.read([f"class!={name}"]))
    found = set(opened.items["class"].iloc[hits.ids])
    assert found and not found & {"", name}


def test_labeled_and_unlabeled_tiles_are_added_and_merged(tmp_path: Path):
    labeled, plain = (
        gallery_of(tmp_path / "a"),
        gallery_of(tmp_path / "b", **{"class": ""}, id=[f"b/{n}" for n in range(12)]),
    )
    merged = merge_galleries([labeled.folder, plain.folder], tmp_path / "m")
    assert merged.classes == labeled.classes and merged.num_labeled == 12
    by_id = merged.items.set_index("id")["class"]
    assert (by_id[[f"b/{n}" for n in range(12)]] == "").all()
    new = some(5, seed=3)
    new["items"] = new["items"].assign(**{"class": ""})
    grown = add_tiles(labeled.folder, tiles_of(**new))
    assert grown.num_labeled == 12 and len(grown) == 17
    assert np.array_equal(
        np.flatnonzero(grown.labels < 0), np.flatnonzero(grown.items["class"] == "")
    )
