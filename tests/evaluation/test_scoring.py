import json
from dataclasses import replace

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from make_counts import random_codes
from make_splits import labeled
from refusals import refused

from rsh.codes.binary import pack
from rsh.data.dataset import Split
from rsh.evaluation import scoring
from rsh.evaluation.protocols import DISJOINT, PROTOCOLS, Protocol
from rsh.evaluation.scoring import (
    RetrievalTask,
    average_precisions,
    cosine_map,
    neighbor_classes,
    score,
    score_map,
)

EACH = pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=list(PROTOCOLS))
LEARNED = [protocol for protocol in PROTOCOLS.values() if not protocol.needs_unseen]
ORDERS = {"average": lambda figures: sum(figures) / len(figures), "optimistic": max}
ORDERS |= {"pessimistic": min}


def over_queries(figures: list[float], protocol: Protocol) -> float:
    """Take the mean that a protocol takes, query by query."""
    if protocol.over_queries == "nonzero":
        figures = [figure for figure in figures if figure > 0]
    if protocol.over_queries == "running":  # as the loop of DHCL's code, with chances for hits
        total = 0.0
        for number, figure in enumerate(figures, start=1):
            total += figure * (1 + sum(figures[: number - 1])) / number
        return total / len(figures)
    return sum(figures) / len(figures)


def pairs_of(codes: np.ndarray, split: Split, protocol: Protocol) -> list[list[tuple[int, bool]]]:
    """List distance and relevance for each query, straight from the table of the protocol."""
    found, its_class = [], split.dataset.labels.tolist()
    splits = split.dataset.items["split"].tolist()
    for query, part in enumerate(splits):
        if part in protocol.query:
            found.append([
                (reference.hamming(codes[query], codes[at]), its_class[query] == its_class[at])
                for at, its in enumerate(splits)
                if its in protocol.gallery and not (protocol.without_self and at == query)
            ])  # fmt: skip
    return found


@EACH
@given(st.integers(0, 10**6), st.sampled_from(list(ORDERS)))
def test_each_protocol_is_what_a_loop_over_its_rankings_gives(protocol, seed, ties):
    split = labeled(2, train=1, val=1, query=2, unseen=2 * protocol.needs_unseen)
    short = replace(protocol, top_k=protocol.top_k and 3)
    codes = random_codes(seed, len(split.dataset), 5)
    figures = []
    for pairs in pairs_of(codes, split, protocol):
        distances, hits = zip(*pairs, strict=True)
        if any(hits):
            figures.append(ORDERS[ties]([
                reference.average_precision(order, short.top_k, short.denominator)
                for order in reference.orders(distances, hits)
            ]))  # fmt: skip
    found = average_precisions(codes, RetrievalTask(split, short), ties)
    if protocol.denominator in ("relevant", "top_k") or ties == "average":
        assert np.nanmean(found) == pytest.approx(over_queries(figures, protocol))
    else:  # few early hits may beat more of them
        assert (found <= 1).all() and (found >= 0).all()


@EACH
@pytest.mark.parametrize("pairs_at_a_time", [1, 10**6])
def test_argsort_leaves_ties_in_the_order_of_rows(protocol, pairs_at_a_time, monkeypatch):
    monkeypatch.setattr(scoring, "PAIRS_PER_BLOCK", pairs_at_a_time)
    split, codes = labeled(3, train=5, val=2, query=4, unseen=6), random_codes(1, 39, 4)
    figures = []
    for pairs in pairs_of(codes, split, protocol):
        ranking = [hit for _, hit in sorted(pairs, key=lambda pair: pair[0])]
        figures.append(reference.average_precision(ranking, protocol.top_k, protocol.denominator))
    task = RetrievalTask(split, protocol)
    report = score(codes, task, ties="argsort")
    assert report["map"] == pytest.approx(over_queries(figures, protocol))
    own, alone = score(codes, task), score_map(codes, task)
    assert alone == {name: own[name] for name in alone} and "map_interval" in alone
    if protocol.ties == "argsort":
        assert own["map"] == report["map"]
    assert (
        report["map_pessimistic"]
        <= score(codes, task, ties="average")["map"]
        <= report["map_optimistic"]
    )


def test_argsort_rates_a_network_of_one_code_by_the_alphabet():
    """What ties can do: the first class is found perfectly, though all codes are the same."""
    split = labeled(2, train=20, val=0, query=5)
    same = np.ones((50, 8), np.int8)
    by_class = average_precisions(same, RetrievalTask(split), "argsort").reshape(2, 5).mean(axis=1)
    assert by_class[0] == 1 and by_class[1] < 0.35
    report = score(same, RetrievalTask(split))
    assert report["map_optimistic"] == 1 and report["map"] == pytest.approx(0.55, abs=0.02)
    assert report["map_pessimistic"] == pytest.approx(by_class[1])


def test_queries_that_find_themselves_or_were_trained_on_score_higher():
    split = labeled(4, train=30, val=2, query=8)
    flips = np.random.default_rng(0).choice(np.array([1, -1], np.int8), (160, 16), p=[0.65, 0.35])
    flips[split.rows("train")] = 1  # what a network has seen, it knows
    codes = random_codes(1, 4, 16)[split.dataset.labels] * flips
    found = {each.name: score(codes, RetrievalTask(split, each))["map"] for each in LEARNED}
    assert found["all-vs-all@20"] > found["disjoint"]
    for name in ("ervd", "fah", "all-vs-all@20"):
        others = replace(PROTOCOLS[name], without_self=True)
        assert found[name] > score(codes, RetrievalTask(split, others))["map"]


def test_protocols_without_tiles_to_ask_or_to_find_are_refused():
    with refused(names="query"):
        RetrievalTask(labeled(2, train=3, val=1, query=0))
    with refused("protocol", value="disjoint"):
        RetrievalTask(labeled(2, train=0, val=0, query=3))
    with refused("protocol", value="milan"):
        RetrievalTask(labeled(1, train=4, val=2, query=1), PROTOCOLS["milan"])
    with refused("protocol", value="milan"):
        RetrievalTask(labeled(2, train=3, val=1, query=1), PROTOCOLS["milan"])
    RetrievalTask(labeled(2, train=3, val=1, query=1), PROTOCOLS["ervd"])
    for name in ("seen", "unseen"):
        with refused("protocol", value=name, names="--unseen"):
            RetrievalTask(labeled(2, train=3, val=1, query=1), PROTOCOLS[name])


def test_seen_and_unseen_classes_are_told_apart():
    split = labeled(2, train=6, val=1, query=3, unseen=5)
    labels = split.dataset.labels
    codes = random_codes(0, 3, 16)[labels]
    codes[labels == 2] = random_codes(1, 5, 16)  # as if nothing was learned of them
    found = {
        name: score(codes, RetrievalTask(split, PROTOCOLS[name]))["map"]
        for name in ("disjoint", "seen", "unseen")
    }
    assert found["disjoint"] == found["seen"] == 1 > found["unseen"]
    task = RetrievalTask(split, PROTOCOLS["unseen"])
    assert set(labels[task.query]) == {2} and len(task.query) == 5
    assert set(labels[task.gallery]) == {0, 1, 2} and not set(split.rows("query")) & {*task.gallery}


@pytest.mark.parametrize("protocol", LEARNED, ids=lambda protocol: protocol.name)
def test_one_class_is_refused(protocol):
    with refused(names="one class"):
        RetrievalTask(labeled(1, train=4, val=2, query=3), protocol)


@EACH
def test_neighbor_classes_are_the_mean_over_all_orders_of_ties(protocol, monkeypatch):
    monkeypatch.setattr(scoring, "CUT", 3)
    split = labeled(2, train=1, val=1, query=2, unseen=2 * protocol.needs_unseen)
    total, classes = len(split.dataset), len(split.dataset.classes)
    codes = random_codes(5, total, 3)
    labels, rows = split.dataset.labels, split.dataset.items["split"].tolist()
    sums = np.full((classes, classes), np.nan)
    for query in range(total):
        if rows[query] not in protocol.query:
            continue
        others = [
            other
            for other in range(total)
            if rows[other] in protocol.gallery and not (protocol.without_self and other == query)
        ]
        distances = [reference.hamming(codes[query], codes[other]) for other in others]
        sums[labels[query]] = np.nan_to_num(sums[labels[query]])
        for of_class in range(classes):
            hits = [bool(labels[other] == of_class) for other in others]
            sums[labels[query], of_class] += reference.mean_over_orders(
                lambda order: sum(order[:3]), distances, hits
            )
    found = neighbor_classes(pack(codes), RetrievalTask(split, protocol), 3)
    assert found == pytest.approx(sums / sums.sum(axis=1, keepdims=True), nan_ok=True)


def test_report_of_a_class_that_without_queries_is_json():
    split = labeled(3, train=4, val=1, query=2)
    items = split.dataset.items
    items.loc[(items["class"] == "1") & (items["split"] == "query"), "split"] = "train"
    report = score(random_codes(0, 21, 8), RetrievalTask(split))
    assert json.loads(json.dumps(report, allow_nan=False)) == json.loads(json.dumps(report))
    assert report["neighbor_classes"][1] == [None] * 3
    assert sum(report["neighbor_classes"][0]) == pytest.approx(1)


def test_distances_within_and_between_classes_are_counted():
    split = labeled(2, train=1, val=0, query=1)
    codes = np.array([[1, 1, 1], [1, 1, -1], [-1, -1, -1], [-1, -1, -1]], np.int8)
    report = score(codes, RetrievalTask(split))  # rows 0 and 2 are found, 1 and 3 ask
    assert report["relevant_by_distance"] == [1, 1, 0, 0]
    assert report["others_by_distance"] == [0, 0, 1, 1]
    assert report["mean_distance_relevant"] == 0.5
    assert report["mean_distance_others"] == 2.5


def test_interval_draws_whole_blocks():
    split, codes = labeled(2, train=10, val=2, query=8), random_codes(3, 40, 8)
    alone = score(codes, RetrievalTask(split))
    split.dataset.items["block"] = "one"
    together = score(codes, RetrievalTask(split))
    assert alone["map_interval"][0] < alone["map"] < alone["map_interval"][1]
    assert together["map_interval"] == pytest.approx((together["map"],) * 2)


def test_protocols_are_named_by_their_figure():
    assert DISJOINT.metric == "mAP@ALL"
    assert {name: each.metric for name, each in PROTOCOLS.items()} == {
        "disjoint": "mAP@ALL",
        "ahcl": "mAP@ALL",
        "dhcl": "any hit@20, running",
        "ervd": "mAP@ALL, nonzero",
        "fah": "mAP@60 / 60",
        "all-vs-all@20": "mAP@20 / 20",
        "milan": "mAP@20 / hits",
        "seen": "mAP@ALL",
        "unseen": "mAP@ALL",
    }


def test_what_makes_a_figure_too_high_is_said():
    found = {name: " ".join(each.warnings) for name, each in PROTOCOLS.items()}
    assert not found["disjoint"] and not found["ahcl"]
    assert {name for name, words in found.items() if "learned from" in words} == {
        "fah", "all-vs-all@20",
    }  # fmt: skip
    assert {name for name, words in found.items() if "find themselves" in words} == {
        "dhcl", "ervd", "fah", "all-vs-all@20",
    }  # fmt: skip
    assert "best figure on the queries" in found["dhcl"] and "one relevant tile" in found["dhcl"]
    assert "left out" in found["ervd"] and "loses nothing" in found["milan"]


def test_queries_that_find_nothing_are_left_out_where_the_protocol_does_so():
    split = labeled(2, train=4, val=0, query=2)
    lenient = replace(PROTOCOLS["milan"], over_queries="nonzero", gallery=("train",), top_k=1)
    lenient = replace(lenient, without_self=False)
    codes = np.ones((12, 4), np.int8)
    codes[split.dataset.labels == 1] = -1
    codes[split.rows("query")[:1]] = -1  # as those of the others
    found = average_precisions(codes, RetrievalTask(split, lenient))
    assert np.isnan(found[0]) and (found[1:] == 1).all()
    assert score(codes, RetrievalTask(split, lenient))["map"] == 1


def test_one_code_a_class_scores_one_and_one_code_for_all_the_base_rate():
    split = labeled(4, train=10, val=2, query=3)
    labels = split.dataset.labels
    centers = np.array([[1, 1, 1, 1], [1, 1, -1, -1], [-1, -1, 1, 1], [-1, -1, -1, -1]], np.int8)
    perfect = score(centers[labels], RetrievalTask(split))
    assert perfect["map"] == pytest.approx(1)
    assert perfect["map_interval"] == pytest.approx((1, 1))
    assert perfect["anmrr"] == pytest.approx(0)
    assert perfect["distinct_codes"] == 4
    same = score(np.ones((len(labels), 4), np.int8), RetrievalTask(split))
    assert same["precision_at_20"] == pytest.approx(0.25)
    assert same["distinct_codes"] == 1


def test_queries_are_not_in_their_own_gallery():
    """Codes that are unique to each tile would score 1 if a query could find itself."""
    split = labeled(2, train=1, val=1, query=1)
    codes = np.array([[1, 1, 1], [1, 1, -1], [-1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]])
    figures = score(codes.astype(np.int8), RetrievalTask(split))
    assert figures["recall_by_radius"][0] == 0.0
    assert figures["map"] < 1


def test_cosine_map_is_that_of_a_slow_loop():
    split = labeled(3, train=8, val=2, query=4)
    labels = split.dataset.labels
    rows = np.random.default_rng(0).normal(size=(len(labels), 5))
    query, gallery = split.rows("query"), split.rows("train", "val")
    figures = []
    for row in query:
        cosine = {
            int(other): rows[row] @ rows[other] / np.linalg.norm(rows[row])
            / np.linalg.norm(rows[other])
            for other in gallery
        }  # fmt: skip
        ranking = sorted(cosine, key=lambda other: -cosine[other])
        hits = [labels[other] == labels[row] for other in ranking]
        figures.append(reference.tied_average_precision(list(range(len(hits))), hits))
    assert cosine_map(3 * rows, RetrievalTask(split)) == pytest.approx(np.mean(figures))
