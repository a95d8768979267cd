import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

from rsh import engines
from rsh.codes import pack
from rsh.engines import ExactEngine, FoldedEngine, make_engine
from rsh.errors import InputError

EVERY = pytest.mark.parametrize("kind", [ExactEngine, FoldedEngine])


@st.composite
def searches(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Queries and a gallery made of few different codes, so that most distances are ties."""
    num_bits = draw(st.integers(1, 256))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    distinct = rng.choice(np.array([-1, 1], np.int8), (draw(st.integers(1, 6)), num_bits))
    gallery = distinct[rng.integers(len(distinct), size=draw(st.integers(1, 60)))]
    strangers = rng.choice(np.array([-1, 1], np.int8), (2, num_bits))
    return np.vstack([distinct[:2], strangers]), gallery


def engine(num_bits: int = 16, count: int = 20, *, kind: type = ExactEngine) -> engines.Engine:
    codes = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), (count, num_bits))
    return kind(pack(codes), num_bits)


def pairs(hits) -> list[tuple[int, int]]:
    return list(zip(hits.distances.tolist(), hits.ids.tolist(), strict=True))


@EVERY
@given(searches(), st.floats(0, 1))
def test_search_is_brute_force_in_the_order_distance_then_id(kind, case, share):
    queries, gallery = case
    top_k = 1 + int(share * (len(gallery) - 1))
    found = kind(pack(gallery), gallery.shape[1]).search(pack(queries), top_k=top_k)
    expected = [reference.search(query, gallery.tolist())[:top_k] for query in queries.tolist()]
    assert [pairs(hits) for hits in found] == expected


@EVERY
@given(searches(), st.floats(0, 1))
def test_within_is_brute_force_in_the_order_distance_then_id(kind, case, share):
    queries, gallery = case
    radius = int(share * gallery.shape[1])
    found = kind(pack(gallery), gallery.shape[1]).within(pack(queries), radius=radius)
    expected = [
        [pair for pair in reference.search(query, gallery.tolist()) if pair[0] <= radius]
        for query in queries.tolist()
    ]
    assert [pairs(hits) for hits in found] == expected


@EVERY
def test_equal_codes_come_in_the_order_of_their_ids(kind):
    hits = kind(np.zeros((50, 4), np.uint8), 32).search(np.zeros((1, 4), np.uint8), top_k=7)
    assert pairs(hits[0]) == [(0, number) for number in range(7)]


@EVERY
def test_one_and_all_can_be_asked_for(kind):
    gallery = engine(count=20, kind=kind)
    query = np.zeros((1, 2), np.uint8)
    everything = gallery.search(query, top_k=20)[0]
    assert sorted(everything.ids.tolist()) == list(range(20))
    assert pairs(gallery.search(query, top_k=1)[0]) == pairs(everything)[:1]
    assert pairs(gallery.within(query, radius=16)[0]) == pairs(everything)
    assert len(gallery) == 20


@EVERY
def test_radius_is_inclusive(kind):
    codes = np.array([[0b00000000], [0b00000001], [0b00000011]], np.uint8)
    gallery, query = kind(codes, 8), codes[:1]
    assert pairs(gallery.within(query, radius=0)[0]) == [(0, 0)]
    assert pairs(gallery.within(query, radius=1)[0]) == [(0, 0), (1, 1)]
    assert pairs(gallery.within(query, radius=8)[0]) == [(0, 0), (1, 1), (2, 2)]


@EVERY
def test_empty_ball_gives_no_hits(kind):
    (hits,) = engine(16, kind=kind).within(pack(-np.ones((1, 16), np.int8)), radius=0)
    assert len(hits.ids) == len(hits.distances) == 0


@EVERY
def test_ids_and_distances_are_integers(kind):
    gallery, query = engine(kind=kind), np.zeros((1, 2), np.uint8)
    for hits in (gallery.search(query, top_k=3)[0], gallery.within(query, radius=16)[0]):
        assert hits.ids.dtype == np.int64
        assert hits.distances.dtype == np.int32


@EVERY
@pytest.mark.parametrize("top_k", [0, -1, 21])
def test_top_k_out_of_range_is_named_with_the_most_that_can_be_had(kind, top_k: int):
    with pytest.raises(InputError, match=rf"top_k={top_k}\b.*\b20\b"):
        engine(count=20, kind=kind).search(np.zeros((1, 2), np.uint8), top_k=top_k)


@EVERY
@pytest.mark.parametrize("radius", [-1, 17])
def test_radius_out_of_range_is_named_with_the_range(kind, radius: int):
    with pytest.raises(InputError, match=rf"radius={radius}\b.*0 to 16 bits"):
        engine(16, kind=kind).within(np.zeros((1, 2), np.uint8), radius=radius)


@pytest.mark.parametrize("query", [np.zeros((1, 4), np.uint8), np.zeros((1, 2), np.int64)])
@EVERY
def test_query_of_another_width_or_type_is_refused(kind, query):
    for call in (
        lambda: engine(16, kind=kind).search(query, top_k=1),
        lambda: engine(16, kind=kind).within(query, radius=1),
    ):
        with pytest.raises(InputError, match="16 bits need uint8"):
            call()


@EVERY
def test_gallery_of_another_width_is_refused(kind):
    with pytest.raises(InputError, match=r"24 bits need uint8 of shape \(n, 3\)"):
        kind(np.zeros((5, 2), np.uint8), 24)


@pytest.mark.parametrize(("different", "taken"), [(3, FoldedEngine), (10**6, ExactEngine)])
def test_codes_that_repeat_are_folded(monkeypatch: pytest.MonkeyPatch, different: int, taken: type):
    """The clock counts the codes an engine compares, so that the choice is that of any machine."""
    monkeypatch.setattr(engines, "FEW", 100)
    monkeypatch.setattr(engines, "_seconds", lambda engine, queries: work(engine))
    rows = np.random.default_rng(0).integers(min(different, 2**16), size=500)
    packed = rows.astype(np.uint16).view(np.uint8).reshape(-1, 2)
    found = make_engine(packed, 16)
    assert type(found) is taken
    query = packed[:4]
    for hits, expected in zip(
        found.search(query, top_k=50), ExactEngine(packed, 16).search(query, top_k=50), strict=True
    ):
        assert pairs(hits) == pairs(expected)


def work(engine: engines.Engine) -> float:
    return 1.1 * len(engine._codes) if isinstance(engine, FoldedEngine) else len(engine)


def test_few_codes_are_not_folded():
    assert isinstance(make_engine(np.zeros((50, 4), np.uint8), 32), ExactEngine)


def test_both_engines_are_tried_on_some_of_the_codes():
    codes = np.random.default_rng(0).integers(4, size=(20_000, 2), dtype=np.uint8)
    assert isinstance(make_engine(codes, 16), ExactEngine | FoldedEngine)
