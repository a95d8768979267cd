from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality.overlaps import (
    LEAST_CORRELATION,
    SIDE,
    Grays,
    best_shift,
    correlation,
    with_overlap,
)
from rsh.data.tiles import TileDataset

GRAIN = 8  # pixels


def a_place(seed: int) -> Grays:
    """Return a textured image, three tiles wide and high."""
    rough = np.random.default_rng(seed).random((3 * SIDE // GRAIN, 3 * SIDE // GRAIN))
    return np.kron(rough, np.ones((GRAIN, GRAIN))).astype(np.float32) * 200


@pytest.mark.parametrize(("down", "right"), [(0, 0), (3, -5), (60, 0), (-40, 70), (60, 60)])
def test_tiles_of_one_place_are_found_with_their_shift(down: int, right: int) -> None:
    place = a_place(0)
    one = place[SIDE : 2 * SIDE, SIDE : 2 * SIDE]
    other = place[SIDE - down : 2 * SIDE - down, SIDE - right : 2 * SIDE - right]
    found = best_shift(one, 0.8 * other + 20)  # another brightness and contrast
    assert found[:2] == (-down, -right) and found.correlation > 0.99


def test_tiles_of_other_places_are_not_found() -> None:
    for seed in range(1, 6):
        found = best_shift(a_place(0)[:SIDE, :SIDE], a_place(seed)[:SIDE, :SIDE])
        assert found.correlation < LEAST_CORRELATION


def test_tiles_with_little_in_common_are_not_compared_by_it() -> None:
    place, away = a_place(0), 100
    one, other = place[:SIDE, :SIDE], place[away : away + SIDE, away : away + SIDE]
    assert best_shift(one, other).correlation < LEAST_CORRELATION


def test_flat_tiles_prove_nothing() -> None:
    flat = np.full((SIDE, SIDE), 9, np.float32)
    assert correlation(flat, flat) == 0 and best_shift(flat, flat).correlation == 0


def test_queries_count_that_overlap_a_learned_tile(tiny_data: Path) -> None:
    split = TileDataset.open(tiny_data).split(seed=0)
    (query, other), train, val = (
        split.rows("query")[:2],
        *(split.rows(x)[0] for x in ("train", "val")),
    )
    pairs = np.array([[query, other], [train, val]])
    assert with_overlap(pairs, split).tolist() == []
    for learned in (train, val):
        for pair in ((learned, other), (other, learned)):
            assert with_overlap(np.array([*pairs, pair]), split).tolist() == [other]
