"""Leaks between splits, compared with loops over all pairs."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_duplicates import drawn, made, slow_pairs, with_copies
from refusals import refused

from rsh.analysis.duplicate_reports import describe_leaks
from rsh.analysis.leaks import Leak, Leaks, find_leaks
from rsh.gallery.gallery import Gallery

pytestmark = pytest.mark.filterwarnings("ignore::rsh.errors.RshWarning")


def find(gallery: Gallery, **options) -> Leaks:
    return find_leaks(gallery, progress=False, **options)


def slow_leaks(gallery: Gallery, radius: int, least: float | None) -> dict[int, list[tuple]]:
    """Matches of each leaking tile, best first: cosine, distance, row."""
    splits = gallery.items["split"].tolist()
    found: dict[int, list[tuple]] = {}
    for (one, other), (distance, cosine) in slow_pairs(gallery, radius, least).items():
        for held_out, match in ((one, other), (other, one)):
            query = splits[held_out] == "query" != splits[match]
            val = splits[held_out] == "val" and splits[match] == "train"
            if query or val:
                score = 0 if least is None else cosine
                found.setdefault(held_out, []).append((-score, distance, match))
    return {row: sorted(matches) for row, matches in found.items()}


@pytest.mark.parametrize("check", ["features", "none"])
@given(st.integers(0, 10**6), st.integers(1, 30), st.sampled_from([8, 36]), st.integers(0, 4))
def test_leaks_are_those_of_loops(tmp_path_factory, check, seed, count, bits, radius):
    gallery = drawn(tmp_path_factory.mktemp("drawn") / "gallery", seed, count, bits)
    if not {"query", "val"} & {*gallery.items["split"]}:
        return
    least = 0.98 if check == "features" else None
    found = find(gallery, radius=radius, check=check, threshold=least)
    expected = slow_leaks(gallery, radius, least)
    assert sorted(leak.row for leak in found.leaks) == sorted(expected)
    for leak in found.leaks:
        matches = expected[leak.row]
        assert leak.num_matches == len(matches)
        score, distance, match = matches[0]
        if check == "none":
            assert (leak.similarity, leak.distance, leak.match) == (None, distance, match)
        else:  # the order of equal cosines depends on rounding
            assert leak.similarity == pytest.approx(-score, abs=1e-5)
            assert any(leak.match == row and leak.distance == bits for _, bits, row in matches)


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return with_copies(tmp_path_factory.mktemp("copies") / "gallery")


def test_copies_in_training_are_found_by_their_pixels(copies: Gallery):
    found = find(copies)
    assert found.leaks[0] == Leak(20, 0, 0, 1.0, 1)
    assert {(leak.row, leak.match) for leak in found.leaks} == {(20, 0), (21, 1), (22, 2)}
    assert [leak.row for leak in found.of_split("val")] == [21]
    assert (found.sides("query"), found.sides("val")) == ((2, 21), (1, 20))


def test_text_counts_both_splits_and_says_what_to_do(copies: Gallery):
    text = describe_leaks(find(copies), most=1)
    assert text.count("tile/0") == 2
    assert "2 of 2 queries have a near duplicate among the 21 tiles that a search finds" in text
    assert "1 of 1 validation tile has a near duplicate among the 20 training tiles" in text
    assert "--near-duplicates" in text
    clean = describe_leaks(find(copies, check="features", threshold=1), most=1)
    assert clean.startswith("0 of 2 queries have") and "--near-duplicates" not in clean


def test_a_table_has_a_row_for_each_leaking_tile(copies: Gallery):
    found = find(copies)
    table = found.table()
    assert table.index.tolist() == [leak.row for leak in found.leaks]
    assert table["match"].tolist() == [copies.items["id"][leak.match] for leak in found.leaks]
    assert set(table["match_split"]) == {"train"} and table["matches"].tolist() == [1, 1, 1]
    record = found.to_dict()
    assert record["splits"]["query"] == {"tiles": 2, "compared_with": 21, "leaks": 2}
    assert [leak["id"] for leak in record["leaks"]] == table["id"].tolist()


def test_equal_held_out_tiles_all_leak_and_equal_matches_all_count(tmp_path: Path):
    gallery = made(
        tmp_path / "gallery",
        np.ones((7, 8), np.int8),
        np.ones((7, 1)),
        splits=["query", "query", "query", "train", "train", "val", ""],
    )
    found = find(gallery)
    rows = {leak.row: leak.num_matches for leak in found.leaks}
    splits = gallery.items["split"]
    assert rows == {
        row: 4 if splits[row] == "query" else 2
        for row in range(7)
        if splits[row] in ("query", "val")
    }


def test_a_gallery_without_splits_is_refused(tmp_path: Path):
    gallery = made(tmp_path / "gallery", np.ones((3, 8), np.int8), np.ones((3, 1)))
    with refused(names=("no queries and no validation tiles", gallery.folder)):
        find(gallery)


def test_no_leak_gives_an_empty_table(copies: Gallery):
    found = find(copies, check="features", threshold=1)
    assert found.leaks == [] and len(found.table()) == 0 and found.to_dict()["leaks"] == []
