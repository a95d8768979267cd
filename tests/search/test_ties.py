"""Tiles of one distance or score: all of them are ranked, by features, and figures average."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from make_gallery import write

from rsh.gallery.filters import Filter
from rsh.gallery.gallery import Gallery
from rsh.gallery.writer import index_gallery
from rsh.search.query import Query, SearchOptions
from rsh.search.results import SearchResult
from rsh.search.retrieve import retrieve

COUNT, BITS = 60, 6


@pytest.fixture(scope="module", params=["exact", "ivf", "milvus"])
def gallery(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """Codes that tie in large groups, and features of which some are equal."""
    folder = tmp_path_factory.mktemp("ties")
    made = tied_gallery(folder / "gallery")
    uri = str(folder / "codes.db") if request.param == "milvus" else ""
    return index_gallery(made.folder, request.param, recall=1.0, uri=uri)


def tied_gallery(folder: Path) -> Gallery:
    rng = np.random.default_rng(5)
    codes = rng.choice(np.array([-1, 1], np.int8), (8, BITS))[rng.integers(0, 8, COUNT)]
    looks = rng.normal(size=(30, 3))[rng.integers(0, 30, COUNT)]
    items = pd.DataFrame(
        {
            "id": [f"{number:02}.jpg" for number in range(COUNT)],
            "class": rng.choice(["a", "b", ""], COUNT),
            "split": rng.choice(["train", "query"], COUNT, p=[0.8, 0.2]),
        }
    )
    return write(
        folder,
        info={"name": "ties", "model": {}, "data": {}},
        items=items,
        codes=codes,
        relaxed=codes * rng.choice([0.25, 0.5, 2.0], (8, BITS))[rng.integers(0, 8, COUNT)],
        features=looks / np.linalg.norm(looks, axis=1, keepdims=True),
        thumbnails=[b"x"] * COUNT,
    )


def others_of(gallery: Gallery, query: Query, options: SearchOptions) -> list[int]:
    rows = np.flatnonzero(options.filter.mask(gallery.items)).tolist()
    splits = gallery.items["split"]
    held_out = options.include_held_out
    return [n for n in rows if n not in query.excluded and (held_out or splits[n] != "query")]


def near(gallery: Gallery, row: int, other: int) -> float:
    one, two = (gallery.features[number].tolist() for number in (row, other))
    return sum(map(float.__mul__, one, two))


def far(gallery: Gallery, row: int, other: int) -> int:
    one, two = (gallery.codes[number].tolist() for number in (row, other))
    return sum(a != b for a, b in zip(one, two, strict=True))


def expected_precision(
    gallery: Gallery, result: SearchResult, ranked: list[int], keys: dict[int, Any]
) -> float | None:
    """Of a ranking of the tiles with a class, the mean over orders of equal keys, by a loop."""
    labels, own = gallery.labels.tolist(), gallery.labels[result.query.row]
    judged = [row for row in result.rows.tolist() if labels[row] >= 0]
    if own < 0 or not judged:
        return None
    known = [row for row in ranked if labels[row] >= 0]
    groups: dict[Any, list[bool]] = {}
    for row in known:
        groups.setdefault(keys[row], []).append(labels[row] == own)
    shares = [np.mean(groups[keys[row]]) for row in known[: len(judged)]]
    return float(np.mean(shares))


CASES = given(
    row=st.integers(0, COUNT - 1),
    top_k=st.integers(1, 40),
    held_out=st.booleans(),
    text=st.sampled_from(["", "class=a,b"]),
)
FEW = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def options_of(gallery: Gallery, query: Query, top_k: int, held_out: bool, text: str):
    chosen = Filter.read([text] if text else [])
    options = SearchOptions(filter=chosen, include_held_out=held_out)
    return options, min(top_k, len(others_of(gallery, query, options)))


@FEW
@CASES
def test_tiles_of_one_distance_come_in_the_order_of_features(gallery, row, top_k, held_out, text):
    query = Query(row)
    options, top_k = options_of(gallery, query, top_k, held_out, text)
    among = options.among()
    distance = {n: far(gallery, row, n) for n in others_of(gallery, query, options)}
    ranked = sorted(distance, key=lambda n: (distance[n], -near(gallery, row, n), n))
    found = retrieve(gallery, query, SearchOptions(top_k, **among))
    assert found.rows.tolist() == ranked[:top_k]
    assert found.precision == pytest.approx(
        expected_precision(gallery, found, ranked, distance), nan_ok=True
    )
    last = distance[ranked[top_k - 1]]
    tied = sum(each == last for each in distance.values())
    places = sum(distance[n] == last for n in ranked[:top_k])
    assert found.tied == tied
    assert found.cutoff_ties == ((tied, places) if tied > places else None)
    ball = retrieve(gallery, query, SearchOptions(radius=last, **among))
    assert ball.rows.tolist() == [n for n in ranked if distance[n] <= last]
    assert ball.cutoff_ties is None


@FEW
@CASES
@pytest.mark.parametrize("by", ["features", "asymmetric"])
def test_a_pool_never_cuts_through_a_group(gallery, by, row, top_k, held_out, text):
    query = Query(row)
    options, depth = options_of(gallery, query, top_k, held_out, text)
    top_k = (depth + 1) // 2
    distance = {n: far(gallery, row, n) for n in others_of(gallery, query, options)}
    reach = sorted(distance.values())[depth - 1]
    pool = [n for n in distance if distance[n] <= reach]
    soft = np.tanh(gallery.relaxed[row].astype(np.float32))
    score = {
        n: near(gallery, row, n) if by == "features" else float(gallery.codes[n] @ soft) / BITS
        for n in pool
    }
    found = retrieve(gallery, query, SearchOptions(top_k, None, by, depth, **options.among()))
    assert found.pool == len(pool)
    keys = {n: round(score[n], 5) for n in pool}
    ranked = sorted(pool, key=lambda n: (-keys[n], -near(gallery, row, n), distance[n], n))
    assert found.rows.tolist() == ranked[:top_k]
    assert found.precision == pytest.approx(
        expected_precision(gallery, found, ranked, keys), nan_ok=True
    )


@FEW
@CASES
def test_scores_of_feedback_tie_as_distances_do(gallery, row, top_k, held_out, text):
    marked = [n for n in range(COUNT) if n != row][:: COUNT // 3]
    query = Query(row, positive=(marked[0],), negative=(marked[1],))
    options, top_k = options_of(gallery, query, top_k, held_out, text)
    weights = [np.tanh(gallery.relaxed[n].astype(float)) for n in (row, *marked[:2])]
    moved = (weights[0] + weights[1] - 0.75 * weights[2]) / 2.75
    keys = {
        n: round(float(gallery.codes[n] @ moved) / BITS, 5)
        for n in others_of(gallery, query, options)
    }
    ranked = sorted(keys, key=lambda n: (-keys[n], -near(gallery, row, n), n))
    found = retrieve(gallery, query, SearchOptions(top_k, **options.among()))
    assert found.rows.tolist() == ranked[:top_k]
    assert found.precision == pytest.approx(
        expected_precision(gallery, found, ranked, keys), nan_ok=True
    )
    last = keys[ranked[top_k - 1]]
    tied = sum(key == last for key in keys.values())
    places = sum(keys[n] == last for n in ranked[:top_k])
    assert found.tied == tied
    assert found.cutoff_ties == ((tied, places) if tied > places else None)
    if tied > places:
        assert f"{tied} tiles have the score" in str(found)


def test_words_say_what_orders_the_last_tiles(gallery):
    row = int(gallery.searchable[0])
    found = retrieve(gallery, Query(row), SearchOptions(2))
    tied, places = found.cutoff_ties
    words = f"{tied} tiles are {found.farthest} bits away: "
    assert words + f"the {places} listed have the most similar features" in str(found)
