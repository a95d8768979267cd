"""Analyses where all or some tiles have no class, against loops over those with one."""

import numpy as np
import pytest
from make_gallery import half_labeled, tiny_gallery, without_classes
from reference import tied_average_precision
from refusals import refused

from rsh.analysis.bits import profile_bit
from rsh.analysis.class_margins import boundary_tiles, class_margins
from rsh.analysis.compare_rankings import RankingPair, Side
from rsh.codes.binary import hamming
from rsh.gallery.gallery import Gallery


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return tiny_gallery(tmp_path_factory.mktemp("plain") / "g", num_tiles=90, more=without_classes)


@pytest.fixture(scope="module")
def partly(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return tiny_gallery(
        tmp_path_factory.mktemp("partly") / "g", num_tiles=120, num_bits=8, more=half_labeled
    )


def test_shares_of_a_bit_are_of_the_tiles_with_a_class(partly, plain):
    for bit in range(8):
        is_on = partly.codes[:, bit] > 0
        expected = [is_on[partly.items["class"] == name].mean() for name in partly.classes]
        found = profile_bit(partly, bit)
        assert found.share == pytest.approx(expected)
        assert found.balance == pytest.approx(is_on.mean())
    bare = profile_bit(plain, 0)
    assert len(bare.share) == 0 and len(bare.on) == 8


def test_tiles_without_a_class_have_no_limit_each(partly, plain):
    assert len(profile_bit(plain, 0, per_class=1).on) == 8
    on = profile_bit(partly, 0, per_class=1, count=100).on
    named = partly.items["class"].iloc[on]
    assert named[named != ""].is_unique and (named == "").sum() > 1


def test_margins_are_those_of_the_labeled_tiles_alone(partly):
    found = class_margins(partly)
    assert found.classes == partly.classes and found.tiles.sum() == partly.num_labeled
    rows = np.flatnonzero(partly.labels >= 0)
    can_find = [row for row in partly.searchable if partly.labels[row] >= 0]
    for a, one in enumerate(found.classes):
        for b, other in enumerate(found.classes):
            margins = []
            for row in rows[partly.labels[rows] == a]:
                far = hamming(partly.packed[[row]], partly.packed)[0]
                near = [
                    sorted(far[n] for n in can_find if n != row and partly.labels[n] == label)
                    for label in (a, b)
                ]
                depth = min(3, *map(len, near))
                if depth:
                    margins.append(int(near[1][depth - 1]) - int(near[0][depth - 1]))
            if a != b and margins:
                assert found.margin[a, b] == pytest.approx(np.mean(margins), abs=1e-5), (one, other)


def test_boundary_tiles_all_have_a_class(partly):
    one, other = partly.classes[:2]
    found = boundary_tiles(partly, one, other)
    assert set(partly.items["class"].iloc[found.rows]) <= {one, other}
    assert found.tiles == partly.items["class"].isin([one, other]).sum()


def test_gallery_without_classes_has_no_margins(plain):
    found = class_margins(plain)
    assert found.pairs == [] and found.margin.shape == (0, 0) and not found.sampled
    with refused("one", names="has no labels"):
        boundary_tiles(plain, "sea", "ice")


def test_rankings_without_classes_are_compared_by_their_overlap(plain):
    found = RankingPair(Side(plain), Side(plain, "features")).compare(plain.ids[0])
    assert found.overlap is not None
    for side in (found.left, found.right):
        assert side.precision is None and side.average_precision is None
        assert not side.judged.any() and not side.relevant.any() and side.class_name == ""


def test_precision_of_a_side_is_of_the_tiles_with_a_class(partly):
    pair = RankingPair(Side(partly), Side(partly, "features"))
    unknown = pair.compare(partly.ids[int(np.flatnonzero(partly.labels < 0)[0])])
    assert unknown.left.precision is None and not unknown.left.relevant.any()
    row = int(np.flatnonzero(partly.labels >= 0)[0])
    left = pair.compare(partly.ids[row]).left
    assert left.judged.tolist() == (partly.labels[left.rows] >= 0).tolist()
    far = hamming(partly.packed[[row]], partly.packed)[0]
    others = [n for n in partly.searchable if n != row and partly.labels[n] >= 0]
    right = [partly.labels[n] == partly.labels[row] for n in others]
    expected = tied_average_precision(far[others], np.array(right))
    assert left.average_precision == pytest.approx(float(expected))


def test_one_side_may_have_classes_and_the_other_none(partly, tmp_path):
    bare = tiny_gallery(
        tmp_path / "g",
        num_tiles=120,
        num_bits=8,
        more=lambda items: items.assign(**{"class": ""}),
    )
    row = int(np.flatnonzero(partly.labels >= 0)[0])
    found = RankingPair(Side(partly), Side(bare)).compare(partly.ids[row])
    assert found.left.precision is not None and found.right.precision is None
    assert found.overlap is not None and found.overlap.most == 1
