"""The Milvus index on Milvus's embedded server, compared with FAISS."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from refusals import refused

from rsh.gallery.filters import Filter
from rsh.index import milvus, milvus_client
from rsh.index.base import Hits, IDSelector
from rsh.index.flat import FlatIndex
from rsh.index.milvus import MilvusIndex

RNG = np.random.default_rng(0)
CODES = RNG.integers(0, 4, size=(3_000, 2), dtype=np.uint8)  # 16 bits, many ties
IDS = RNG.permutation(2**62 // 3000 * np.arange(1, 3001))
ITEMS = pd.DataFrame(
    {
        "id": [f"tile {number}" for number in range(3000)],
        "class": RNG.choice(["forest", 'it\'s "wüste"'], 3000),
        "split": RNG.choice(["train", "val"], 3000),
        "longitude": np.where(RNG.random(3000) < 0.2, np.nan, RNG.uniform(-180, 180, 3000)),
        "latitude": RNG.uniform(-90, 90, 3000),
        "cloud cover": RNG.integers(0, 100, 3000),
        "größe": RNG.integers(0, 9, 3000),
        "like": RNG.choice(["a", "b"], 3000),
        "sharp": RNG.random(3000) < 0.5,
        "date": pd.Series(RNG.choice(["2021-05-03", "2022-01-01", ""], 3000)).replace("", None),
    }
)


def pairs(hits: Hits) -> list[tuple[int, int]]:
    return list(zip(hits.distances.tolist(), hits.ids.tolist(), strict=True))


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("milvus") / "codes.db")


@pytest.fixture(scope="module")
def full(uri: str) -> MilvusIndex:
    index = MilvusIndex.build(uri, "full", 16)
    index.add(CODES, IDS, ITEMS)
    return index


@pytest.fixture(scope="module")
def exact() -> FlatIndex:
    return FlatIndex(CODES, 16, IDS)


@pytest.fixture
def small(uri: str) -> Iterator[MilvusIndex]:
    index = MilvusIndex.build(uri, "small", 12)
    index.add(CODES[:50], np.arange(50))
    yield index


@pytest.mark.parametrize("top_k", [1, 2, 20, 333, 3_000])
def test_hits_and_their_order_are_those_of_faiss(full, exact, top_k: int):
    queries = np.vstack([CODES[:6], RNG.integers(0, 256, (2, 2), dtype=np.uint8)])
    found = full.search(queries, top_k=top_k)
    for hits, true in zip(found, exact.search(queries, top_k=top_k), strict=True):
        assert pairs(hits) == pairs(true)
        assert (hits.ids.dtype, hits.distances.dtype) == (np.int64, np.int32)


@pytest.mark.parametrize("radius", [0, 1, 3, 16])
def test_balls_are_those_of_faiss(full, exact, radius: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(milvus, "MAX_HITS", 300)  # so that a ball takes several windows of ids
    for hits, true in zip(
        full.range_search(CODES[:4], radius=radius),
        exact.range_search(CODES[:4], radius=radius),
        strict=True,
    ):
        assert pairs(hits) == pairs(true)


@pytest.mark.parametrize(
    "texts",
    [
        ["class=forest"],
        ["class!=forest"],
        ['class=it\'s "wüste"', "split=val"],
        ["cloud cover=10..20"],
        ["cloud cover!=10..20"],
        ["cloud cover=1,2,3"],
        ["longitude!=0"],
        ["date=2021..2021-12-31"],
        ["date!=2022-01-01"],
        ["bbox=-20,-30,40,50"],
        ["größe=1..3"],
        ["like=a"],
        ["sharp=True"],
        ["id=tile 5,tile 7"],
        ["bbox=170,-80,-170,80"],
    ],
)
def test_the_server_filters_as_the_table_does(full, exact, texts: list[str]):
    conditions = Filter.read(texts)
    ids = np.sort(IDS[conditions.mask(ITEMS)])
    selection = IDSelector(ids, conditions.tests(ITEMS))
    found, true = full.subset(selection), exact.subset(selection)
    assert len(found) == len(true) == len(ids) > 0
    for top_k in (1, min(20, len(ids))):
        for hits, expected in zip(
            found.search(CODES[:3], top_k=top_k), true.search(CODES[:3], top_k=top_k), strict=True
        ):
            assert pairs(hits) == pairs(expected)
    ball, expected_ball = (e.range_search(CODES[:1], radius=2)[0] for e in (found, true))
    assert pairs(ball) == pairs(expected_ball)


def test_a_selection_without_tests_is_sent_as_ids(full, exact):
    selection = IDSelector(np.sort(IDS[:100]))
    found = full.subset(selection).search(CODES[:2], top_k=30)
    for hits, true in zip(found, exact.subset(selection).search(CODES[:2], top_k=30), strict=True):
        assert pairs(hits) == pairs(true)


def test_ties_of_a_large_gallery_come_in_the_order_of_faiss(uri: str):
    """100,000 clustered codes of 32 bits: every distance is shared by thousands."""
    rng = np.random.default_rng(0)
    centers = rng.integers(0, 256, (30, 4), dtype=np.uint8)
    noise = np.packbits(rng.random((100_010, 32)) < 0.08, axis=1)
    codes = centers[rng.integers(30, size=100_010)] ^ noise
    gallery, queries = codes[:100_000], codes[100_000:]
    ids = rng.permutation(100_000) * 7919
    served = MilvusIndex.build(uri, "large", 32)
    served.add(gallery, ids)
    exact = FlatIndex(gallery, 32, ids)
    for top_k in [1, 2, 1000, *rng.integers(3, 1000, 12).tolist()]:
        query = queries[[top_k % 10]]
        (hits,), (true,) = (e.search(query, top_k=top_k) for e in (served, exact))
        assert pairs(hits) == pairs(true)


def test_codes_come_and_go(small):
    small.add(CODES[50:60], np.arange(50, 60))
    small.remove(np.arange(0, 20))
    assert small.ids.tolist() == list(range(20, 60))
    expected = FlatIndex(CODES[20:60], 12, np.arange(20, 60))
    for hits, true in zip(
        small.search(CODES[:3], top_k=40), expected.search(CODES[:3], top_k=40), strict=True
    ):
        assert pairs(hits) == pairs(true)


def test_a_collection_is_found_again(small, uri: str):
    assert len(MilvusIndex.open(uri, "small", 12)) == 50


def test_wrong_input_is_refused_and_changes_nothing(small, tmp_path: Path):
    with refused(names=49):
        small.add(CODES[:2], np.array([77, 49]))
    with refused(names=5):
        small.add(CODES[:2], np.array([5, 5]))
    with refused(names=77):
        small.remove(np.array([3, 77]))
    for top_k in (0, 51):
        with refused("top_k", value=top_k, names=(1, 50)):
            small.search(CODES[:1], top_k=top_k)
    with refused("radius", value=13, names=(0, 12)):
        small.range_search(CODES[:1], radius=13)
    with refused(names=12):
        small.search(np.zeros((1, 4), np.uint8), top_k=1)
    with refused(names="index.npz"):
        small.save(tmp_path / "index.npz")
    assert len(small) == 50


def test_more_hits_than_milvus_returns_are_refused(full, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(milvus, "MAX_HITS", 100)
    with refused("top_k", value=101, names=100):
        full.search(CODES[:1], top_k=101)


def test_a_server_that_is_away_is_named_after_a_few_tries(monkeypatch: pytest.MonkeyPatch):
    waits: list[float] = []
    monkeypatch.setattr(milvus_client.time, "sleep", waits.append)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with refused(names=(address, 3)):
        MilvusIndex.open(address, "full", 16)
    assert len(waits) == 2


@pytest.mark.parametrize("uri", ["localhost", "/nowhere/x/codes.db"])
def test_an_address_that_cannot_be_is_named(uri: str):
    with refused(names=uri):
        MilvusIndex.open(uri, "full", 16)


def test_a_collection_that_is_not_there_is_named(uri: str, full):
    with refused(names="other"):
        MilvusIndex.open(uri, "other", 16)


def test_a_second_process_is_told_that_the_file_is_open(uri: str, full):
    script = f"from rsh.index.milvus import MilvusIndex\nMilvusIndex.open({uri!r}, 'full', 16)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "no other process has it open" in done.stderr


def test_a_server_that_is_away_is_told_in_one_line():
    script = (
        "from rsh.index import milvus_client\n"
        "from rsh.index.milvus import MilvusIndex\n"
        "milvus_client.TRIES = 1\n"
        "try: MilvusIndex.open('http://127.0.0.1:9', 'full', 16)\n"
        "except ValueError as error: print(error)\n"
        "import logging\n"
        "logging.getLogger('pymilvus.decorators').error('a trace')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.count("\n") == 1 and "does not answer" in done.stdout
    assert done.stderr == ""
