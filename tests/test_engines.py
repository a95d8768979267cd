import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

from rsh.codes import pack
from rsh.engines import ExactEngine
from rsh.errors import InputError


@st.composite
def searches(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Queries and a gallery made of few different codes, so that most distances are ties."""
    num_bits = draw(st.integers(1, 256))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    distinct = rng.choice(np.array([-1, 1], np.int8), (draw(st.integers(1, 6)), num_bits))
    gallery = distinct[rng.integers(len(distinct), size=draw(st.integers(1, 60)))]
    strangers = rng.choice(np.array([-1, 1], np.int8), (2, num_bits))
    return np.vstack([distinct[:2], strangers]), gallery


def engine(num_bits: int = 16, count: int = 20) -> ExactEngine:
    codes = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), (count, num_bits))
    return ExactEngine(pack(codes), num_bits)


def pairs(hits) -> list[tuple[int, int]]:
    return list(zip(hits.distances.tolist(), hits.ids.tolist(), strict=True))


@given(searches(), st.floats(0, 1))
def test_search_is_brute_force_in_the_order_distance_then_id(case, share):
    queries, gallery = case
    top_k = 1 + int(share * (len(gallery) - 1))
    found = ExactEngine(pack(gallery), gallery.shape[1]).search(pack(queries), top_k=top_k)
    expected = [reference.search(query, gallery.tolist())[:top_k] for query in queries.tolist()]
    assert [pairs(hits) for hits in found] == expected


@given(searches(), st.floats(0, 1))
def test_within_is_brute_force_in_the_order_distance_then_id(case, share):
    queries, gallery = case
    radius = int(share * gallery.shape[1])
    found = ExactEngine(pack(gallery), gallery.shape[1]).within(pack(queries), radius=radius)
    expected = [
        [pair for pair in reference.search(query, gallery.tolist()) if pair[0] <= radius]
        for query in queries.tolist()
    ]
    assert [pairs(hits) for hits in found] == expected


def test_equal_codes_come_in_the_order_of_their_ids():
    hits = ExactEngine(np.zeros((50, 4), np.uint8), 32).search(np.zeros((1, 4), np.uint8), top_k=7)
    assert pairs(hits[0]) == [(0, number) for number in range(7)]


def test_one_and_all_can_be_asked_for():
    gallery = engine(count=20)
    query = np.zeros((1, 2), np.uint8)
    everything = gallery.search(query, top_k=20)[0]
    assert sorted(everything.ids.tolist()) == list(range(20))
    assert pairs(gallery.search(query, top_k=1)[0]) == pairs(everything)[:1]
    assert pairs(gallery.within(query, radius=16)[0]) == pairs(everything)
    assert len(gallery) == 20


def test_radius_is_inclusive():
    codes = np.array([[0b00000000], [0b00000001], [0b00000011]], np.uint8)
    gallery, query = ExactEngine(codes, 8), codes[:1]
    assert pairs(gallery.within(query, radius=0)[0]) == [(0, 0)]
    assert pairs(gallery.within(query, radius=1)[0]) == [(0, 0), (1, 1)]
    assert pairs(gallery.within(query, radius=8)[0]) == [(0, 0), (1, 1), (2, 2)]


def test_empty_ball_gives_no_hits():
    (hits,) = engine(16).within(pack(-np.ones((1, 16), np.int8)), radius=0)
    assert len(hits.ids) == len(hits.distances) == 0


def test_ids_and_distances_are_integers():
    gallery, query = engine(), np.zeros((1, 2), np.uint8)
    for hits in (gallery.search(query, top_k=3)[0], gallery.within(query, radius=16)[0]):
        assert hits.ids.dtype == np.int64
        assert hits.distances.dtype == np.int32


@pytest.mark.parametrize("top_k", [0, -1, 21])
def test_top_k_out_of_range_is_named_with_the_most_that_can_be_had(top_k: int):
    with pytest.raises(InputError, match=rf"top_k={top_k}\b.*\b20\b"):
        engine(count=20).search(np.zeros((1, 2), np.uint8), top_k=top_k)


@pytest.mark.parametrize("radius", [-1, 17])
def test_radius_out_of_range_is_named_with_the_range(radius: int):
    with pytest.raises(InputError, match=rf"radius={radius}\b.*0 to 16 bits"):
        engine(16).within(np.zeros((1, 2), np.uint8), radius=radius)


@pytest.mark.parametrize("query", [np.zeros((1, 4), np.uint8), np.zeros((1, 2), np.int64)])
def test_query_of_another_width_or_type_is_refused(query):
    for call in (
        lambda: engine(16).search(query, top_k=1),
        lambda: engine(16).within(query, radius=1),
    ):
        with pytest.raises(InputError, match="16 bits need uint8"):
            call()


def test_gallery_of_another_width_is_refused():
    with pytest.raises(InputError, match=r"24 bits need uint8 of shape \(n, 3\)"):
        ExactEngine(np.zeros((5, 2), np.uint8), 24)
