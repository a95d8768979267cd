"""Two sides and one question, compared with slow loops over all tiles."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from make_gallery import tiny_gallery, write
from reference import tied_average_precision
from refusals import refused

from rsh.analysis.compare_rankings import RankingComparison, RankingPair, Side, SideResult
from rsh.gallery.gallery import Gallery
from rsh.search.retrieve import search


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("versus")


@pytest.fixture(scope="module")
def short(folder: Path) -> Gallery:
    return tiny_gallery(folder / "short", num_tiles=120, num_bits=8)


@pytest.fixture(scope="module")
def long(folder: Path) -> Gallery:
    """The same tiles and more of them, with longer codes and another split."""
    return tiny_gallery(folder / "long", num_tiles=180, num_bits=24)


def farness(side: Side, query: str) -> dict[str, float]:
    """Every tile that the side can find, by a loop over numbers."""
    gallery = side.gallery
    row = gallery.items["id"].tolist().index(query)
    found = {}
    for other, (name, split) in enumerate(gallery.items[["id", "split"]].itertuples(index=False)):
        if (split == "query" and not side.include_held_out) or other == row:
            continue
        if side.by == "bits":
            found[name] = float((gallery.codes[row] != gallery.codes[other]).sum())
        else:
            pairs = zip(gallery.features[row].tolist(), gallery.features[other].tolist())  # noqa: B905
            found[name] = -sum(a * b for a, b in pairs)
    return found


def chance_of(far: dict[str, float], among: set[str], depth: int) -> dict[str, float]:
    ordered = sorted(far[name] for name in among)
    last = ordered[depth - 1]
    places = depth - sum(at < last for at in ordered)
    return {
        name: 1.0 if far[name] < last else places / ordered.count(last) * (far[name] == last)
        for name in among
    }


def check(pair: RankingPair, found: RankingComparison, top_k: int) -> None:
    """Hold an answer against loops."""
    fars = [farness(side, found.query) for side in (pair.left, pair.right)]
    shared = set(fars[0]) & set(fars[1])
    depth = min(top_k, len(shared))
    chances = [chance_of(far, shared, depth) for far in fars]
    assert found.shared == len(shared)
    assert found.overlap is not None and found.overlap.depth == depth
    expected = sum(chances[0][name] * chances[1][name] for name in shared) / depth
    assert found.overlap.expected == pytest.approx(expected)
    assert found.overlap.least - 1e-9 <= expected <= found.overlap.most + 1e-9
    check_side(pair.left, found.left, found.query, fars[0], chances[1], top_k)
    check_side(pair.right, found.right, found.query, fars[1], chances[0], top_k)
    assert found.left.others == len(fars[0]) - len(shared)
    assert found.right.others == len(fars[1]) - len(shared)


def check_side(
    side: Side,
    found: SideResult,
    query: str,
    far: dict[str, float],
    there: dict[str, float],
    top_k: int,
) -> None:
    rows = {name: row for row, name in enumerate(side.gallery.items["id"])}
    near = farness(Side(side.gallery, "features", side.include_held_out), query)
    names = sorted(far, key=lambda name: (far[name], near[name], rows[name]))
    classes = dict(zip(side.gallery.items["id"], side.gallery.items["class"], strict=True))
    first = names[:top_k]
    assert found.rows.tolist() == [rows[name] for name in first]
    assert found.relevant.tolist() == [classes[name] == found.class_name for name in first]
    chances = [there.get(name, np.nan) for name in first]
    assert found.found_by_other.tolist() == pytest.approx(chances, nan_ok=True)
    assert found.only_here.tolist() == [there.get(name, 0) == 0 for name in first]
    if side.by == "bits":
        assert found.scores is None
        assert found.distances.tolist() == [far[name] for name in first]
    else:
        assert found.scores == pytest.approx([-far[name] for name in first], abs=1e-12)
    relevant = [classes[name] == found.class_name for name in names]
    distances = [far[name] for name in names]
    assert found.average_precision == pytest.approx(tied_average_precision(distances, relevant))
    last = distances[top_k - 1]
    share = {at: np.mean([r for d, r in zip(distances, relevant, strict=True) if d == at])
             for at in set(distances)}  # fmt: skip
    assert found.precision == pytest.approx(np.mean([share[at] for at in distances[:top_k]]))
    assert found.tied == distances.count(last)
    assert found.places == sum(at == last for at in distances[:top_k])


@pytest.mark.parametrize(
    "by", list(itertools.product(["bits", "features"], repeat=2)), ids="-".join
)
def test_two_galleries_are_those_of_slow_loops(short, long, by):
    pair = RankingPair(Side(short, by[0]), Side(long, by[1]))
    both = [name for name in short.items["id"] if name in set(long.items["id"])]
    for name, top_k in zip(both[::9], itertools.cycle((1, 7, 20, 60)), strict=False):
        check(pair, pair.compare(name, top_k=top_k), top_k)


def test_one_gallery_by_bits_and_by_features(short):
    pair = RankingPair(Side(short, "bits"), Side(short, "features"))
    for split in ("train", "query"):
        name = short.items["id"][short.items["split"] == split].iloc[0]
        found = pair.compare(name)
        check(pair, found, 20)
        assert found.left.others == found.right.others == 0
        everything = len(short.searchable) - (split == "train")
        again = search(short, name, top_k=20, rerank="features", rerank_depth=everything)
        assert found.right.rows.tolist() == again.rows.tolist()
        assert found.left.rows.tolist() == search(short, name).rows.tolist()


def test_held_out_tiles_are_compared_if_they_are_included(short, long):
    pair = RankingPair(Side(short, "bits", True), Side(long, "features", True))
    both = short.items["id"][short.items["id"].isin(long.items["id"])]
    found = pair.compare(both.iloc[3], top_k=30)
    check(pair, found, 30)
    assert found.shared == len(both) - 1


def test_side_against_itself_agrees_as_far_as_ties_allow(short):
    name = short.items["id"][0]
    by_features = RankingPair(Side(short, "features"), Side(short, "features")).compare(name)
    assert by_features.overlap == (20, 1, 1, 1)
    by_bits = RankingPair(Side(short), Side(short)).compare(name)
    tied, places = by_bits.left.tied, by_bits.left.places
    assert tied > places, "the codes are too long for ties"
    expected = (20 - places + places * places / tied) / 20
    assert by_bits.overlap == (20, pytest.approx(expected), pytest.approx(1 - places / 20), 1)


def gallery_of(folder: Path, ids: list[str], classes: list[str], split: str = "train") -> Gallery:
    rng = np.random.default_rng(len(ids))
    items = pd.DataFrame({"id": ids, "class": classes, "split": split})
    features = rng.normal(size=(len(ids), 4))
    return write(
        folder,
        info={"name": "by hand", "model": {}, "data": {}},
        items=items,
        codes=np.where(rng.random((len(ids), 8)) < 0.5, -1, 1),
        features=features / np.linalg.norm(features, axis=1, keepdims=True),
        thumbnails=[b"jpeg"] * len(ids),
    )


def test_galleries_that_share_only_the_query_have_no_overlap(tmp_path):
    left = gallery_of(tmp_path / "left", ["q", "a", "b"], ["x", "x", "y"])
    right = gallery_of(tmp_path / "right", ["q", "c"], ["y", "x"])
    found = RankingPair(Side(left), Side(right)).compare("q")
    assert (found.overlap, found.shared, found.top_k) == (None, 0, 1)
    assert (found.left.others, found.right.others) == (2, 1)
    assert np.isnan(found.left.found_by_other[0]) and found.left.only_here[0]
    assert (found.left.class_name, found.right.class_name) == ("x", "y")
    assert found.right.average_precision is None, "nothing else is of class y there"


def test_what_cannot_be_compared(tmp_path, short, long):
    pair = RankingPair(Side(short), Side(long))
    only_long = next(name for name in long.items["id"] if name not in set(short.items["id"]))
    with refused(names=only_long):
        pair.compare(only_long)
    most = len(short.searchable)
    for top_k in (0, most + 1):
        with refused("top_k", value=top_k):
            pair.compare(short.items["id"][0], top_k=top_k)
    with refused("by", value="color"):
        Side(short, "color")
    other = gallery_of(tmp_path / "other", ["z", "y"], ["x", "x"])
    with refused(names=short.items["id"][0]):
        RankingPair(Side(short), Side(other)).compare(short.items["id"][0])
    unseen = gallery_of(tmp_path / "unseen", ["z", "y"], ["x", "x"], split="query")
    with refused(names="unseen"):
        RankingPair(Side(other), Side(unseen)).compare("z")
