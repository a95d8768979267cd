"""Margins and boundary tiles, compared with loops over pairs of tiles."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_counts import random_codes
from make_gallery import tiny_gallery, write
from refusals import refused

from rsh.analysis import class_margins as module
from rsh.analysis.class_margins import boundary_tiles, class_margins
from rsh.gallery.gallery import Gallery

NAMES = ["été", "森林", "غابة", "a,b c"]


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return tiny_gallery(tmp_path_factory.mktemp("borders") / "gallery", num_tiles=90, num_bits=12)


def made(folder: Path, codes: np.ndarray, classes: list[str], splits: list[str]) -> Gallery:
    """A gallery of these tiles, in whichever order it takes them."""
    items = pd.DataFrame({"id": [f"{row}.jpg" for row in range(len(codes))]})
    items["class"], items["split"] = classes, splits
    parts = {"features": np.ones((len(codes), 1)), "thumbnails": [b"jpeg"] * len(codes)}
    return write(
        folder, info={"name": "", "model": {}, "data": {}}, items=items, codes=codes, **parts
    )


@st.composite
def galleries(draw, tmp: Path) -> Gallery:
    """Few bits, so that most distances are ties; classes of one tile, and some of queries alone."""
    count = draw(st.integers(1, 14))
    codes = random_codes(draw(st.integers(0, 10**6)), count, draw(st.sampled_from([4, 12])))
    classes = draw(st.lists(st.sampled_from(NAMES), min_size=count, max_size=count))
    splits = draw(st.lists(st.sampled_from(["", "train", "query"]), min_size=count, max_size=count))
    return made(tmp / "gallery", codes, classes, splits)


def slow_near(gallery: Gallery, row: int, name: str) -> list[tuple[int, int]]:
    """Distances and rows of the tiles of a class that can be found, nearest first."""
    return sorted(
        (int((gallery.codes[row] != gallery.codes[other]).sum()), other)
        for other in range(len(gallery))
        if other != row
        and gallery.items["class"][other] == name
        and gallery.items["split"][other] != "query"
    )


def slow_field(gallery: Gallery, one: str, other: str) -> tuple[float, float]:
    """Margin and share of the tiles of one class against another."""
    margins, crossed = [], []
    for row in np.flatnonzero(gallery.items["class"] == one):
        own, across = slow_near(gallery, row, one), slow_near(gallery, row, other)
        if own and across:
            rank = min(3, len(own), len(across)) - 1
            margins.append(across[rank][0] - own[rank][0])
            crossed.append(across[0][0] <= own[0][0])
    return (np.mean(margins), np.mean(crossed)) if margins else (math.nan, math.nan)


def slow_pairs(gallery: Gallery) -> list[tuple[float, str, str]]:
    """Mean margins of both directions, the narrowest first; infinite where there is none."""
    pairs = []
    for i, one in enumerate(gallery.classes):
        for other in gallery.classes[i + 1 :]:
            both = [slow_field(gallery, one, other)[0], slow_field(gallery, other, one)[0]]
            known = [margin for margin in both if not math.isnan(margin)]
            pairs.append((float(np.mean(known)) if known else math.inf, one, other))
    return sorted(pairs)


def slow_boundary(gallery: Gallery, one: str, other: str) -> list[tuple[int, ...]]:
    found = []
    for row, name in enumerate(gallery.items["class"]):
        if name in (one, other):
            own = slow_near(gallery, row, name)
            across = slow_near(gallery, row, other if name == one else one)
            if own and across and across[0][0] <= own[0][0]:
                found.append((across[0][0] - own[0][0], across[0][0], row, own[0][0], across[0][1]))
    return sorted(found)


@given(st.data())
def test_margins_shares_and_boundaries_are_those_of_loops(tmp_path_factory, data):
    gallery = data.draw(galleries(tmp_path_factory.mktemp("one")))
    found = class_margins(gallery)
    assert found.classes == gallery.classes
    for i, one in enumerate(found.classes):
        assert np.isnan(found.margin[i, i]) and np.isnan(found.share[i, i])
        for j, other in enumerate(found.classes):
            if i != j:
                expected = slow_field(gallery, one, other)
                fields = (found.margin[i, j], found.share[i, j])
                assert fields == pytest.approx(expected, abs=1e-5, nan_ok=True)
    expected_pairs = slow_pairs(gallery)
    assert {pair[:2] for pair in found.pairs} == {pair[1:] for pair in expected_pairs}
    margins = [math.inf if math.isnan(pair.margin) else pair.margin for pair in found.pairs]
    assert margins == pytest.approx([margin for margin, _, _ in expected_pairs], abs=1e-4)
    for pair in found.pairs:
        its = boundary_tiles(gallery, pair.one, pair.other)
        worst = slow_boundary(gallery, pair.one, pair.other)
        own, other = its.own_distance, its.other_distance
        rows = zip(other - own, other, its.rows, own, its.nearest_other, strict=True)
        assert [tuple(map(int, row)) for row in rows] == worst
        assert (its.total, its.evaluated) == (len(worst), its.tiles)


@pytest.mark.parametrize("num_bits", [4, 60, 64, 68, 256])
def test_opposite_codes_are_as_far_apart_as_there_are_bits(tmp_path, num_bits):
    codes = np.repeat(np.array([[1], [-1]], np.int8), [4, 5], axis=0).repeat(num_bits, axis=1)
    found = class_margins(made(tmp_path / "g", codes, ["a"] * 4 + ["b"] * 5, [""] * 9))
    assert [pair.margin for pair in found.pairs] == [num_bits]
    assert found.share[0, 1] == found.share[1, 0] == 0


def test_two_tiles_with_a_wrong_label_do_not_decide(tmp_path):
    """Two tiles of b lie among those of a: they are on the border, the margin hardly moves."""
    codes = np.repeat(np.array([[1], [-1]], np.int8), 12, axis=0).repeat(16, axis=1)
    clean = class_margins(made(tmp_path / "g", codes, ["a"] * 12 + ["b"] * 12, [""] * 24))
    gallery = made(tmp_path / "h", codes, ["b"] * 2 + ["a"] * 10 + ["b"] * 12, [""] * 24)
    assert clean.margin[0, 1] == class_margins(gallery).margin[0, 1] == 16
    its = boundary_tiles(gallery, "a", "b")
    assert (
        set(its.own_distance) == set(its.other_distance) == {0} and its.total == 12
    )  # the ties count


def test_in_a_large_gallery_the_first_tiles_of_each_class_are_evaluated(gallery, monkeypatch):
    whole = class_margins(gallery)
    assert not whole.sampled and whole.evaluated.tolist() == whole.tiles.tolist()
    one, other = gallery.classes[:2]
    every = boundary_tiles(gallery, one, other)
    found = len(gallery.searchable)
    monkeypatch.setattr(module, "MAX_DISTANCES", found * len(gallery.classes) * 4)
    part = class_margins(gallery)
    assert part.sampled and part.evaluated.tolist() == [4] * len(gallery.classes)
    for number in range(len(gallery.classes)):
        row = np.flatnonzero(gallery.labels == number)[:4]
        near = [slow_near(gallery, int(asking), gallery.classes[number])[2][0] for asking in row]
        far = [slow_near(gallery, int(asking), gallery.classes[-1])[2][0] for asking in row]
        if number < len(gallery.classes) - 1:
            assert part.margin[number, -1] == pytest.approx(np.mean(far) - np.mean(near))
    monkeypatch.setattr(module, "MAX_DISTANCES", 1)
    least = boundary_tiles(gallery, one, other)
    assert (least.evaluated, least.tiles) == (2, every.tiles)
    assert set(least.rows) <= set(every.rows)


def test_blocks_make_no_difference(gallery, monkeypatch):
    whole = class_margins(gallery)
    for size in (1, 200, 10**6):
        monkeypatch.setattr(module, "BLOCK", size)
        parts = class_margins(gallery)
        np.testing.assert_array_equal(parts.margin, whole.margin)
        np.testing.assert_array_equal(parts.share, whole.share)


def test_count_cuts_the_list_and_not_the_total(gallery):
    pair = max(
        class_margins(gallery).pairs, key=lambda pair: boundary_tiles(gallery, *pair[:2]).total
    )
    every, first = (boundary_tiles(gallery, *pair[:2], count=count) for count in (None, 2))
    assert every.total == len(every.rows) > 2 == len(first.rows)
    assert first.total == every.total
    assert first.rows.tolist() == every.rows[:2].tolist()
    assert first.nearest_other.tolist() == every.nearest_other[:2].tolist()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("nowhere", "coast"), "one"),
        (("coast", "nowhere"), "other"),
        (("coast", "coast"), "other"),
        (("coast", "barren", 0), "count"),
    ],
)
def test_wrong_input_is_told(gallery, asked, told):
    with refused(told):
        boundary_tiles(gallery, *asked[:2], count=asked[2] if len(asked) > 2 else None)
