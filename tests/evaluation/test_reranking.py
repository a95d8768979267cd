"""What re-ranking gains is what the searches themselves show."""

import json

import numpy as np
import pytest
import reference
from make_counts import random_codes
from make_splits import labeled

from rsh.codes.binary import pack
from rsh.codes.encodings import Encodings
from rsh.codes.order import hash_order
from rsh.encoding.build import encode_dataset
from rsh.evaluation.protocols import PROTOCOLS
from rsh.evaluation.reranking import MEASURES, reranking_gain
from rsh.evaluation.scoring import RetrievalTask, score
from rsh.gallery.gallery import Gallery
from rsh.search.retrieve import search
from rsh.training.run import Run

BOTH = pytest.mark.parametrize("by", MEASURES)


@pytest.fixture(scope="module")
def encoded(tiny_run, tiny_split, tiny_cache) -> Encodings:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RSH_CACHE", str(tiny_cache))
        return encode_dataset(Run.open(tiny_run.folder).net(), tiny_split.dataset, progress=False)


def made(seed: int, split) -> Encodings:
    """Codes of few bits, so that most of a list is ties, and features that know better."""
    rng, count = np.random.default_rng(seed), len(split.dataset)
    codes = random_codes(seed, count, 8)
    features = rng.normal(size=(count, 3)) + 2 * np.eye(3)[split.dataset.labels]
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    relaxed = codes * rng.random((count, 8))
    return Encodings(codes, relaxed.astype(np.float16), features.astype(np.float16))


@BOTH
@pytest.mark.parametrize("depth", [20, 27, 36])
def test_precision_is_the_mean_of_what_searches_say(encoded, tiny_run, tiny_split, by, depth):
    gallery = Gallery.open(tiny_run.gallery)
    queries = gallery.items["id"][gallery.items["split"] == "query"]
    results = [search(gallery, tile, rerank=by, rerank_depth=depth) for tile in queries]
    report = reranking_gain(encoded, RetrievalTask(tiny_split), rerank_depth=depth)
    expected = np.mean([result.precision for result in results])
    assert report[by]["precision_at_20"] == pytest.approx(expected)
    assert report["rerank_depth"] == depth


@BOTH
@pytest.mark.parametrize("protocol", ["disjoint", "milan"])
def test_map_is_that_of_a_loop_in_which_only_what_lies_beyond_the_depth_is_tied(by, protocol):
    split, depth = labeled(3, train=8, val=2, query=5), 6
    encoded, task = made(4, split), RetrievalTask(split, PROTOCOLS[protocol])
    figures = []
    for row in task.query.tolist():
        ids = split.dataset.items["id"].iloc[task.gallery]
        others = [int(tile) for tile in task.gallery[hash_order(ids)] if tile != row]
        codes = encoded.codes.tolist()
        others.sort(key=lambda tile: reference.hamming(codes[row], codes[tile]))
        mine = encoded.features[row] if by == "features" else np.tanh(encoded.relaxed[row] * 1.0)
        theirs = encoded.features if by == "features" else encoded.codes
        far = {tile: reference.hamming(codes[row], codes[tile]) for tile in others}
        pool = [tile for tile in others if far[tile] <= far[others[depth - 1]]]
        score = {tile: float(np.dot(theirs[tile] * 1.0, mine * 1.0)) for tile in pool}
        pool.sort(key=lambda tile: -score[tile])
        # Equal scores tie, and any distance beyond the pool comes after all of them.
        places = [round(-score[tile], 9) - 100 for tile in pool]
        beyond = others[len(pool) :]
        hits = [split.dataset.labels[tile] == split.dataset.labels[row] for tile in pool + beyond]
        distances = [*places, *(far[tile] for tile in beyond)]
        figures.append(reference.tied_average_precision(distances, hits))
    report = reranking_gain(encoded, task, rerank_depth=depth)
    assert report[by]["map"] == pytest.approx(np.mean(figures), abs=1e-6)


def test_bits_alone_are_what_an_evaluation_says_and_the_depth_is_all_there_is_at_most():
    split = labeled(3, train=8, val=2, query=5)
    encoded, task = made(1, split), RetrievalTask(split)
    report, whole = reranking_gain(encoded, task), score(encoded.codes, task)
    assert report["bits"] == {name: pytest.approx(whole[name]) for name in report["bits"]}
    assert report["rerank_depth"] == 30
    low, high = report["features"]["gain_interval"]
    gain = report["features"]["precision_at_20"] - report["bits"]["precision_at_20"]
    assert report["features"]["gain"] == pytest.approx(gain) and 0 < low <= gain <= high
    assert json.loads(json.dumps(report))["rerank_depth"] == 30


def test_one_image_of_several_is_that_one():
    split = labeled(2, train=2, val=1, query=1)
    encoded = made(0, split)
    assert [len(part) for part in encoded.one(3)] == [1, 1, 1]
    assert np.array_equal(encoded.one(3).packed, pack(encoded.codes)[[3]])
