"""Groups of near duplicates, compared with loops over all pairs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_duplicates import compressed, drawn, made, slow_groups, slow_pairs, with_copies
from make_gallery import read_sample
from refusals import refused

from rsh.analysis import near_tiles, pair_checks
from rsh.analysis.duplicate_reports import describe_duplicates
from rsh.analysis.duplicates import Duplicates, find_duplicates
from rsh.config import default_radius
from rsh.errors import InputError, RshWarning
from rsh.gallery.gallery import Gallery

pytestmark = pytest.mark.filterwarnings("ignore::rsh.errors.RshWarning")


def find(gallery: Gallery, **options) -> Duplicates:
    return find_duplicates(gallery, progress=False, **options)


def names(found: Duplicates) -> list[list[str]]:
    return [[found.gallery.items["id"][row] for row in group.rows] for group in found.groups]


@pytest.mark.parametrize("one_by_one", [1, 64])  # all in matrices, or few
@pytest.mark.parametrize("check", ["features", "none"])
@given(st.integers(0, 10**6), st.integers(1, 30), st.sampled_from([8, 36, 68]), st.integers(0, 4))
def test_groups_are_those_of_loops(tmp_path_factory, check, one_by_one, seed, count, bits, radius):
    gallery = drawn(tmp_path_factory.mktemp("drawn") / "gallery", seed, count, bits)
    least = 0.98 if check == "features" else None
    pairs = slow_pairs(gallery, radius, least)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_tiles, "ONE_BY_ONE", one_by_one)
        patch.setattr(near_tiles, "PAIRS", 7)
        patch.setattr(near_tiles, "ROWS", 2)
        patch.setattr(near_tiles, "COLUMNS", 3)
        found = find(gallery, radius=radius, check=check, threshold=least)
    assert {frozenset(group.rows.tolist()) for group in found.groups} == slow_groups(count, pairs)
    assert (found.num_pairs, found.num_tiles) == (len(pairs), sum(map(len, found.groups)))
    near = {*pairs, *((other, one) for one, other in pairs)}
    for group in found.groups:
        center, *_ = rows = group.rows.tolist()
        degrees = {row: sum(one == row for one, _ in near) for row in rows}
        assert degrees[center] == max(degrees.values())
        kept = [row for row, keep in zip(rows, group.kept, strict=True) if keep]
        assert center in kept and group.is_chain == (len(kept) > 1)
        assert all(row in kept or any((row, keep) in near for keep in kept) for row in rows)
        assert not any((one, other) in near for one in kept for other in kept)
        assert group.num_removable == len(rows) - len(kept)
        differing = (gallery.codes[rows] != gallery.codes[center]).sum(axis=1)
        assert group.distances.tolist() == differing.tolist()
        assert group.farthest == differing.max()
        if check == "features":
            assert (np.diff(group.similarities[1:]) <= 1e-6).all()
            assert group.least_similarity == pytest.approx(group.similarities.min())
        else:
            assert group.least_similarity is None


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return with_copies(tmp_path_factory.mktemp("copies") / "gallery")


def test_copies_are_found_by_their_pixels_the_most_alike_first(copies: Gallery):
    found = find(copies)
    assert (found.check, found.measure, found.radius) == ("pixels", "pixels", 2)
    assert [sorted(group.rows.tolist()) for group in found.groups] == [
        [0, 20],
        [1, 21],
        [2, 22],
    ] or [sorted(group.rows.tolist()) for group in found.groups] == [[0, 20], [2, 22], [1, 21]]
    assert found.groups[0].similarities.tolist() == [1, 1]
    least = [group.least_similarity for group in found.groups]
    assert least == sorted(least, reverse=True) and 0.9 < least[-1] < 1
    assert (found.num_pairs, found.num_removable) == (3, 3)


def test_splits_and_classes_of_a_group_are_counted_and_wrong_labels_named(copies: Gallery):
    found = find(copies)
    groups = {min(group.rows): group for group in found.groups}
    assert found.splits(groups[0]) == {"query": 1, "train": 1}
    assert found.splits(groups[1]) == {"train": 1, "val": 1}
    classes = copies.items["class"]
    assert found.classes(groups[0]) == {classes[0]: 2}
    assert found.classes(groups[1]) == {classes[1]: 1, "coast": 1} and classes[1] != "coast"
    assert found.classes(groups[2]) == {classes[2]: 1}  # a tile without a class does not disagree
    assert found.disagreeing == [groups[1]]


def test_a_tile_with_a_class_is_kept_before_one_without(copies: Gallery):
    group = next(group for group in find(copies).groups if 2 in group.rows)
    assert group.rows.tolist() == [2, 22] and group.kept.tolist() == [True, False]


def test_codes_beyond_the_radius_are_not_compared(copies: Gallery):
    assert len(find(copies, radius=0).groups) == 2
    assert len(find(copies, radius=1).groups) == 3


def test_equal_tiles_are_one_item_however_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Of 400 tiles with three contents, three items are compared."""
    _, jpegs = read_sample(3)
    gallery = made(
        tmp_path / "gallery",
        np.ones((400, 16), np.int8),
        np.eye(3)[np.arange(400) % 3],
        thumbnails=[jpegs[row % 3] for row in range(400)],
    )
    compared = 0
    for check in (pair_checks.PixelCheck, pair_checks.FeatureCheck):
        plain = check.compare

        def count(self, first, second, plain=plain):  # type: ignore[no-untyped-def]
            nonlocal compared
            compared += len(first)
            return plain(self, first, second)

        monkeypatch.setattr(check, "compare", count)
    for name in ("pixels", "features", "none"):
        found = find(gallery, check=name)
        sizes = sorted(map(len, found.groups))
        assert sizes == ([400] if name == "none" else [133, 133, 134])
        assert found.num_pairs == sum(size * (size - 1) // 2 for size in sizes)
        assert found.num_removable == 400 - len(sizes)
    assert compared < 30


def test_a_chain_keeps_its_ends(tmp_path: Path):
    """Each code is two bits from the next, so the first and the third are four apart."""
    codes = -np.ones((5, 16), np.int8)
    for row in range(5):
        codes[row, : 2 * row] = 1
    found = find(made(tmp_path / "gallery", codes, np.ones((5, 1))), radius=2, check="none")
    (group,) = found.groups
    assert group.is_chain and group.farthest > 2
    assert group.num_removable == len(group) - int(group.kept.sum()) in (2, 3)
    assert "1 group with a chain" in describe_duplicates(found, most=5)


def test_tiles_without_an_image_are_like_no_other(tmp_path: Path):
    """Equal codes are drawn as equal images where a tile has none."""
    _, jpegs = read_sample(2)
    gallery = made(
        tmp_path / "gallery",
        np.ones((6, 16), np.int8),
        np.ones((6, 1)),
        thumbnails=[jpegs[0], jpegs[0], b"", b"", jpegs[1], compressed(jpegs[1])],
    )
    assert gallery.with_image.tolist() == [True, True, False, False, True, True]
    found = find(gallery)
    assert sorted(sorted(group.rows.tolist()) for group in found.groups) == [[0, 1], [4, 5]]


def test_features_are_checked_where_no_tile_has_an_image(tmp_path: Path):
    gallery = drawn(tmp_path / "gallery", 0, 30, 32)
    assert find(gallery).check == "features" and find(gallery).threshold == 0.98
    with refused("check", value="pixels", names="images"):
        find(gallery, check="pixels")


def test_features_that_differ_little_are_noted(tmp_path: Path):
    gallery = drawn(tmp_path / "gallery", 0, 30, 32)
    with pytest.warns(RshWarning, match="30 tiles pass the check"):
        find(gallery, check="features", threshold=0.5, radius=32)


def test_rounding_of_stored_features_hides_no_equal_pair(tmp_path: Path):
    features = np.random.default_rng(0).normal(size=(1, 300)).repeat(2, axis=0)
    features[1, 0] += 1e-4
    gallery = made(tmp_path / "gallery", np.ones((2, 8), np.int8), features / 17)
    assert len(find(gallery, check="features", threshold=1).groups) == 1


@pytest.mark.parametrize(
    ("options", "blamed"),
    [
        ({"radius": -1}, "radius"),
        ({"radius": 33}, "radius"),
        ({"radius": 1.5}, "radius"),
        ({"radius": True}, "radius"),
        ({"radius": "2"}, "radius"),
        ({"check": "luck"}, "check"),
        ({"check": "features", "threshold": 1.5}, "threshold"),
        ({"check": "features", "threshold": float("nan")}, "threshold"),
        ({"check": "pixels", "threshold": 0.9}, "threshold"),
        ({"threshold": 0.9}, "threshold"),
    ],
)
def test_wrong_options_are_named(copies: Gallery, options: dict, blamed: str):
    with refused(blamed, value=options[blamed]) if blamed != "threshold" else refused(blamed):
        find(copies, **options)


def test_a_damaged_thumbnail_is_named_with_its_tile(tmp_path: Path):
    gallery = made(
        tmp_path / "gallery",
        np.ones((2, 8), np.int8),
        np.ones((2, 1)),
        thumbnails=[b"no image", b"none either"],
    )
    with refused(names="tile/00"):
        find(gallery)


def test_a_machine_that_can_store_no_code_is_told_what_to_set(
    copies: Gallery, monkeypatch: pytest.MonkeyPatch
):
    class Broken:
        def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def]
            if name == "rsh.index.pairs":
                raise RuntimeError("cannot cache function")

    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    for name in ("rsh.index.pairs",):
        monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.delattr(sys.modules["rsh.index"], "pairs", raising=False)
    with pytest.raises(InputError, match="NUMBA_CACHE_DIR"):
        find(copies)


def test_a_table_has_a_row_for_each_tile(copies: Gallery):
    found = find(copies)
    table = found.table()
    assert table.columns.tolist() == [
        *("group", "id", "class", "split", "keep", "distance", "similarity", "labels_disagree")
    ]
    assert table["group"].tolist() == [1, 1, 2, 2, 3, 3]
    assert table["id"].tolist() == [name for group in names(found) for name in group]
    assert table["id"].tolist() == copies.items["id"][table.index].tolist()
    assert table["labels_disagree"].sum() == 2 and table["keep"].sum() == 3
    groups = found.to_dict()["groups"]
    assert [[tile["id"] for tile in group["tiles"]] for group in groups] == names(found)
    assert {tile["class"] for group in groups for tile in group["tiles"]} >= {None, "coast"}


def test_text_lists_the_first_groups_and_counts_all(copies: Gallery):
    text = describe_duplicates(find(copies), most=2)
    assert text.count("tile/0") == 4
    assert "3 groups of near duplicates: 6 of 23 tiles; 3 could be removed" in text
    assert "1 group with tiles of different classes" in text
    nothing = describe_duplicates(find(copies, check="features", threshold=1), most=2)
    assert nothing.startswith("no near duplicates: no two tiles are at most 2 bits apart")


def test_a_gallery_without_classes_says_nothing_of_them(tmp_path: Path):
    gallery = made(tmp_path / "gallery", np.ones((3, 8), np.int8), np.ones((3, 1)))
    found = find(gallery)
    assert found.disagreeing == [] and not {"class", "labels_disagree"} & {*found.table()}
    assert "class" not in describe_duplicates(found, most=5)


@pytest.mark.parametrize(
    ("bits", "radius"), [(4, 1), (16, 1), (32, 2), (64, 4), (128, 8), (256, 16)]
)
def test_the_default_radius_follows_the_length_of_the_code(bits: int, radius: int):
    assert default_radius(bits) == radius


def test_a_page_may_import_it_without_heavy_libraries():
    code = (
        "import sys, rsh.analysis.duplicates, rsh.analysis.leaks, rsh.analysis.duplicate_reports;"
        "print({'torch', 'sklearn', 'numba', 'rasterio', 'matplotlib'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
