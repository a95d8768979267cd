from pathlib import Path

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused

from rsh.codes.binary import pack
from rsh.codes.hamming import BLOCK
from rsh.index import factory, ivf
from rsh.index.base import Hits, IDSelector, Index
from rsh.index.dedup import DedupIndex
from rsh.index.factory import load_index, make_index
from rsh.index.flat import FlatIndex
from rsh.index.ivf import IVFIndex
from rsh.index.scan import FEW_HITS, ScanIndex

EVERY = pytest.mark.parametrize("kind", [FlatIndex, DedupIndex, ScanIndex])


@st.composite
def searches(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Queries and a gallery made of few different codes, so that most distances are ties."""
    num_bits = draw(st.integers(1, 256))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    distinct = rng.choice(np.array([-1, 1], np.int8), (draw(st.integers(1, 6)), num_bits))
    gallery = distinct[rng.integers(len(distinct), size=draw(st.integers(1, 60)))]
    strangers = rng.choice(np.array([-1, 1], np.int8), (2, num_bits))
    return np.vstack([distinct[:2], strangers]), gallery


def index(num_bits: int = 16, count: int = 20, *, kind: type = FlatIndex) -> Index:
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
    found = kind(pack(gallery), gallery.shape[1]).range_search(pack(queries), radius=radius)
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
    gallery = index(count=20, kind=kind)
    query = np.zeros((1, 2), np.uint8)
    everything = gallery.search(query, top_k=20)[0]
    assert sorted(everything.ids.tolist()) == list(range(20))
    assert pairs(gallery.search(query, top_k=1)[0]) == pairs(everything)[:1]
    assert pairs(gallery.range_search(query, radius=16)[0]) == pairs(everything)
    assert len(gallery) == 20


@EVERY
def test_radius_is_inclusive(kind):
    codes = np.array([[0b00000000], [0b00000001], [0b00000011]], np.uint8)
    gallery, query = kind(codes, 8), codes[:1]
    assert pairs(gallery.range_search(query, radius=0)[0]) == [(0, 0)]
    assert pairs(gallery.range_search(query, radius=1)[0]) == [(0, 0), (1, 1)]
    assert pairs(gallery.range_search(query, radius=8)[0]) == [(0, 0), (1, 1), (2, 2)]


@EVERY
def test_empty_ball_gives_no_hits(kind):
    (hits,) = index(16, kind=kind).range_search(pack(-np.ones((1, 16), np.int8)), radius=0)
    assert len(hits.ids) == len(hits.distances) == 0


@EVERY
def test_ids_and_distances_are_integers(kind):
    gallery, query = index(kind=kind), np.zeros((1, 2), np.uint8)
    for hits in (gallery.search(query, top_k=3)[0], gallery.range_search(query, radius=16)[0]):
        assert hits.ids.dtype == np.int64
        assert hits.distances.dtype == np.int32


@EVERY
@pytest.mark.parametrize("top_k", [0, -1, 21])
def test_top_k_out_of_range_is_named_with_the_most_that_can_be_had(kind, top_k: int):
    with refused("top_k", value=top_k, names=20):
        index(count=20, kind=kind).search(np.zeros((1, 2), np.uint8), top_k=top_k)


@EVERY
@pytest.mark.parametrize("radius", [-1, 17])
def test_radius_out_of_range_is_named_with_the_range(kind, radius: int):
    with refused("radius", value=radius, names=(0, 16)):
        index(16, kind=kind).range_search(np.zeros((1, 2), np.uint8), radius=radius)


@pytest.mark.parametrize("query", [np.zeros((1, 4), np.uint8), np.zeros((1, 2), np.int64)])
@EVERY
def test_query_of_another_width_or_type_is_refused(kind, query):
    for call in (
        lambda: index(16, kind=kind).search(query, top_k=1),
        lambda: index(16, kind=kind).range_search(query, radius=1),
    ):
        with refused(names=16):
            call()


@EVERY
def test_gallery_of_another_width_is_refused(kind):
    with refused(names=(24, 3)):
        kind(np.zeros((5, 2), np.uint8), 24)


@pytest.mark.parametrize(("different", "taken"), [(3, DedupIndex), (10**6, ScanIndex)])
def test_codes_that_repeat_are_folded(monkeypatch: pytest.MonkeyPatch, different: int, taken: type):
    """The clock counts the codes an index compares, so that the choice is that of any machine."""
    monkeypatch.setattr(factory, "SMALL_INDEX", 100)
    monkeypatch.setattr(factory, "seconds", lambda index, queries: work(index))
    rows = np.random.default_rng(0).integers(min(different, 2**16), size=500)
    packed = rows.astype(np.uint16).view(np.uint8).reshape(-1, 2)
    found = make_index(packed, 16)
    assert type(found) is taken
    query = packed[:4]
    for hits, expected in zip(
        found.search(query, top_k=50), FlatIndex(packed, 16).search(query, top_k=50), strict=True
    ):
        assert pairs(hits) == pairs(expected)


def work(index: Index) -> float:
    if isinstance(index, DedupIndex):
        return 0.5 * len(index._codes)
    return {FlatIndex: 1.0, ScanIndex: 0.4}[type(index)] * len(index)


def test_few_codes_are_not_folded():
    assert isinstance(make_index(np.zeros((50, 4), np.uint8), 32), FlatIndex)


def test_both_indexes_are_tried_on_some_of_the_codes():
    codes = np.random.default_rng(0).integers(4, size=(factory.SMALL_INDEX, 2), dtype=np.uint8)
    assert isinstance(make_index(codes, 16), FlatIndex | DedupIndex | ScanIndex)


def test_blocks_of_codes_make_no_difference():
    """The own loop skips blocks in which all are as far away as the last hit."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, size=(3 * BLOCK + 7, 3), dtype=np.uint8)
    queries = codes[:: len(codes) // 9]
    for top_k in (1, 20, FEW_HITS, FEW_HITS + 1, len(codes)):
        for hits, true in zip(
            ScanIndex(codes, 24).search(queries, top_k=top_k),
            FlatIndex(codes, 24).search(queries, top_k=top_k),
            strict=True,
        ):
            assert pairs(hits) == pairs(true)


def test_where_nothing_can_be_compiled_faiss_searches(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(factory, "SMALL_INDEX", 100)
    monkeypatch.setattr(factory, "_scan_index", lambda: None)
    assert isinstance(make_index(CODES, 16), FlatIndex | DedupIndex)


def lists(packed: np.ndarray, num_bits: int, ids: np.ndarray | None = None) -> Index:
    """Lists that are looked at until all is found, as `look_far` makes them."""
    return IVFIndex.build(packed, num_bits, ids, recall=1.0)


@pytest.fixture(autouse=True)
def look_far(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "kind" in request.fixturenames and request.getfixturevalue("kind") is lists:
        monkeypatch.setattr(ivf, "RECALL_AT", 10**6)
        monkeypatch.setattr(ivf, "RECALL_QUERIES", 10**6)


KINDS = pytest.mark.parametrize("kind", [FlatIndex, DedupIndex, ScanIndex, lists])
CODES = np.random.default_rng(0).integers(0, 4, size=(300, 2), dtype=np.uint8)
IDS = np.arange(300) * 7 + 3


def same(found: Index, expected: Index) -> None:
    """Hold two indexes against each other; lists may take any of the ties for the last places."""
    assert len(found) == len(expected)
    for top_k in (1, 7, len(expected)):
        for hits, true in zip(
            found.search(CODES[:5], top_k=top_k),
            expected.search(CODES[:5], top_k=top_k),
            strict=True,
        ):
            sure = len(true.ids) if not isinstance(found, IVFIndex) else closer(true)
            assert pairs(hits)[:sure] == pairs(true)[:sure]
            assert (hits.distances == true.distances).all()
    for hits, true in zip(
        found.range_search(CODES[:5], radius=2),
        expected.range_search(CODES[:5], radius=2),
        strict=True,
    ):
        assert pairs(hits) == pairs(true)


def closer(hits: Hits) -> int:
    return int((hits.distances < hits.distances[-1]).sum())


@KINDS
def test_ids_of_any_order_come_back_in_the_order_distance_then_id(kind):
    order = np.random.default_rng(1).permutation(300)
    same(kind(CODES[order], 16, IDS[order]), FlatIndex(CODES, 16, IDS))


@KINDS
def test_codes_that_are_added_and_removed_leave_the_index_as_built_afresh(kind):
    changed = kind(CODES[100:], 16, IDS[100:])
    changed.add(CODES[:100:2], IDS[:100:2])
    changed.remove(IDS[200:])
    keep = np.r_[0:100:2, 100:200]
    same(changed, FlatIndex(CODES[keep], 16, IDS[keep]))


@KINDS
def test_a_selection_is_searched_as_if_it_were_all(kind):
    found = kind(CODES, 16, IDS).subset(IDSelector(IDS[::3]))
    same(found, FlatIndex(CODES[::3], 16, IDS[::3]))


@KINDS
def test_an_index_comes_back_from_its_file(kind, tmp_path: Path):
    index = kind(CODES, 16, IDS)
    index.save(tmp_path / "index.npz")
    loaded = load_index(tmp_path / "index.npz")
    assert type(loaded) is type(index)
    assert loaded.recall == index.recall
    same(loaded, FlatIndex(CODES, 16, IDS))
    loaded.remove(IDS[:10])
    same(loaded, FlatIndex(CODES[10:], 16, IDS[10:]))


@KINDS
@pytest.mark.parametrize("harm", ["cut", "altered", "missing"])
def test_a_file_that_was_harmed_is_refused(kind, harm: str, tmp_path: Path):
    file = tmp_path / "index.npz"
    kind(CODES, 16, IDS).save(file)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content if harm == "altered" else content[:-100])
    if harm == "missing":
        file.unlink()
    with refused(names="index.npz"):
        load_index(file)


@KINDS
def test_ids_that_are_there_already_or_come_twice_are_refused(kind):
    index = kind(CODES, 16, IDS)
    with refused(names=10):
        index.add(CODES[:2], np.array([1, 10]))
    with refused(names=5):
        index.add(CODES[:2], np.array([5, 5]))
    with refused(names=4):
        index.remove(np.array([3, 4]))
    same(index, FlatIndex(CODES, 16, IDS))


@KINDS
@pytest.mark.parametrize("ids", [np.arange(4), np.arange(5) - 1, np.arange(5.0)])
def test_ids_that_do_not_fit_the_codes_are_refused(kind, ids: np.ndarray):
    with refused(names=(5, 0)):
        kind(CODES[:5], 16, ids)
