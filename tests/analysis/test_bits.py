"""What a bit encodes, compared with loops and numpy's own correlation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_gallery import tiny_gallery, write
from refusals import refused

from rsh.analysis.bits import profile_bit
from rsh.codes.binary import binarize
from rsh.gallery.gallery import Gallery

NAMES = ["été", "森林", "غابة"]


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    folder = tmp_path_factory.mktemp("strongest") / "gallery"
    return tiny_gallery(folder, num_tiles=120, num_bits=20, rename={"coast": "海岸"})


def made(folder, relaxed: np.ndarray, classes: list[str], split: str = "") -> Gallery:
    items = pd.DataFrame({"id": [f"{row}.jpg" for row in range(len(relaxed))]})
    items["class"], items["split"] = classes, split
    parts = {"features": np.ones((len(relaxed), 1)), "thumbnails": [b"jpeg"] * len(relaxed)}
    info = {"name": "", "model": {}, "data": {}}
    return write(folder, info=info, items=items, codes=binarize(relaxed), relaxed=relaxed, **parts)


def slow_list(gallery: Gallery, bit: int, sign: int, count: int, per_class: int) -> list[int]:
    relaxed, codes = gallery.relaxed[:, bit].tolist(), gallery.codes[:, bit].tolist()
    rows = [row for row in range(len(gallery)) if codes[row] == sign]
    found: list[int] = []
    for row in sorted(rows, key=lambda row: (-sign * relaxed[row], row)):
        own = [other for other in found if gallery.labels[other] == gallery.labels[row]]
        if len(own) < per_class and len(found) < count:
            found.append(row)
    return found


@given(st.data())
def test_a_bit_is_what_loops_find(tmp_path_factory, data):
    """Relaxed codes of few values, so that many are equal, and some bits never turn."""
    tiles, num_bits = data.draw(st.integers(1, 12)), data.draw(st.sampled_from([4, 12]))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    relaxed = rng.integers(-1, 2, (tiles, num_bits)) / 2
    classes = data.draw(st.lists(st.sampled_from(NAMES), min_size=tiles, max_size=tiles))
    gallery = made(tmp_path_factory.mktemp("one") / "gallery", relaxed, classes)
    bit, count = data.draw(st.integers(0, num_bits - 1)), data.draw(st.integers(1, 5))
    per_class = data.draw(st.sampled_from([None, 1, 2]))
    found = profile_bit(gallery, bit, count=count, per_class=per_class)
    assert found.on.tolist() == slow_list(gallery, bit, 1, count, per_class or 99)
    assert found.off.tolist() == slow_list(gallery, bit, -1, count, per_class or 99)
    codes = gallery.codes
    assert found.balance == pytest.approx((codes[:, bit] == 1).mean())
    for number, name in enumerate(gallery.classes):
        own = gallery.items["class"] == name
        assert found.share[number] == pytest.approx((codes[own, bit] == 1).mean())
    for other in range(num_bits):
        pair = codes[:, [bit, other]]
        if other == bit:
            expected = 1.0
        elif (pair == pair[0]).all(axis=0).any():
            expected = 0.0
        else:
            expected = np.corrcoef(pair.T)[0, 1]
        assert found.correlation[other] == pytest.approx(expected, abs=1e-9)
    others = [other for other in range(num_bits) if other != bit]
    strength = np.abs(found.correlation).tolist()
    assert found.related.tolist() == sorted(others, key=lambda b: (-strength[b], b))[:count]


def test_all_tiles_count_those_of_the_query_split_too(gallery):
    found = profile_bit(gallery, 3, count=len(gallery))
    assert sorted([*found.on, *found.off]) == list(range(len(gallery)))
    assert "query" in set(gallery.items["split"].iloc[found.on])
    assert len(found.share) == len(gallery.classes)


def test_one_class_may_fill_the_list_unless_it_is_told_not_to(tmp_path):
    """The six surest tiles are of one class."""
    relaxed = np.repeat([[9.0], [1.0], [-1.0]], [6, 3, 3], axis=0).repeat(4, axis=1)
    gallery = made(tmp_path / "g", relaxed, ["a"] * 6 + ["b"] * 3 + ["c"] * 3)
    names = gallery.items["class"]
    assert set(names.iloc[profile_bit(gallery, 0, count=5).on]) == {"a"}
    assert names.iloc[profile_bit(gallery, 0, per_class=2).on].tolist() == ["a", "a", "b", "b"]
    assert profile_bit(gallery, 0).share.tolist() == [1, 1, 0]


def test_a_bit_that_never_turns_has_no_tiles_on_one_side(tmp_path):
    gallery = made(tmp_path / "g", np.full((5, 4), -0.5), ["a"] * 5, split="query")
    found = profile_bit(gallery, 2)
    assert (len(found.on), len(found.off), found.balance) == (0, 5, 0)
    assert found.correlation.tolist() == [0, 0, 1, 0]


def test_a_code_of_one_bit_goes_with_nothing(tmp_path):
    found = profile_bit(made(tmp_path / "g", np.array([[1.0], [-1.0]]), ["a", "b"]), 0)
    assert (found.correlation.tolist(), found.related.tolist()) == ([1], [])


@pytest.mark.parametrize(
    ("bit", "asked", "told"),
    [
        (20, {}, "bit"),
        (-1, {}, "bit"),
        (0, {"count": 0}, "count"),
        (0, {"per_class": 0}, "per_class"),
    ],
)
def test_wrong_input_is_told(gallery, bit, asked, told):
    with refused(told):
        profile_bit(gallery, bit, **asked)
